#include "http_proxy/worker_context.h"

#include "base/ascii.h"

namespace nuncio {

using snapshot::Kind;

std::optional<uint64_t> RuntimePart::integer(std::string_view key) const {
  const auto found = values.find(std::string(key));
  return found == values.end() ? std::nullopt : base::parseDecimal(found->second);
}

void WorkerContext::adopt(const snapshot::SnapshotPtr& snapshot) {
  const auto& tables = snapshot->parts[static_cast<size_t>(Kind::kRouteTable)];
  route_tables.resize(tables.size());
  for (size_t slot = 0; slot < tables.size(); ++slot) {
    if (tables[slot] == nullptr) {
      route_tables[slot].reset();
    } else if (!route_tables[slot] || route_tables[slot]->part != tables[slot]) {
      route_tables[slot] = base::makeLocal<PartLease>(tables[slot], stats);
    }
  }
  runtime = std::static_pointer_cast<const RuntimePart>(snapshot->at(Kind::kRuntime, 0));
  if (runtime != nullptr && runtime->values.empty()) runtime.reset();
  tls_state.adopt(snapshot);
  clusters.adopt(snapshot);
}

uint64_t WorkerContext::runtimeInteger(std::string_view key, uint64_t fallback) const {
  return runtime == nullptr ? fallback : runtime->integer(key).value_or(fallback);
}

}  // namespace nuncio
