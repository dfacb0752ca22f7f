// Gauges of the circuit breakers (`cluster.<name>.circuit_breakers.<priority>.`): copied from their counts when main is
// about to read statistics, so that the request path pays nothing for them.
#pragma once

#include "snapshot/runtime_part.h"
#include "stats/registry.h"
#include "upstream/cluster_part.h"

namespace nuncio::upstream {

/** Main thread. */
void publishBreakers(const ClusterPart& cluster, const snapshot::RuntimePart* runtime, stats::Registry& statistics);

}  // namespace nuncio::upstream
