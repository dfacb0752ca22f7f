// Process: what exists once: the snapshot store, shared cells, sockets, access-log files, and the workers. Made by main
// before any worker thread starts; lives until exit. Methods are for main unless they say otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "access_log/file_writers.h"
#include "base/shared_cells.h"
#include "net/drain.h"
#include "net/socket_table.h"
#include "snapshot/snapshot.h"
#include "stats/registry.h"
#include "upstream/cluster_part.h"
#include "upstream/host_tunnel.h"
#include "worker/worker.h"

namespace nuncio {

struct ProcessOptions {
  size_t workers = 1;
  access_log::WriterOptions writer;
  net::DrainTiming drain;
};

class Process {
 public:
  Process(const ProcessOptions& options, stats::Registry& statistics);

  snapshot::Store& store() { return store_; }
  stats::Registry& statistics() { return statistics_; }
  access_log::FileWriters& writers() { return writers_; }
  net::DrainState& drain() { return drain_; }
  base::SharedCells& sharedCells() { return shared_cells_; }
  const net::DrainTiming& drainTiming() const { return options_.drain; }
  upstream::ClusterDirectory& clusters() { return clusters_; }
  size_t workerCount() const { return workers_.size(); }
  Worker& worker(size_t index) { return *workers_[index]; }

  std::string putPlan(snapshot::Kind kind, std::string_view name, const std::string& id, std::span<const uint8_t> bytes);
  /** Binds the sockets a listener plan needs, for its slot; they queue connections from commit on. */
  base::Result<std::vector<net::BoundSocketPtr>, std::string> openListener(uint32_t slot, const std::string& id);
  /** Lets go of what was opened since the last commit. */
  void abandonListeners();
  std::string commit(const std::vector<snapshot::Change>& changes);
  /**
   * Listeners stop accepting and their ports close: all, or those with traffic_direction INBOUND; later versions of them are not
   * opened. How many there were.
   */
  size_t stopListeners(bool inbound_only);
  void drainListeners(bool inbound_only);
  /** Any thread: the sockets of a listener slot. */
  std::vector<net::BoundSocketPtr> socketsOf(uint32_t slot) const;

  /** Runs on every worker's own thread. */
  void tellWorkers(void (*call)(Worker&, uint64_t argument), uint64_t argument);

  /** Who hears of what streams wait for; called on workers' threads. False: too busy. */
  using DemandHandler = std::function<bool(const http_proxy::DemandKey&)>;
  void setDemandHandler(DemandHandler handler);
  /** What was asked for is there, or will not come: after the commit, if there was one. */
  void settleDemand(const http_proxy::DemandKey& key, http_proxy::DemandEnd end);

  /** Who hears what workers have to say of hosts; called on their threads. False: too busy. */
  using HostNewsHandler = std::function<bool(upstream::HostNews, std::string_view cluster, const upstream::Host&)>;
  void setHostNewsHandler(HostNewsHandler handler);
  /** Main decided anew on the health of hosts of the cluster in this slot. */
  void refreshCluster(uint32_t slot) {
    tellWorkers([](Worker& worker, uint64_t in) { worker.context().clusters.refresh(static_cast<uint32_t>(in)); }, slot);
  }
  /** A local socket that is joined to a host, by one of the workers; -1 when there are no more of them to be had. */
  int openTunnel(const upstream::TunnelTarget& target);

  // ---- from workers
  bool tellOfHost(upstream::HostNews news, std::string_view cluster, const upstream::Host& host);
  bool demand(const http_proxy::DemandKey& key);
  bool handOver(size_t worker, const std::string& listener, int fd, const net::Address& remote,
                const net::BoundSocketPtr& socket);
  void countConnection(int change) { connections_.fetch_add(static_cast<uint64_t>(change), std::memory_order_relaxed); }
  /** Connections of a listener over all workers and versions. */
  std::shared_ptr<std::atomic<uint64_t>> connectionsOf(const std::string& listener);
  /** Main. UINT64_MAX: as many as come. */
  void setConnectionLimit(uint64_t limit) { connection_limit_.store(limit, std::memory_order_relaxed); }
  /** No more connections of clients are wanted. */
  bool isFull() const { return connections() >= connection_limit_.load(std::memory_order_relaxed); }
  uint64_t connections() const { return connections_.load(std::memory_order_relaxed); }

 private:
  enum class Stopped : uint8_t { kNone, kInbound, kAll };
  bool isStopped(const plan::Listener& plan) const;

  const ProcessOptions options_;
  stats::Registry& statistics_;
  access_log::FileWriters writers_;
  upstream::ClusterDirectory clusters_;
  snapshot::Store store_;
  net::SocketTable sockets_;
  net::DrainState drain_;
  base::SharedCells shared_cells_;
  std::atomic<uint64_t> connections_{0};
  std::atomic<uint64_t> connection_limit_{UINT64_MAX};
  Stopped stopped_ = Stopped::kNone;  // main
  mutable std::mutex mutex_;
  std::map<uint32_t, std::vector<net::BoundSocketPtr>> slots_;                        // guarded by mutex_
  std::map<uint32_t, std::vector<net::BoundSocketPtr>> opened_;                       // main: opened, not committed
  std::map<uint32_t, std::shared_ptr<const ListenerPart>> opening_;                   // main: their listeners
  std::map<std::string, std::weak_ptr<std::atomic<uint64_t>>, std::less<>> counts_;   // guarded by mutex_
  HostNewsHandler host_news_handler_;                                                 // guarded by mutex_
  size_t next_tunnel_ = 0;                                                            // main
  DemandHandler demand_handler_;                                                      // guarded by mutex_
  std::vector<std::unique_ptr<Worker>> workers_;
};

/** The one process. Null before init(). */
Process* currentProcess();
void setCurrentProcess(std::unique_ptr<Process> process);

}  // namespace nuncio
