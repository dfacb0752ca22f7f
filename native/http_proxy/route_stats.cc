#include "http_proxy/route_stats.h"

namespace nuncio {

RouteStats::RouteStats(stats::WorkerStats& stats, const routing::RouteTable& table) : stats_(stats) {
  const auto add = [&](const void* owner, const std::string& name) { scopes_.emplace(owner, stats_.scope<stats::VirtualCluster>(name)); };
  for (const auto& host : table.virtualHosts()) {
    for (const routing::VirtualCluster& cluster : host->virtual_clusters) add(&cluster, host->name + ".vcluster." + cluster.name);
    if (!host->virtual_clusters.empty()) add(host.get(), host->name + ".vcluster.other");
    for (const auto& route : host->routes) {
      if (!route->stat_prefix.empty()) add(route.get(), host->name + ".route." + route->stat_prefix);
    }
  }
}

RouteStats::~RouteStats() {
  for (const auto& [owner, scope] : scopes_) stats_.release(scope);
}

}  // namespace nuncio
