// HostRuntime: what one worker keeps for one host of one cluster: its connection pools and its counters. Lives while the
// cluster lists the host or a connection to it is open.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "base/intrusive_list.h"
#include "base/local_ref.h"
#include "upstream/cluster_part.h"
#include "upstream/host.h"
#include "upstream/pool_key.h"

namespace nuncio::upstream {

class ClusterRuntime;
class HttpPool;
class TcpUpstream;
struct TransportOptions;

class HostRuntime : public base::LocalCounted {
 public:
  HostRuntime(const Member& member, size_t worker);
  ~HostRuntime();

  const Host& host() const { return *host_; }
  const HostPtr& shared() const { return host_; }
  const net::Address& address() const { return host_->address; }
  HostCounters& counters() { return *counters_; }
  uint64_t activeRequests() const { return counters_->rq_active.get(); }
  uint32_t weight() const { return member_.weight; }
  const Member& member() const { return member_; }
  void update(const Member& member) { member_ = member; }

  /** Has it as many connections, of all workers, as the cluster allows one host? */
  bool isFull(const ClusterRuntime& cluster, Priority priority) const;
  /** May a request be given to the pool of `key`, now that it would be one more? */
  bool mayUsePool(ClusterRuntime& cluster, const PoolKey& key, const TransportOptions& options);
  /** Made on first use. `options`: what `key.transport` is the hash of. */
  HttpPool& httpPool(ClusterRuntime& cluster, const PoolKey& key, const TransportOptions& options);
  /** A pool for special wishes of the transport has neither connections nor requests: it goes at the end of the turn. */
  void retirePool(HttpPool& pool);
  /** The host left the cluster: idle connections close now, busy ones after their request. */
  void drain();
  /** The connections of now carry no further requests; new ones may come. */
  void renewConnections();
  /** Where main says that the host has failed since last time, its connections are renewed; with `closes`, TCP ones end. */
  void followHealth(bool closes);
  /** A TCP connection that is to end with the host's health; it leaves by itself. */
  void watch(TcpUpstream& upstream);

 private:
  void forEachPool(base::FunctionRef<void(HttpPool&)> visit);

  HostPtr host_;
  HostCounters* counters_;
  Member member_;
  bool failed_ = false;
  base::IntrusiveList<TcpUpstream> tcp_;
  static constexpr size_t kPriorities = 2, kWires = 3;
  std::unique_ptr<HttpPool> pools_[kPriorities][kWires];
  std::vector<std::unique_ptr<HttpPool>> special_pools_;  // with a key.transport
};
using HostRef = base::LocalRef<HostRuntime>;

}  // namespace nuncio::upstream
