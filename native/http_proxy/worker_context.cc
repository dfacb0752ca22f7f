#include "http_proxy/worker_context.h"

#include <utility>

#include "http_proxy/async_client.h"

namespace nuncio {

using snapshot::Kind;

WorkerContext::WorkerContext(size_t index, loop::Loop& loop, net::IoContext& io, stats::Registry& registry)
    : stats(registry, static_cast<int>(index)),
      http2(io.blocks()),
      tls_state(loop, stats),
      services{index, loop, io, random_source, stats, http2, tls_state},
      clusters(services),
      log{static_cast<uint32_t>(index), *this, {}, nullptr} {}

WorkerContext::~WorkerContext() = default;

http_proxy::AsyncClient& WorkerContext::asyncClient() {
  if (async_client_ == nullptr) async_client_ = std::make_unique<http_proxy::AsyncClient>(*this);
  return *async_client_;
}

void WorkerContext::adopt(const snapshot::SnapshotPtr& snapshot) {
  const snapshot::SnapshotPtr before = std::exchange(current, snapshot);
  snapshot->of(Kind::kRouteTable).forEachChange(before->of(Kind::kRouteTable), [&](uint32_t slot, const snapshot::PartPtr& part) {
    if (route_tables.size() <= slot) route_tables.resize(slot + 1);
    route_tables[slot] = part == nullptr ? Lease() : base::makeLocal<PartLease>(part, stats, slot);
  });
  runtime = std::static_pointer_cast<const RuntimePart>(snapshot->at(Kind::kRuntime, 0));
  if (runtime != nullptr && runtime->values.empty()) runtime.reset();
  tls_state.adopt(snapshot);
  clusters.adopt(snapshot);
  if (async_client_ != nullptr) async_client_->onAdopt();
}

uint64_t WorkerContext::runtimeInteger(std::string_view key, uint64_t fallback) const {
  return runtime == nullptr ? fallback : runtime->integer(key).value_or(fallback);
}

}  // namespace nuncio
