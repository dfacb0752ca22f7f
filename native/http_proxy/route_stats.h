// RouteStats: the counters of a route table's virtual clusters, and of its routes with a stat_prefix, in one worker. Made
// when the worker takes the table over, so that they are seen before they are used; owned by the lease on the table.
#pragma once

#include <unordered_map>

#include "routing/route_table.h"
#include "stats/registry.h"

namespace nuncio {

class RouteStats {
 public:
  RouteStats(stats::WorkerStats& stats, const routing::RouteTable& table);
  ~RouteStats();
  RouteStats(const RouteStats&) = delete;
  RouteStats& operator=(const RouteStats&) = delete;

  /** Of the virtual cluster a request belongs to: `found`, or the "other" one; empty where the host has none. */
  stats::VirtualClusterScope of(const routing::VirtualHost& host, const routing::VirtualCluster* found) const {
    return find(found != nullptr ? static_cast<const void*>(found) : &host);
  }
  /** Empty when the route has no stat_prefix. */
  stats::VirtualClusterScope of(const routing::Route& route) const { return find(&route); }

 private:
  stats::VirtualClusterScope find(const void* owner) const {
    if (scopes_.empty()) return {};
    const auto found = scopes_.find(owner);
    return found == scopes_.end() ? stats::VirtualClusterScope() : found->second;
  }

  stats::WorkerStats& stats_;
  std::unordered_map<const void*, stats::VirtualClusterScope> scopes_;
};

}  // namespace nuncio
