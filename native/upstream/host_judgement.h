// What requests and connections say of their host, for outlier detection and for health checks that an answer can fail. The
// counts are the host's; a run of errors that is as long as the cluster bears is told to main, which decides. Workers' threads.
#pragma once

#include <cstdint>

#include "upstream/cluster_runtime.h"

namespace nuncio::upstream {

namespace judgement {
void status(ClusterRuntime& cluster, HostRuntime& host, uint32_t code);
void reached(ClusterRuntime& cluster, HostRuntime& host, bool final);
void unreached(ClusterRuntime& cluster, HostRuntime& host, uint32_t code);
void immediateFailure(ClusterRuntime& cluster, HostRuntime& host);
}  // namespace judgement

/** The host answered. */
inline void noteStatus(ClusterRuntime& cluster, HostRuntime& host, uint32_t code) {
  if (cluster.judgesHosts()) [[unlikely]] judgement::status(cluster, host, code);
}

/** A connection to the host stands. `final`: no answer follows that would say more (TCP). */
inline void noteReached(ClusterRuntime& cluster, HostRuntime& host, bool final) {
  if (cluster.judgesHosts()) [[unlikely]] judgement::reached(cluster, host, final);
}

/** Nothing came of it on our side: no connection, no answer in time. `code`: what it counts as where the two sides are not told apart. */
inline void noteUnreached(ClusterRuntime& cluster, HostRuntime& host, uint32_t code) {
  if (cluster.judgesHosts()) [[unlikely]] judgement::unreached(cluster, host, code);
}

/** x-envoy-immediate-health-check-fail */
inline void noteImmediateFailure(ClusterRuntime& cluster, HostRuntime& host) {
  if (cluster.judgesHosts()) [[unlikely]] judgement::immediateFailure(cluster, host);
}

}  // namespace nuncio::upstream
