#include "http_proxy/tracing_config.h"

#include <utility>

#include "generated/plan.h"
#include "routing/route_tracing.h"

namespace nuncio::http_proxy {

base::Result<std::unique_ptr<const TracingConfig>, std::string> TracingConfig::make(const plan::Tracing& plan) {
  auto tags = http::CustomTags::make(plan.tags);
  if (!tags.ok()) return std::move(tags.error());
  const auto fraction = [](const std::optional<plan::Fraction>& part) { return routing::Fraction(part.value_or(plan::Fraction{})); };
  auto made = std::make_unique<TracingConfig>(
      TracingConfig{.client_sampling = fraction(plan.client_sampling),
                    .random_sampling = fraction(plan.random_sampling),
                    .overall_sampling = fraction(plan.overall_sampling),
                    .verbose = plan.verbose,
                    .spawns_upstream_span = plan.spawn_upstream_span,
                    .propagates = !plan.no_context_propagation,
                    .max_path_length = plan.max_path_tag_length,
                    .tags = std::move(tags.value()),
                    .operation = {},
                    .upstream_operation = {},
                    .tracer = plan.tracer ? std::make_unique<const tracing::Tracer>(*plan.tracer) : nullptr});
  if (std::string error = routing::makeOperation(plan.operation, made->operation); !error.empty()) return error;
  if (std::string error = routing::makeOperation(plan.upstream_operation, made->upstream_operation); !error.empty()) return error;
  return std::unique_ptr<const TracingConfig>(std::move(made));
}

}  // namespace nuncio::http_proxy
