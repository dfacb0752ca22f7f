#include "upstream/cluster_part.h"

#include <algorithm>
#include <utility>

#include "upstream/http2_options.h"

namespace nuncio::upstream {
namespace {

constexpr std::string_view kRawBuffer = "envoy.transport_sockets.raw_buffer";
constexpr std::string_view kTls = "envoy.transport_sockets.tls";

/** Envoy's limit for response heads when none is configured. */
constexpr uint32_t kDefaultResponseHeadKb = 80;

http::h1::ClientOptions clientOptions(const plan::Cluster& plan) {
  http::h1::ClientOptions options;
  const plan::HttpCommonOptions common = plan.common.value_or(plan::HttpCommonOptions{});
  const uint32_t kb = common.max_response_headers_kb == 0 ? kDefaultResponseHeadKb : common.max_response_headers_kb;
  options.max_head_bytes = kb * 1024;
  if (common.max_headers_count != 0) options.max_headers = common.max_headers_count;
  if (!plan.http1) return options;
  options.enable_trailers = plan.http1->enable_trailers;
  options.allow_chunked_length = plan.http1->allow_chunked_length;
  options.header_case = static_cast<http::h1::HeaderCase>(plan.http1->header_case);
  options.send_fully_qualified_url = plan.http1->send_fully_qualified_url;
  return options;
}

void makeHttp2(ClusterPart& part) {
  const plan::Cluster& plan = part.plan;
  if (plan.http2) {
    fillHttp2(*plan.http2, part.http2);
    part.custom_settings = customSettings(*plan.http2);
    part.keep_alive = keepAlive(*plan.http2);
  }
  part.http2.custom_settings = part.custom_settings;
  part.http2.stream_buffer_limit = plan.buffer_limit;
  if (!plan.common) return;
  if (plan.common->max_headers_count != 0) part.http2.max_headers = plan.common->max_headers_count;
  if (plan.common->max_response_headers_kb != 0) part.http2.max_head_bytes = plan.common->max_response_headers_kb * 1024;
}

/** Null: clear text. */
base::Result<tls::UpstreamConfigPtr, std::string> transportSocket(const plan::Extension& socket, const std::string& cluster) {
  if (socket.type.empty() || socket.type == kRawBuffer) return tls::UpstreamConfigPtr();
  if (socket.type != kTls) return "cluster '" + cluster + "': no native transport socket '" + socket.type + "'";
  return tls::UpstreamConfig::make({reinterpret_cast<const uint8_t*>(socket.plan.data()), socket.plan.size()});
}

}  // namespace

base::Result<net::Address, std::string> toAddress(const plan::Address& address) {
  if (!address.pipe.empty()) return net::Address::unixPath(address.pipe);
  if (!address.internal.empty()) return net::Address::internal(address.internal, address.endpoint_id);
  net::Address out;
  if (!net::Address::parseIp(address.ip, static_cast<uint16_t>(address.port), out)) {
    return "'" + address.ip + "' is not an IP address";
  }
  return out;
}

/** Likewise the transport to internal listeners. */
static bool unwrapInternal(ClusterPart& part) {
  auto& socket = part.plan.transport_socket;
  if (!socket || socket->type != "envoy.transport_sockets.internal_upstream") return true;
  plan::InternalUpstream internal;
  if (!plan::decode({reinterpret_cast<const uint8_t*>(socket->plan.data()), socket->plan.size()}, internal)) return false;
  socket.reset();
  if (internal.inner) socket = std::move(*internal.inner);
  internal.inner.reset();
  part.internal = std::move(internal);
  return true;
}

/** The PROXY transport becomes the cluster's own affair; what is inside it takes its place. */
static bool unwrapProxyProtocol(ClusterPart& part) {
  auto& socket = part.plan.transport_socket;
  if (!socket || socket->type != "envoy.transport_sockets.upstream_proxy_protocol") return true;
  plan::UpstreamProxyProtocol proxy;
  if (!plan::decode({reinterpret_cast<const uint8_t*>(socket->plan.data()), socket->plan.size()}, proxy)) return false;
  socket.reset();
  if (proxy.inner) socket = std::move(*proxy.inner);
  proxy.inner.reset();
  part.proxy_protocol = std::move(proxy);
  return true;
}

base::Result<snapshot::PartPtr, std::string> ClusterDirectory::decodeCluster(std::string_view name, std::span<const uint8_t> bytes,
                                                                             const MakeClusterFilters& make_filters) {
  auto part = std::make_shared<ClusterPart>();
  if (!plan::decode(bytes, part->plan)) return "malformed cluster plan '" + std::string(name) + "'";
  if (!unwrapInternal(*part)) return "malformed internal transport of cluster '" + std::string(name) + "'";
  if (!unwrapProxyProtocol(*part)) return "malformed PROXY transport of cluster '" + std::string(name) + "'";
  part->limits[0] = part->plan.default_thresholds.value_or(plan::Thresholds{});
  part->limits[1] = part->plan.high_thresholds.value_or(plan::Thresholds{});
  part->http1 = clientOptions(part->plan);
  makeHttp2(*part);
  for (const plan::MirrorPolicy& one : part->plan.mirrors) {
    auto mirror = routing::MirrorPolicy::make(one);
    if (!mirror.ok()) return std::move(mirror.error());
    part->mirrors.push_back(std::move(mirror.value()));
  }
  if (!part->plan.http_filters.empty()) {
    auto filters = make_filters(part->plan.http_filters);
    if (!filters.ok()) return "cluster '" + part->plan.name + "': " + filters.error();
    part->filters = std::move(filters.value());
  }
  if (const auto& socket = part->plan.transport_socket) {
    auto config = transportSocket(*socket, part->plan.name);
    if (!config.ok()) return std::move(config.error());
    part->tls = std::move(config.value());
  }
  for (const plan::Extension& socket : part->plan.transport_sockets) {
    auto config = transportSocket(socket, part->plan.name);
    if (!config.ok()) return std::move(config.error());
    part->matched_tls.push_back(std::move(config.value()));
  }
  part->stat_prefix = "cluster." + part->plan.stat_name + ".";
  std::lock_guard lock(mutex_);
  std::weak_ptr<CircuitBreakers>& shared = breakers_[part->plan.name];
  part->breakers = shared.lock();
  if (part->breakers == nullptr) {
    part->breakers = std::make_shared<CircuitBreakers>();
    shared = part->breakers;
  }
  return snapshot::PartPtr(std::move(part));
}

base::Result<snapshot::PartPtr, std::string> ClusterDirectory::decodeEndpoints(std::string_view name,
                                                                               std::span<const uint8_t> bytes) {
  plan::Endpoints plan;
  if (!plan::decode(bytes, plan)) return "malformed endpoints plan '" + std::string(name) + "'";
  auto part = std::make_shared<EndpointsPart>();
  part->overprovisioning = plan.overprovisioning_factor == 0 ? 140 : plan.overprovisioning_factor;
  part->drop_ppm = plan.drop_overload_ppm;
  part->warm = plan.warm;
  const std::string cluster(name);
  uint32_t locality_index = 0;
  for (plan::Locality& locality : plan.localities) {
    part->priorities = std::max(part->priorities, locality.priority + 1);
    part->localities.push_back({locality.region, locality.zone, locality.sub_zone});
    for (plan::Host& host : locality.hosts) {
      auto address = toAddress(host.address.value_or(plan::Address{}));
      if (!address.ok()) return std::move(address.error());
      HostPtr shared = hostFor(cluster, address.value(), host.hostname);
      part->members.push_back(Member{std::move(shared), std::max(host.weight, 1u), locality.priority, host.health, host.canary,
                                     std::move(host.metadata_json), locality.zone, locality_index, locality.weight,
                                     std::move(host.hash_key), host.transport_socket, std::move(host.subset_values)});
    }
    ++locality_index;
  }
  return snapshot::PartPtr(std::move(part));
}

HostPtr ClusterDirectory::hostFor(const std::string& cluster, const net::Address& address, const std::string& hostname) {
  std::string key = cluster;
  key.append("\n").append(address.text()).append("\n").append(hostname);
  std::lock_guard lock(mutex_);
  std::weak_ptr<Host>& shared = hosts_[std::move(key)];
  HostPtr host = shared.lock();
  if (host == nullptr) {
    host = std::make_shared<Host>(address, hostname, workers_);
    shared = host;
  }
  if (hosts_.size() >= sweep_at_) {
    std::erase_if(hosts_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<size_t>(1024, 2 * hosts_.size());
  }
  return host;
}

}  // namespace nuncio::upstream
