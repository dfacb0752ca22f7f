#include "upstream/host_runtime.h"

#include "upstream/http1_pool.h"

namespace nuncio::upstream {

HostRuntime::HostRuntime(const Member& member, size_t worker)
    : host_(member.host), counters_(&member.host->counters[worker]), member_(member) {}

HostRuntime::~HostRuntime() = default;

Http1Pool& HostRuntime::http1Pool(ClusterRuntime& cluster, Priority priority) {
  auto& pool = pools_[static_cast<size_t>(priority)];
  if (pool == nullptr) pool = std::make_unique<Http1Pool>(cluster, *this, priority);
  return *pool;
}

void HostRuntime::drain() {
  const HostRef keep(this);
  for (auto& pool : pools_) {
    if (pool != nullptr) pool->drain();
  }
}

}  // namespace nuncio::upstream
