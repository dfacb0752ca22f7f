// Ring hash and Maglev: load balancers that lead equal hashes to the same host, as long as it is there. Their tables are
// those of Envoy, entry for entry, so that a fleet with both sends a user to one place. Worker thread only.
#pragma once

#include <memory>
#include <vector>

#include "upstream/load_balancer.h"

namespace nuncio::upstream {

/** Is the cluster's balancer one of the two? */
bool hashes(const plan::Cluster& cluster);

/** What a hash balancer is made with. */
struct HashBalancing {
  const plan::Cluster& cluster;       // its hash_lb is set
  const CircuitBreakers& breakers;    // they know how many requests are under way
  base::Random& random;
  bool by_locality;                   // a host's share is that of its locality
  const LocalityScale* scale;
};

/** The table is made by the first pick. */
std::unique_ptr<LoadBalancer> makeHashBalancer(const HashBalancing& balancing, std::vector<HostRuntime*> hosts);

}  // namespace nuncio::upstream
