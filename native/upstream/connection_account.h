// ConnectionAccount: the books of one upstream connection, HTTP or TCP: breaker, gauges, counters and histograms of its
// cluster and host, from the attempt to connect to the end. Also holds the leases that keep both alive.
#pragma once

#include <cstdint>

#include "net/connection.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::upstream {

class ConnectionAccount {
 public:
  ConnectionAccount(ClusterRuntime& cluster, HostRuntime& host, Priority priority);
  ~ConnectionAccount();
  ConnectionAccount(const ConnectionAccount&) = delete;
  ConnectionAccount& operator=(const ConnectionAccount&) = delete;

  void connected();
  void failed(net::CloseCause cause);
  /** Once; `active`: a request was under way. */
  void closed(net::CloseCause cause, bool active);
  /** Adds what passed since the last call. */
  void countBytes(const net::Connection& connection);

  ClusterRuntime& cluster() { return *cluster_; }
  HostRuntime& host() { return *host_; }
  Priority priority() const { return priority_; }
  bool isConnected() const { return connected_ns_ != 0; }
  int64_t beganNs() const { return began_ns_; }
  int64_t connectedNs() const { return connected_ns_; }
  net::Address local;   // known once connected
  uint64_t requests = 0;
  bool shared = true;   // carries requests one after the other; false: one TCP session

 private:
  void countBuffered(uint32_t bytes);

  ClusterRef cluster_;
  HostRef host_;
  Priority priority_;
  bool closed_ = false;
  uint32_t buffered_ = 0;  // size of the last read
  int64_t began_ns_;
  int64_t connected_ns_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace nuncio::upstream
