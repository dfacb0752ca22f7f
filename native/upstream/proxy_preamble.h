// The PROXY header that a cluster with `envoy.transport_sockets.upstream_proxy_protocol` sends first on each connection,
// made from the downstream connection it is for. It makes the connection that client's own: its addresses are part of the
// pool's key.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "http/stream_info.h"
#include "upstream/connect.h"

namespace nuncio::upstream {

class ClusterRuntime;

/** Fills `options.preamble` and its key where the cluster wants a header. `arena` keeps the bytes. */
void addProxyPreamble(ClusterRuntime& cluster, const http::ConnectionInfo& downstream, base::Arena& arena,
                      TransportOptions& options);

}  // namespace nuncio::upstream
