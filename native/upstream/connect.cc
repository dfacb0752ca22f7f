#include "upstream/connect.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/arena.h"
#include "base/text_buffer.h"
#include "base/xxhash64.h"
#include "http/dynamic_metadata.h"
#include "net/preamble_transport.h"
#include "net/socket_options.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::upstream {
namespace {

ConnectResult fail(int fd) {
  const int error = errno;
  if (fd >= 0) close(fd);
  return {-1, false, error};
}

bool bindLocal(int fd, const plan::Cluster& cluster, const net::Address& target) {
  if (!cluster.bind_address) return true;
  auto local = toAddress(*cluster.bind_address);
  if (!local.ok() || local.value().family() != target.family()) return true;  // another family: not for this host
  if (cluster.freebind) {
    const int one = 1;
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
  }
  sockaddr_storage storage;
  const socklen_t size = local.value().toSockaddr(storage);
  return bind(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

/** Adds the namespaces that are there to what goes along. */
void passMetadata(const std::vector<std::string>& names, std::string_view json, base::Arena& arena, InternalTarget& out) {
  http::MetadataValue all;
  if (names.empty() || json.empty() || !http::parseMetadata(json, arena, all)) return;
  for (const std::string& name : names) {
    const http::MetadataValue* found = all.find(name);
    if (found == nullptr) continue;
    base::TextBuffer text;
    found->writeJson(text);
    out.metadata.emplace_back(name, text.view());
  }
}

ConnectResult connectInternally(ClusterRuntime& cluster, const net::Address& address, const Member* member) {
  const WorkerServices& services = cluster.services();
  InternalTarget target{address, {}};
  const auto& passed = cluster.part().internal;
  if (passed && member != nullptr) {
    base::Arena arena(services.io.chunks());
    passMetadata(passed->host_metadata, member->metadata_json, arena, target);
    passMetadata(passed->cluster_metadata, cluster.plan().metadata_json, arena, target);
  }
  const int fd = services.connect_internal == nullptr ? -1 : services.connect_internal(services.index, std::move(target));
  return fd < 0 ? ConnectResult{-1, false, EINVAL} : ConnectResult{fd, false, 0};
}

}  // namespace

net::Address localEndOf(const net::Connection& connection, const net::Address& host) {
  if (host.family() == net::Address::Family::kInternal) return net::Address::internal("internal_client_address", {});
  sockaddr_storage local;
  socklen_t size = sizeof(local);
  if (getsockname(connection.fd(), reinterpret_cast<sockaddr*>(&local), &size) != 0) return {};
  return net::Address::from(reinterpret_cast<sockaddr*>(&local), size);
}

ConnectResult connectTo(ClusterRuntime& runtime, const net::Address& address, const Member* member) {
  if (address.family() == net::Address::Family::kInternal) [[unlikely]] return connectInternally(runtime, address, member);
  const plan::Cluster& cluster = runtime.plan();
  sockaddr_storage storage;
  const socklen_t size = address.toSockaddr(storage);
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(fd);
  if (address.isIp()) net::setNoDelay(fd);
  if (cluster.tcp_keepalive) net::applyKeepalive(fd, *cluster.tcp_keepalive);
  if (const int error = net::applySocketOptions(fd, cluster.socket_options, net::SocketState::kPrebind); error != 0) {
    errno = error;
    return fail(fd);
  }
  if (!bindLocal(fd, cluster, address)) return fail(fd);
  if (connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0) return {fd, false, 0};
  if (errno == EINPROGRESS) return {fd, true, 0};
  return fail(fd);
}

// ---------------------------------------------------------------- transport options

namespace {

bool same(std::span<const std::string_view> a, std::span<const std::string_view> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

size_t sizeOf(std::span<const std::string_view> list) {
  size_t size = 0;
  for (std::string_view one : list) size += one.size();
  return size;
}

}  // namespace

bool TransportOptions::operator==(const TransportOptions& other) const {
  return sni == other.sni && same(verify_sans, other.verify_sans) && same(alpn, other.alpn) &&
         same(alpn_fallback, other.alpn_fallback) && preamble_key == other.preamble_key;
}

uint64_t TransportOptions::hash() const {
  uint64_t hash = base::xxHash64(preamble_key, base::xxHash64(sni));
  for (const auto list : {verify_sans, alpn, alpn_fallback}) {
    for (std::string_view one : list) hash = base::xxHash64(one, hash);
    hash = hash * 31 + list.size();
  }
  return hash;
}

OwnedTransportOptions::OwnedTransportOptions(const TransportOptions& options) {
  text_.reserve(options.sni.size() + options.preamble.size() + options.preamble_key.size() + sizeOf(options.verify_sans) + sizeOf(options.alpn) + sizeOf(options.alpn_fallback));
  const auto keep = [this](std::string_view one) {
    text_ += one;
    return std::string_view(text_).substr(text_.size() - one.size());
  };
  view_.sni = keep(options.sni);
  view_.preamble = keep(options.preamble);
  view_.preamble_key = keep(options.preamble_key);
  const std::span<const std::string_view> from[] = {options.verify_sans, options.alpn, options.alpn_fallback};
  for (size_t i = 0; i < std::size(from); ++i) {
    for (std::string_view one : from[i]) lists_[i].push_back(keep(one));
  }
  view_.verify_sans = lists_[0];
  view_.alpn = lists_[1];
  view_.alpn_fallback = lists_[2];
}

std::unique_ptr<net::Transport> makeTransport(ClusterRuntime& cluster, const HostRuntime& host, const TransportOptions& options) {
  tls::UpstreamTls* tls = cluster.tls(host.member().transport_socket);
  if (tls == nullptr) return nullptr;
  return tls->newTransport(host.address(), {.sni = options.sni,
                                            .verify_sans = options.verify_sans,
                                            .alpn = options.alpn,
                                            .alpn_fallback = options.alpn_fallback,
                                            .host_name = host.host().hostname,
                                            .hash = options.empty() ? 0 : options.hash()});
}

void openTransport(net::Connection& connection, ClusterRuntime& cluster, const HostRuntime& host, const TransportOptions& options) {
  TransportOptions inner = options;  // its contexts and sessions are no client's own
  inner.preamble = inner.preamble_key = {};
  std::unique_ptr<net::Transport> transport = makeTransport(cluster, host, inner);
  if (transport == nullptr) {
    if (!options.preamble.empty()) connection.write(options.preamble);
    return;
  }
  if (!options.preamble.empty()) transport = std::make_unique<net::PreambleTransport>(options.preamble, std::move(transport));
  connection.secure(std::move(transport));
}

}  // namespace nuncio::upstream
