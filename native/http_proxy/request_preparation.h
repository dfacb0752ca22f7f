// What the connection manager does to a request's head before routing, and to a response's head before it goes out: who
// the client is, internal or external, hop-by-hop and x-envoy headers, request id, via, server, date (Envoy:
// conn_manager_utility). Free functions; the stream's state is theirs to read and the header maps theirs to change.
#pragma once

#include <string_view>

#include "http/header_map.h"
#include "http/stream_info.h"
#include "http_proxy/manager_config.h"
#include "http_proxy/worker_context.h"
#include "routing/route_table.h"

namespace nuncio::http_proxy {

struct PreparedRequest {
  const net::Address& remote;   // the trusted client; the connection's, or in the arena
  bool internal;
  uint16_t reject_status = 0;  // not 0: nobody can say who the client is, and that is not allowed
};

PreparedRequest prepareRequestHead(http::HeaderMap& headers, const http::ConnectionInfo& connection, const ManagerConfig& config,
                                   const routing::RouteTable* table, WorkerContext& worker);

/** `request` may be null (a head that could not be read). */
void prepareResponseHead(http::HeaderMap& headers, const http::HeaderMap* request, const ManagerConfig& config,
                         WorkerContext& worker);

/** Host without port or trailing dot, as the configuration asks. */
void normalizeHost(http::HeaderMap& headers, const http::ConnectionInfo& connection, const plan::HttpConnectionManager& plan);

/** Connection holds "upgrade" and there is an Upgrade header (RFC 9110 §7.8). */
bool isUpgradeRequest(const http::HeaderMap& headers);

}  // namespace nuncio::http_proxy
