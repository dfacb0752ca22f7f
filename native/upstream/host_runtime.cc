#include "upstream/host_runtime.h"

#include "upstream/http_pool.h"

namespace nuncio::upstream {

HostRuntime::HostRuntime(const Member& member, size_t worker)
    : host_(member.host), counters_(&member.host->counters[worker]), member_(member) {}

HostRuntime::~HostRuntime() = default;

HttpPool& HostRuntime::httpPool(ClusterRuntime& cluster, const PoolKey& key) {
  auto& pool = pools_[static_cast<size_t>(key.priority)][static_cast<size_t>(key.wire)];
  if (pool == nullptr) pool = std::make_unique<HttpPool>(cluster, *this, key);
  return *pool;
}

void HostRuntime::drain() {
  const HostRef keep(this);
  for (auto& of_priority : pools_) {
    for (auto& pool : of_priority) {
      if (pool != nullptr) pool->drain();
    }
  }
}

}  // namespace nuncio::upstream
