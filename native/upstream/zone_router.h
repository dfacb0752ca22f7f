// ZoneRouter: keeps the requests of one cluster in this proxy's own zone as far as that is fair to its hosts: as far as their
// share of the cluster is no smaller than this zone's share of all proxies (the "local cluster"); what is left over goes
// to the zones that have more than their proxies need (Envoy: zone aware routing). Rebuilt when either's hosts change.
// Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "snapshot/runtime_part.h"
#include "upstream/cluster_part.h"
#include "upstream/load_balancer.h"
#include "upstream/priority_balancer.h"

namespace nuncio::upstream {

class ZoneRouter {
 public:
  /** `plan` outlives it. */
  ZoneRouter(const Balancing& with, const plan::ZoneAware& plan) : with_(with), plan_(plan) {}

  /** `hosts` are those of `own`, in order; `proxies` null: nothing is known of the local cluster. */
  void rebuild(std::span<HostRuntime* const> hosts, const EndpointsPart& own, const EndpointsPart* proxies);
  /** What the runtime says in the place of the plan; null: nothing. */
  void adoptRuntime(const snapshot::RuntimePart* runtime);

  /** Does the zone count at all? */
  bool active() const { return state_ != State::kOff; }
  /** The balancer of a zone for one attempt; null: this one goes where it would without zones. */
  LoadBalancer* choose();

 private:
  enum class State : uint8_t { kOff, kDirect, kResidual };
  struct Zone {
    uint64_t share = 0;    // of the healthy hosts of the cluster, in 1/10,000
    uint64_t proxies = 0;  // and of the proxies
    size_t usable = 0;
    std::unique_ptr<LoadBalancer> balancer;  // null: nobody in it is healthy
  };
  void shareOut(bool has_own);
  LoadBalancer* chooseZone();

  const Balancing with_;
  const plan::ZoneAware& plan_;
  std::optional<uint64_t> enabled_;        // of the runtime, like the next
  std::optional<uint64_t> least_;
  State state_ = State::kOff;
  bool proxies_panic_ = false;
  uint64_t stay_ = 0;                      // so many of 10,000 requests stay in the zone
  std::vector<Zone> zones_;                // the own one first, if the cluster has any host there
  std::vector<uint64_t> room_;             // what zones have left over, added up
};

}  // namespace nuncio::upstream
