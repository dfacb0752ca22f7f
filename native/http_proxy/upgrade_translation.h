// Upgrades across versions: HTTP/1.1 asks by `Upgrade`, HTTP/2 by extended CONNECT (RFC 8441). Inside the proxy a request
// always has the form of HTTP/1.1; it takes the other form where it meets an HTTP/2 connection.
#pragma once

#include <string_view>

#include "http/header_map.h"

namespace nuncio::http_proxy {

/** Is this CONNECT with a `:protocol`? */
bool isExtendedConnect(const http::HeaderMap& request);

/** Downstream HTTP/2: extended CONNECT becomes GET with `Upgrade`. */
void toUpgradeRequest(http::HeaderMap& request);
/** Is this an upgrade to connect-udp (RFC 9298)? */
bool asksForUdp(const http::HeaderMap& request);
/** Its target, which the path names, becomes `:authority`. False: the path is none of the well-known form. */
bool nameUdpTarget(http::HeaderMap& request);
/** Its response: 101 becomes 200, without the headers that mean the connection. */
void toConnectResponse(http::HeaderMap& response);

/**
 * Upstream HTTP/2: a request with `Upgrade` as extended CONNECT, and CONNECT without what it must not have (RFC 9113 section 8.5).
 * A copy, as another attempt may need the other form.
 */
http::HeaderMap& connectRequest(const http::HeaderMap& request, base::Arena& arena);
/** Its response: 200 becomes 101 with `Upgrade: protocol`. */
void toUpgradeResponse(http::HeaderMap& response, std::string_view protocol);

}  // namespace nuncio::http_proxy
