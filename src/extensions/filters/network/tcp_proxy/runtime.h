// Runtime: one worker's part of a TCP proxy on one listener. Its books are counted, because an upstream connection may
// still send its last bytes when the listener has gone. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/local_ref.h"
#include "src/extensions/filters/network/tcp_proxy/config.h"
#include "http_proxy/worker_context.h"
#include "net/splice.h"
#include "tcp/network_filter.h"

namespace nuncio::ext::tcp {

struct Books : base::LocalCounted {
  Books(WorkerContext& context, const Config& config)
      : worker(context), stats(context.stats.scope<stats::Tcp>(config.plan.stat_prefix)) {
    if (config.plan.cluster_source) on_demand = context.stats.scope<stats::TcpOnDemand>(config.plan.stat_prefix);
  }
  ~Books() {
    worker.stats.release(stats);
    worker.stats.release(on_demand);
  }

  WorkerContext& worker;
  const stats::TcpScope stats;
  stats::ScopeRef<stats::TcpOnDemand> on_demand;  // only where clusters are asked for
  net::PipePool pipes;
};
using BooksRef = base::LocalRef<Books>;

class Runtime final : public nuncio::tcp::NetworkFilterRuntime {
 public:
  Runtime(WorkerContext& worker, const Config& settings) : config(settings), books(new Books(worker, settings)) {}
  std::unique_ptr<nuncio::tcp::NetworkFilter> create(const nuncio::tcp::Downstream& downstream) override;

  WorkerContext& worker() { return books->worker; }

  const Config& config;
  const BooksRef books;
};

/** By the client's address, or an object of the connection's filter state. A TCP proxy has one policy at most. */
std::optional<uint64_t> clientHash(const nuncio::plan::HashPolicy& policy, const http::ConnectionInfo& info);

}  // namespace nuncio::ext::tcp
