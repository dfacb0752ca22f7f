// PriorityBalancer: picks one of a cluster's hosts, or of a subset of them, by priority and health. Rebuilt when the
// hosts change. Worker thread only.
//
//   choose(): priority by load ─▶ (panic? all hosts : healthy : degraded) ─▶ load balancer ─▶ host
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "stats/registry.h"
#include "upstream/cluster_part.h"
#include "upstream/host_runtime.h"
#include "upstream/load_balancer.h"

namespace nuncio::upstream {

/** What it works with; everything outlives it. */
struct Balancing {
  const ClusterPart& part;
  stats::ClusterScope& stats;
  stats::WorkerStats& worker_stats;
  base::Random& random;
};

class ZoneRouter;

class PriorityBalancer {
 public:
  /** `by_locality`: the weights of localities count. */
  PriorityBalancer(const Balancing& with, bool by_locality) : with_(with), by_locality_(by_locality) {}

  /** Takes over these hosts. `scale`: see LocalityScale. */
  void rebuild(std::span<HostRuntime* const> hosts, uint32_t priorities, uint32_t overprovisioning,
               const LocalityScale* scale = nullptr);
  /** They come before its own choice among the healthy hosts of the first priority; rebuilt before it is. Null: none. */
  void useZones(ZoneRouter* zones) { zones_ = zones; }
  /** The host for one attempt; null: none is usable. */
  HostRuntime* choose(const PickContext& context);

 private:
  struct HostSet {
    std::vector<HostRuntime*> hosts;
    std::unique_ptr<LoadBalancer> balancer;
  };
  struct PriorityState {
    HostSet all, healthy, degraded;
    size_t eligible = 0;         // hosts that count when its health is reckoned
    uint32_t healthy_load = 0;   // percent of requests
    uint32_t degraded_load = 0;
    bool panic = false;
  };
  void fill(HostSet& set, const PriorityState& state, const LocalityScale* scale) const;
  void computeLoads();
  void computePanic(uint32_t availability);
  const PriorityState* choosePriority(const PickContext& context, bool& degraded);
  static HostRuntime* pickFrom(LoadBalancer& balancer, const PickContext& context);

  const Balancing with_;
  const bool by_locality_;
  ZoneRouter* zones_ = nullptr;
  uint32_t overprovisioning_ = 140;
  std::vector<PriorityState> priorities_;
  bool simple_ = false;  // one priority, all healthy: no arithmetic for each request
};

}  // namespace nuncio::upstream
