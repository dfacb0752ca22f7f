#include "http_proxy/rate_limiting.h"

#include "routing/route.h"

namespace nuncio::http_proxy {

void eachDescriptor(FilterStream& stream, const routing::RateLimits& limits, const LimitChoice& choice, DescriptorFound found) {
  if (limits.empty()) return;
  const http::FormatContext context = stream.formatContext();
  const routing::Route* route = stream.route();
  const WorkerContext& worker = stream.worker();
  const auto number = [&](std::string_view key) { return worker.runtime == nullptr ? std::nullopt : worker.runtime->integer(key); };
  const routing::DescriptorInput input{stream.requestHeaders(),
                                       context,
                                       stream.dynamicMetadata(),
                                       route == nullptr ? std::string_view() : std::string_view(route->metadata_json),
                                       stream.clusterName(),
                                       stream.arena(),
                                       stream.worker().scratch};
  limits.each(input, choice.stage, choice.done, choice.runtime_kind, number, found);
}

void eachRouteDescriptor(FilterStream& stream, HostLimits host, const LimitChoice& choice, DescriptorFound found) {
  const routing::Route* route = stream.route();
  if (route == nullptr || route->cluster == nullptr) return;
  const routing::RateLimits& own = route->cluster->rate_limits;
  eachDescriptor(stream, own, choice, found);
  if (route->cluster->include_vh_rate_limits) host = HostLimits::kInclude;
  if (host == HostLimits::kIgnore || (host == HostLimits::kUnlessRouteHas && !own.empty())) return;
  eachDescriptor(stream, route->virtual_host->rate_limits, choice, found);
}

}  // namespace nuncio::http_proxy
