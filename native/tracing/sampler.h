// Sampler: an OpenTelemetry sampler (opentelemetry.io/docs/specs/otel/trace/sdk/#sampler): decides over a trace by its id
// or its caller. Made from its plan, then immutable and shared by all workers.
#pragma once

#include <cstdint>
#include <memory>

#include "tracing/span.h"

namespace nuncio::plan {
struct Sampler;
}

namespace nuncio::tracing {

class Sampler {
 public:
  explicit Sampler(const plan::Sampler& plan);

  /** `parent`: what came with the request; null: nothing did. */
  bool samples(uint64_t trace_high, const SpanContext* parent) const;

 private:
  enum class Kind : uint8_t { kAlwaysOn, kRatio, kParentBased };

  Kind kind_ = Kind::kAlwaysOn;
  uint64_t numerator_ = 0;               // kRatio
  uint64_t denominator_ = 100;
  std::unique_ptr<const Sampler> root_;  // kParentBased
};

}  // namespace nuncio::tracing
