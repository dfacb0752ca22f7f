// LoadBalancer: picks one of a fixed set of hosts. A new one is built when the set changes. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/random.h"
#include "net/address.h"
#include "plan/plan_types.h"
#include "routing/subset_criteria.h"

namespace nuncio::upstream {

class HostRuntime;
struct CircuitBreakers;

/** What the request brings to the choice. */
struct PickContext {
  std::optional<uint64_t> hash;                                       // for consistent hashing
  const base::FunctionRef<bool(const HostRuntime&)>* avoid = nullptr; // retry: hosts not wanted again
  uint32_t attempts = 1;                                              // how often to pick anew when avoided
  uint32_t attempt = 0;                                               // 0: the first pick; consistent hashing goes on from there
  const net::Address* destination = nullptr;                          // for ORIGINAL_DST; null: nobody named one
  const routing::SubsetCriteria* criteria = nullptr;                  // for subset load balancing
  std::string_view* wanted = nullptr;                                 // hosts that the request names; those that were tried are taken off
};

/** How much of its locality's weight a host's counts, by index of the locality; null: all of it. */
using LocalityScale = std::vector<double>;

class LoadBalancer {
 public:
  virtual ~LoadBalancer() = default;
  /** Null only for an empty set. */
  virtual HostRuntime* pick(const PickContext& context) = 0;
};

std::unique_ptr<LoadBalancer> makeLoadBalancer(const plan::Cluster& cluster, std::vector<HostRuntime*> hosts,
                                               base::Random& random);

/** The weight a host's locality has. */
double localityWeight(const HostRuntime& host, const LocalityScale* scale);

/**
 * First a locality by its weight, lowered as its share of usable hosts falls below what over-provisioning makes up for;
 * then a host in it (Envoy: locality weighted load balancing). `all`: every host of the priority, `usable` those to pick from.
 */
std::unique_ptr<LoadBalancer> makeLocalityBalancer(const plan::Cluster& cluster, const std::vector<HostRuntime*>& all,
                                                   const std::vector<HostRuntime*>& usable, uint32_t overprovisioning,
                                                   const LocalityScale* scale, base::Random& random);

}  // namespace nuncio::upstream
