#include "upstream/host_runtime.h"

#include <utility>

#include "upstream/connect.h"
#include "upstream/http_pool.h"
#include "upstream/tcp_upstream.h"

namespace nuncio::upstream {

HostRuntime::HostRuntime(const Member& member, size_t worker)
    : host_(member.host), counters_(&member.host->counters[worker]), member_(member) {}

HostRuntime::~HostRuntime() = default;

HttpPool& HostRuntime::httpPool(ClusterRuntime& cluster, const PoolKey& key, const TransportOptions& options) {
  if (key.transport == 0) {
    auto& pool = pools_[static_cast<size_t>(key.priority)][static_cast<size_t>(key.wire)];
    if (pool == nullptr) pool = std::make_unique<HttpPool>(cluster, *this, key, options);
    return *pool;
  }
  for (auto& pool : special_pools_) {
    if (pool->serves(key, options)) return *pool;
  }
  special_pools_.push_back(std::make_unique<HttpPool>(cluster, *this, key, options));
  return *special_pools_.back();
}

bool HostRuntime::isFull(const ClusterRuntime& cluster, Priority priority) const {
  const plan::Cluster& plan = cluster.plan();
  const auto& limit = priority == Priority::kDefault ? plan.per_host_max_connections : plan.per_host_max_connections_high;
  if (!limit) [[likely]] return false;
  uint64_t connections = 0;
  for (const HostCounters& counters : host_->counters) connections += counters.cx_active.get();
  return connections >= *limit;
}

bool HostRuntime::mayUsePool(ClusterRuntime& cluster, const PoolKey& key, const TransportOptions& options) {
  const uint64_t limit = cluster.limitsOf(key.priority).max_pools;
  if (cluster.breaker(key.priority).pools.canCreate(limit)) [[likely]] return true;
  HttpPool& pool = httpPool(cluster, key, options);
  if (pool.inUse()) return true;
  if (key.transport != 0) retirePool(pool);
  return false;
}

void HostRuntime::retirePool(HttpPool& pool) {
  for (auto& kept : special_pools_) {
    if (kept.get() != &pool) continue;
    pool.services().io.freeLater(kept.release());
    std::swap(kept, special_pools_.back());
    return special_pools_.pop_back();
  }
}

void HostRuntime::forEachPool(base::FunctionRef<void(HttpPool&)> visit) {
  const HostRef keep(this);
  for (auto& of_priority : pools_) {
    for (auto& pool : of_priority) {
      if (pool != nullptr) visit(*pool);
    }
  }
  for (size_t i = special_pools_.size(); i-- > 0;) visit(*special_pools_[i]);  // one that is empty goes
}

void HostRuntime::drain() {
  const auto drain_one = [](HttpPool& pool) { pool.drain(); };
  forEachPool(drain_one);
}

void HostRuntime::followHealth(bool closes) {
  const bool failed = (host_->flags.load(std::memory_order_relaxed) & host_flag::kFailed) != 0;
  if (std::exchange(failed_, failed) || !failed) return;
  renewConnections();
  if (!closes) return;
  while (TcpUpstream* upstream = tcp_.popFront()) upstream->cut();
}

void HostRuntime::watch(TcpUpstream& upstream) { tcp_.pushBack(&upstream); }

void HostRuntime::renewConnections() {
  const auto renew_one = [](HttpPool& pool) { pool.renew(); };
  forEachPool(renew_one);
}

}  // namespace nuncio::upstream
