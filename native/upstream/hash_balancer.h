// Ring hash and Maglev: load balancers that lead equal hashes to the same host, as long as it is there. Their tables are
// those of Envoy, entry for entry, so that a fleet with both sends a user to one place. Worker thread only.
#pragma once

#include <memory>
#include <vector>

#include "upstream/load_balancer.h"

namespace nuncio::upstream {

/** Is the cluster's balancer one of the two? */
bool hashes(const plan::Cluster& cluster);

/** `cluster.hash_lb` is set. With `by_locality` a host's share is that of its locality. The table is made by the first pick. */
std::unique_ptr<LoadBalancer> makeHashBalancer(const plan::Cluster& cluster, std::vector<HostRuntime*> hosts,
                                               bool by_locality, base::Random& random);

}  // namespace nuncio::upstream
