#include "http_proxy/request_preparation.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/path.h"
#include "http/request_id.h"
#include "http_proxy/client_certificate.h"
#include "net/local_address.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::HeaderMap;

namespace {

constexpr http::HeaderIdSet kInternalOnly = {
    HeaderId::kXEnvoyRetriableStatusCodes, HeaderId::kXEnvoyRetriableHeaderNames, HeaderId::kXEnvoyRetryOn,
    HeaderId::kXEnvoyRetryGrpcOn,          HeaderId::kXEnvoyMaxRetries,           HeaderId::kXEnvoyUpstreamAltStatName,
    HeaderId::kXEnvoyUpstreamRqTimeoutMs,  HeaderId::kXEnvoyUpstreamRqPerTryTimeoutMs,
    HeaderId::kXEnvoyUpstreamRqTimeoutAltResponse, HeaderId::kXEnvoyExpectedRqTimeoutMs, HeaderId::kXEnvoyForceTrace,
    HeaderId::kXEnvoyIpTags,               HeaderId::kXEnvoyOriginalUrl,          HeaderId::kXEnvoyHedgeOnPerTryTimeout,
    HeaderId::kXEnvoyUpstreamStreamDurationMs,
};
constexpr http::HeaderIdSet kEdgeOnly = {
    HeaderId::kXEnvoyDecoratorOperation, HeaderId::kXEnvoyDownstreamServiceCluster, HeaderId::kXEnvoyDownstreamServiceNode,
    HeaderId::kXEnvoyOriginalPath,       HeaderId::kXEnvoyOriginalHost,
};
constexpr http::HeaderIdSet kUpgrading = {HeaderId::kConnection, HeaderId::kUpgrade};
constexpr http::HeaderIdSet kHopByHop = {HeaderId::kKeepAlive, HeaderId::kProxyConnection, HeaderId::kTransferEncoding};
constexpr http::HeaderIdSet kHopByHopOrInternal = {HeaderId::kXEnvoyInternal, HeaderId::kKeepAlive, HeaderId::kProxyConnection,
                                                   HeaderId::kTransferEncoding};

/** Of all codings only trailers pass the proxy; the word counts as it is written. */
void sanitizeTe(HeaderMap& headers) {
  if (headers.get(HeaderId::kTe).empty()) return;
  bool trailers = false;
  base::forEachToken(headers.get(HeaderId::kTe), [&](std::string_view token) {
    trailers = token == "trailers";
    return !trailers;
  });
  if (trailers) {
    headers.set(HeaderId::kTe, "trailers");
  } else {
    headers.remove(HeaderId::kTe);
  }
}

void removeHopByHop(HeaderMap& headers) {
  if (!isUpgradeRequest(headers)) {
    headers.remove(kUpgrading);
    sanitizeTe(headers);
  }
  headers.remove(kHopByHopOrInternal);
  if (headers.has(HeaderId::kReferer) && !http::isValidReferer(headers.get(HeaderId::kReferer))) headers.remove(HeaderId::kReferer);
}

std::string_view schemeOf(const http::ConnectionInfo& connection) { return connection.tls == nullptr ? "http" : "https"; }

/** forward_proto_config: where a listener filter told the destination, its port may tell the scheme. */
std::string_view forwardedProto(const http::ConnectionInfo& connection, const plan::HttpConnectionManager& plan) {
  if (!connection.inspected() || !connection.local.isIp()) return schemeOf(connection);
  const auto names = [&](const std::vector<uint32_t>& ports) {
    return std::find(ports.begin(), ports.end(), connection.local.port()) != ports.end();
  };
  if (names(plan.https_destination_ports)) return "https";
  return names(plan.http_destination_ports) ? "http" : schemeOf(connection);
}

void appendForwardedPort(HeaderMap& headers, const http::ConnectionInfo& connection) {
  headers.set(HeaderId::kXForwardedPort, headers.arena().decimal(connection.local.port()));
}

void appendPeer(HeaderMap& headers, const http::ConnectionInfo& connection) {
  if (!connection.remote.isIp()) return;
  const net::Address& self = connection.remote.isLoopback() ? net::localAddress(net::Address::Family::kIpv4) : connection.remote;
  headers.append(HeaderId::kXForwardedFor, headers.arena().copy(self.ipText()));
}

/** use_remote_address: we are the first trusted hop; x-forwarded-* are ours to write. */
DetectedClient takeRemoteAddress(HeaderMap& headers, const http::ConnectionInfo& connection,
                                  const plan::HttpConnectionManager& plan) {
  DetectedClient client;
  const bool no_xff = !headers.has(HeaderId::kXForwardedFor);
  const uint32_t hops = plan.xff_num_trusted_hops;
  if (hops > 0) client = clientFromXff(headers, hops - 1);
  if (client.address == nullptr) client.address = &connection.remote;
  client.single = no_xff;
  if (!plan.skip_xff_append) appendPeer(headers, connection);
  if (hops == 0 || !headers.has(HeaderId::kXForwardedProto)) headers.set(HeaderId::kXForwardedProto, forwardedProto(connection, plan));
  if (plan.append_x_forwarded_port && (hops == 0 || !headers.has(HeaderId::kXForwardedPort))) {
    appendForwardedPort(headers, connection);
  }
  return client;
}

void cleanExternal(HeaderMap& headers, bool edge, const routing::RouteTable* table) {
  headers.remove(kInternalOnly);
  if (edge) headers.remove(kEdgeOnly);
  if (table == nullptr) return;
  for (const std::string& name : table->internalOnlyHeaders()) headers.remove(name);
}

void setRequestId(HeaderMap& headers, bool force, base::Random& random) {
  if (!force && !headers.get(HeaderId::kXRequestId).empty()) return;
  char* text = headers.arena().array<char>(http::kUuidLength);
  http::writeUuid(text, random);
  headers.set(HeaderId::kXRequestId, {text, http::kUuidLength});
}

void setScheme(HeaderMap& headers, const http::ConnectionInfo& connection, const plan::HttpConnectionManager& plan) {
  if (!plan.scheme_overwrite.empty()) {
    headers.set(HeaderId::kScheme, plan.scheme_overwrite);
    return headers.set(HeaderId::kXForwardedProto, plan.scheme_overwrite);
  }
  const std::string_view given = headers.get(HeaderId::kScheme);
  if (given == "http" || given == "https") return;
  if (base::equalsIgnoreCase(given, "http")) return headers.set(HeaderId::kScheme, "http");
  if (base::equalsIgnoreCase(given, "https")) return headers.set(HeaderId::kScheme, "https");
  const std::string_view forwarded = headers.get(HeaderId::kXForwardedProto);
  const bool http = base::equalsIgnoreCase(forwarded, "http");
  const bool https = base::equalsIgnoreCase(forwarded, "https");
  headers.set(HeaderId::kScheme, http ? std::string_view("http") : https ? std::string_view("https") : schemeOf(connection));
}

}  // namespace

bool isUpgradeRequest(const HeaderMap& headers) {
  return headers.has(HeaderId::kUpgrade) && headers.has(HeaderId::kConnection) &&
         base::listContains(headers.get(HeaderId::kConnection), "upgrade");
}

PreparedRequest prepareRequestHead(HeaderMap& headers, const http::ConnectionInfo& connection, const ManagerConfig& config,
                                   const routing::RouteTable* table, WorkerContext& worker) {
  const plan::HttpConnectionManager& plan = config.plan;
  removeHopByHop(headers);
  DetectedClient client;
  if (plan.use_remote_address) {
    client = takeRemoteAddress(headers, connection, plan);
  } else {
    if (config.ip_detections.empty()) [[likely]] {
      client = clientFromXff(headers, plan.xff_num_trusted_hops);
    } else {
      client = config.ip_detections.detect(headers, connection.remote);
      if (client.reject_status != 0) return {connection.remote, false, client.reject_status};
      if (client.append) appendPeer(headers, connection);
    }
    if (!headers.has(HeaderId::kXForwardedProto)) headers.add(HeaderId::kXForwardedProto, forwardedProto(connection, plan));
    if (plan.append_x_forwarded_port && !headers.has(HeaderId::kXForwardedPort)) appendForwardedPort(headers, connection);
  }
  setScheme(headers, connection, plan);
  const bool internal = client.single && client.address != nullptr && config.isInternal(*client.address);
  const net::Address& remote = client.address == nullptr ? connection.remote : *client.address;
  const bool edge = !internal && plan.use_remote_address;
  if (internal) {
    headers.set(HeaderId::kXEnvoyInternal, "true");
  } else {
    cleanExternal(headers, edge, table);
  }
  if (plan.add_user_agent) {
    headers.set(HeaderId::kXEnvoyDownstreamServiceCluster, plan.service_cluster);
    if (headers.get(HeaderId::kUserAgent).empty()) headers.set(HeaderId::kUserAgent, plan.service_cluster);
    if (!plan.service_node.empty()) headers.set(HeaderId::kXEnvoyDownstreamServiceNode, plan.service_node);
  }
  if (!plan.via.empty()) headers.append(HeaderId::kVia, plan.via, ", ");
  if (edge && remote.isIp()) headers.setCopy(HeaderId::kXEnvoyExternalAddress, remote.ipText());
  if (plan.generate_request_id) setRequestId(headers, edge && !plan.preserve_external_request_id, worker.random_source);
  forwardClientCertificate(headers, connection.tls, plan.client_cert, config.client_cert_details);
  return {remote, internal};
}

void normalizeHost(HeaderMap& headers, const http::ConnectionInfo& connection, const plan::HttpConnectionManager& plan) {
  std::string_view host = headers.get(HeaderId::kAuthority);
  const std::string_view before = host;
  if (plan.strip_trailing_host_dot) {
    const size_t port = http::portStart(host);
    const std::string_view name = host.substr(0, port);
    if (name.ends_with('.')) {
      host = port == std::string_view::npos
                 ? name.substr(0, name.size() - 1)
                 : headers.arena().concat(name.substr(0, name.size() - 1), host.substr(port));
    }
  }
  if (plan.strip_any_host_port || plan.strip_matching_host_port) {
    const size_t port = http::portStart(host);
    if (port != std::string_view::npos) {
      const auto number = base::parseDecimal<uint32_t>(host.substr(port + 1));
      const bool matches = number && *number == connection.local.port();
      if (plan.strip_any_host_port ? number.has_value() : matches) host = host.substr(0, port);
    }
  }
  if (host.size() != before.size()) headers.set(HeaderId::kAuthority, host);
}

void prepareResponseHead(HeaderMap& headers, const HeaderMap* request, const ManagerConfig& config, WorkerContext& worker) {
  using ServerHeader = plan::HttpConnectionManager::ServerHeader;
  const plan::HttpConnectionManager& plan = config.plan;
  if (!headers.has(HeaderId::kDate)) headers.setCopy(HeaderId::kDate, worker.date.at(worker.services.loop.wall()));
  if (plan.server_header == ServerHeader::OVERWRITE ||
      (plan.server_header == ServerHeader::APPEND_IF_ABSENT && !headers.has(HeaderId::kServer))) {
    headers.set(HeaderId::kServer, plan.server_name);
  }
  const bool upgraded = request != nullptr && isUpgradeRequest(*request) && isUpgradeRequest(headers);
  if (upgraded) {
    const bool informational = headers.get(HeaderId::kStatus).starts_with('1');
    const bool no_body = !headers.has(HeaderId::kTransferEncoding) && !headers.has(HeaderId::kContentLength);
    if (no_body && !informational) headers.add(HeaderId::kContentLength, "0");
  } else {
    headers.remove(kUpgrading);
  }
  headers.remove(kHopByHop);
  if (request != nullptr && (plan.always_set_request_id_in_response || request->has(HeaderId::kXEnvoyForceTrace)) &&
      request->has(HeaderId::kXRequestId)) {
    headers.set(HeaderId::kXRequestId, request->get(HeaderId::kXRequestId));
  }
  if (!plan.via.empty()) headers.append(HeaderId::kVia, plan.via, ", ");
}

}  // namespace nuncio::http_proxy
