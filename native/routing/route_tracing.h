// RouteTracing: what a route says of the tracing of its requests, in place of its connection manager. Immutable, part of
// its route.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/substitution/custom_tags.h"
#include "http/substitution/formatter.h"
#include "plan/plan_types.h"
#include "routing/fraction.h"

namespace nuncio::routing {

struct RouteTracing {
  static base::Result<std::unique_ptr<const RouteTracing>, std::string> make(const plan::RouteTracing& plan);

  Fraction client_sampling;
  Fraction random_sampling;
  Fraction overall_sampling;
  http::CustomTags tags;
  std::optional<http::Formatter> operation;
  std::optional<http::Formatter> upstream_operation;
};

/** What its spans are called. */
struct Decorator {
  std::string operation;  // empty: as they would be without
  bool propagate = true;  // in the header x-envoy-decorator-operation
};

/** Fills `out` where there is a format. The answer is an error for the operator, or empty. */
std::string makeOperation(const std::optional<plan::Format>& plan, std::optional<http::Formatter>& out);

}  // namespace nuncio::routing
