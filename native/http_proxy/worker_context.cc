#include "http_proxy/worker_context.h"

#include <utility>

#include "base/ascii.h"

namespace nuncio {

using snapshot::Kind;

std::optional<uint64_t> RuntimePart::integer(std::string_view key) const {
  const auto found = values.find(std::string(key));
  return found == values.end() ? std::nullopt : base::parseDecimal(found->second);
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
}

uint64_t WorkerContext::runtimeInteger(std::string_view key, uint64_t fallback) const {
  return runtime == nullptr ? fallback : runtime->integer(key).value_or(fallback);
}

}  // namespace nuncio
