// Opening a socket towards a host, and its transport, with everything the cluster says about them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/address.h"
#include "net/connection.h"
#include "net/transport.h"
#include "plan/plan_types.h"

namespace nuncio::upstream {

class ClusterRuntime;
class HostRuntime;
struct Member;

struct ConnectResult {
  int fd;           // -1: could not even be tried; `error` says why
  bool in_progress; // else connected already (unix sockets)
  int error;
};

/** Which internal listener a connection is for, and what goes along. */
struct InternalTarget {
  net::Address address;
  std::vector<std::pair<std::string, std::string>> metadata;  // namespaces, and their objects as JSON
};

/** `member`: the host with its metadata; null: a check, not traffic. */
ConnectResult connectTo(ClusterRuntime& cluster, const net::Address& address, const Member* member);

/** The local end of a connection that stands. */
net::Address localEndOf(const net::Connection& connection, const net::Address& host);

/**
 * What a request or session wants of the transport towards its host, beyond what the cluster says. Part of a pool's key:
 * connections are shared only among those who want the same. Views; a pool keeps an `OwnedTransportOptions`.
 */
struct TransportOptions {
  std::string_view sni;                              // instead of the configured one; empty: as configured
  std::span<const std::string_view> verify_sans;     // the certificate must have one of them, besides what is configured
  std::span<const std::string_view> alpn;            // offered instead of what is configured
  std::span<const std::string_view> alpn_fallback;   // offered when nothing is configured: what the pool can speak
  std::string_view preamble;                         // sent before anything else, the transport's own bytes too (PROXY)
  std::string_view preamble_key;                     // what of it counts when connections are shared

  uint64_t hash() const;
  bool operator==(const TransportOptions& other) const;
  bool empty() const { return sni.empty() && verify_sans.empty() && alpn.empty() && alpn_fallback.empty() && preamble.empty(); }
};

class OwnedTransportOptions {
 public:
  OwnedTransportOptions() = default;
  explicit OwnedTransportOptions(const TransportOptions& options);
  OwnedTransportOptions(const OwnedTransportOptions&) = delete;
  OwnedTransportOptions& operator=(const OwnedTransportOptions&) = delete;
  const TransportOptions& view() const { return view_; }

 private:
  std::string text_;
  std::vector<std::string_view> lists_[3];
  TransportOptions view_;
};

/** The transport for a new connection to `host`, as the cluster's transport_socket says; null: the socket itself. */
std::unique_ptr<net::Transport> makeTransport(ClusterRuntime& cluster, const HostRuntime& host, const TransportOptions& options);

/**
 * Gives a new connection its transport, and what goes before it. In clear text that waits in the connection's queue, and
 * nothing stands between it and its socket.
 */
void openTransport(net::Connection& connection, ClusterRuntime& cluster, const HostRuntime& host, const TransportOptions& options);

}  // namespace nuncio::upstream
