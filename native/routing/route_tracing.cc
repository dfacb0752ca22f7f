#include "routing/route_tracing.h"

#include <utility>

namespace nuncio::routing {

std::string makeOperation(const std::optional<plan::Format>& plan, std::optional<http::Formatter>& out) {
  if (!plan) return {};
  auto format = http::Formatter::make(*plan);
  if (!format.ok()) return std::move(format.error().message);
  out.emplace(std::move(format.value()));
  return {};
}

base::Result<std::unique_ptr<const RouteTracing>, std::string> RouteTracing::make(const plan::RouteTracing& plan) {
  auto tags = http::CustomTags::make(plan.tags);
  if (!tags.ok()) return std::move(tags.error());
  const auto fraction = [](const std::optional<plan::Fraction>& part) { return Fraction(part.value_or(plan::Fraction{})); };
  auto made = std::make_unique<RouteTracing>(RouteTracing{.client_sampling = fraction(plan.client_sampling),
                                                          .random_sampling = fraction(plan.random_sampling),
                                                          .overall_sampling = fraction(plan.overall_sampling),
                                                          .tags = std::move(tags.value()),
                                                          .operation = {},
                                                          .upstream_operation = {}});
  if (std::string error = makeOperation(plan.operation, made->operation); !error.empty()) return error;
  if (std::string error = makeOperation(plan.upstream_operation, made->upstream_operation); !error.empty()) return error;
  return std::unique_ptr<const RouteTracing>(std::move(made));
}

}  // namespace nuncio::routing
