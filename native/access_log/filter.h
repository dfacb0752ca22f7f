// Filter: which requests a logger writes (config.accesslog.v3.AccessLogFilter), also the condition of local-reply mappers.
// Made from its plan, then immutable and shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/substitution/format_context.h"

namespace nuncio::plan {
struct AccessLogFilter;
}

namespace nuncio::access_log {

/** Where a filter gets runtime values and chance from; the worker implements it. */
class Conditions {
 public:
  virtual ~Conditions() = default;
  /** The runtime value of `key`, or `fallback`. */
  virtual uint64_t runtimeInteger(std::string_view key, uint64_t fallback) const = 0;
  virtual uint64_t random() const = 0;
};

class Filter {
 public:
  /** The error is a sentence for the operator. */
  static base::Result<Filter, std::string> make(const plan::AccessLogFilter& plan);

  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  bool passes(const http::FormatContext& context, const Conditions& conditions) const;

 private:
  struct Node;
  explicit Filter(std::unique_ptr<Node> root);

  std::unique_ptr<Node> root_;
};

}  // namespace nuncio::access_log
