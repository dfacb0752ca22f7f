// WorkerContext: everything code that carries traffic may reach in its worker. One for each worker, owned by it; all
// references stay valid as long as the worker. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access_log/logger.h"
#include "base/local_ref.h"
#include "base/text_buffer.h"
#include "http/date.h"
#include "http_proxy/on_demand.h"
#include "http_proxy/route_stats.h"
#include "routing/route_scopes.h"
#include "routing/route_table.h"
#include "snapshot/runtime_part.h"
#include "snapshot/snapshot.h"
#include "upstream/cluster_set.h"
#include "upstream/worker_services.h"

namespace nuncio::script {
class ScriptSet;
}

namespace nuncio::http_proxy {
class AsyncClient;
}

namespace nuncio {

/** A route table as the snapshot carries it. */
struct RouteTablePart final : snapshot::Part {
  std::unique_ptr<const routing::RouteTable> table;
};

/** The scopes of scoped routes as the snapshot carries them. */
struct RouteScopesPart final : snapshot::Part {
  std::unique_ptr<const routing::RouteScopes> scopes;
};

using snapshot::RuntimePart;

/** Keeps a route table alive for streams; counted inside the worker only. */
struct PartLease : base::LocalCounted {
  PartLease(snapshot::PartPtr leased, stats::WorkerStats& worker_stats, uint32_t in_slot = 0)
      : slot(in_slot), part(std::move(leased)), route_stats(worker_stats, *static_cast<const RouteTablePart&>(*part).table) {}
  const uint32_t slot;
  const snapshot::PartPtr part;
  const RouteStats route_stats;
};
using Lease = base::LocalRef<PartLease>;

struct WorkerContext final : access_log::Conditions {
  WorkerContext(size_t index, loop::Loop& loop, net::IoContext& io, stats::Registry& registry);
  ~WorkerContext();

  /** The route table in a slot with a lease on it; an empty lease when there is none (yet). */
  Lease routeTable(uint32_t slot) { return slot < route_tables.size() ? route_tables[slot] : Lease(); }
  /** The scope with this key; null when there is none. Valid until the next adoption. */
  const routing::RouteScope* routeScope(uint32_t slot, std::string_view key) const {
    const snapshot::PartPtr& part = current->at(snapshot::Kind::kScopedRoutes, slot);
    return part == nullptr ? nullptr : static_cast<const RouteScopesPart&>(*part).scopes->find(key);
  }
  void adopt(const snapshot::SnapshotPtr& snapshot);
  /** For requests of the proxy's own; made when somebody first asks. */
  http_proxy::AsyncClient& asyncClient();

  // access_log::Conditions
  uint64_t runtimeInteger(std::string_view key, uint64_t fallback) const override;
  /** A RuntimeFeatureFlag: `fallback` without a key, or where the runtime says nothing of it. */
  bool runtimeBoolean(std::string_view key, bool fallback) const {
    return key.empty() || runtime == nullptr ? fallback : runtime->boolean(key).value_or(fallback);
  }
  uint64_t random() const override { return random_source.next(); }

  mutable base::Random random_source;
  stats::WorkerStats stats;
  http::h2::Memory http2;
  tls::WorkerTls tls_state;
  upstream::WorkerServices services;
  upstream::ClusterSet clusters;
  http::DateCache date;
  access_log::WorkerLog log;
  base::TextBuffer scratch;                      // for formatting headers and bodies; never kept across calls
  std::shared_ptr<const RuntimePart> runtime;    // null: no layer has values
  snapshot::SnapshotPtr current = std::make_shared<snapshot::Snapshot>();  // adopted last
  std::vector<Lease> route_tables;
  http_proxy::OnDemand on_demand;
  uint64_t next_stream_id = 0;
  script::ScriptSet* scripts = nullptr;          // filters in TypeScript; the worker's

 private:
  std::unique_ptr<http_proxy::AsyncClient> async_client_;
};

}  // namespace nuncio
