// FaultSettings: the fault filter's configuration, of the chain or of a route. Immutable but for the number of faults under
// way, which all workers share.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generated/filters/http/fault/plan.h"
#include "http/matcher.h"
#include "http_proxy/filter_support.h"

namespace nuncio::ext::faults {

struct FaultSettings final : routing::RouteSettings {
  static base::Result<std::unique_ptr<const FaultSettings>, std::string> make(std::span<const uint8_t> bytes) {
    auto made = std::make_unique<FaultSettings>();
    if (!plan::fault::decode(bytes, made->plan)) return std::string("malformed plan");
    auto headers = http::makeFieldMatchers(made->plan.headers);
    if (!headers.ok()) return std::move(headers.error());
    made->headers = std::move(headers.value());
    return std::unique_ptr<const FaultSettings>(std::move(made));
  }

  plan::fault::Fault plan;
  http::FieldMatchers headers;
};

/** The part of a fault that is under a percentage: by its runtime key, the downstream cluster's, or the request's header. */
class Chance {
 public:
  Chance(const plan::Fraction& fraction, std::string_view own_key, uint64_t percentage)
      : fraction_(fraction), key_(own_key), percentage_(percentage) {}

  bool comesUp(const WorkerContext& worker, uint64_t random) const {
    const uint64_t denominator = fraction_.denominator == 0 ? 100 : fraction_.denominator;
    uint64_t numerator = (static_cast<uint64_t>(fraction_.ppm) * denominator + 500'000) / 1'000'000;
    if (percentage_ < numerator) numerator = percentage_;
    if (worker.runtime != nullptr) {
      if (const auto percent = worker.runtime->integer(key_)) return random % 100 < *percent;
    }
    return random % denominator < numerator;
  }

 private:
  const plan::Fraction& fraction_;
  std::string_view key_;
  uint64_t percentage_;  // at most this many, says the request
};

}  // namespace nuncio::ext::faults
