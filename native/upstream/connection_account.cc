#include "upstream/connection_account.h"

namespace nuncio::upstream {

using stats::ClusterHistogram;
using stats::ClusterStat;

ConnectionAccount::ConnectionAccount(ClusterRuntime& cluster, HostRuntime& host, Priority priority)
    : cluster_(&cluster), host_(&host), priority_(priority), began_ns_(cluster.services().loop.now()) {
  cluster.breaker(priority).connections.acquire();
  cluster.stats().inc(ClusterStat::upstream_cx_total);
  cluster.stats().inc(ClusterStat::upstream_cx_active);
  host.counters().cx_total.add();
  host.counters().cx_active.add();
}

ConnectionAccount::~ConnectionAccount() { closed(net::CloseCause::kLocal, false); }

void ConnectionAccount::connected() {
  connected_ns_ = cluster_->services().loop.now();
  cluster_->stats().record(ClusterHistogram::upstream_cx_connect_ms,
                           static_cast<uint64_t>((connected_ns_ - began_ns_) / 1'000'000));
}

void ConnectionAccount::failed(net::CloseCause cause) {
  cluster_->stats().inc(ClusterStat::upstream_cx_connect_fail);
  if (cause == net::CloseCause::kConnectTimeout) cluster_->stats().inc(ClusterStat::upstream_cx_connect_timeout);
  host_->counters().cx_connect_fail.add();
}

void ConnectionAccount::closed(net::CloseCause cause, bool active) {
  if (closed_) return;
  closed_ = true;
  if (buffered_ != 0) countBuffered(0);
  auto& stats = cluster_->stats();
  cluster_->breaker(priority_).connections.release();
  stats.dec(ClusterStat::upstream_cx_active);
  stats.inc(ClusterStat::upstream_cx_destroy);
  const bool local = cause == net::CloseCause::kLocal || cause == net::CloseCause::kConnectTimeout;
  stats.inc(local ? ClusterStat::upstream_cx_destroy_local : ClusterStat::upstream_cx_destroy_remote);
  if (active) {
    stats.inc(ClusterStat::upstream_cx_destroy_with_active_rq);
    stats.inc(local ? ClusterStat::upstream_cx_destroy_local_with_active_rq
                    : ClusterStat::upstream_cx_destroy_remote_with_active_rq);
  }
  host_->counters().cx_active.sub();
  if (shared && isConnected()) stats.record(ClusterHistogram::upstream_rq_per_cx, requests);
  // Counted from the attempt to connect, whether it worked or not.
  stats.record(ClusterHistogram::upstream_cx_length_ms,
               static_cast<uint64_t>((cluster_->services().loop.now() - began_ns_) / 1'000'000));
}

// Envoy's gauge says how much the last read found, until the next one.
void ConnectionAccount::countBuffered(uint32_t bytes) {
  cluster_->stats().inc(ClusterStat::upstream_cx_rx_bytes_buffered, static_cast<uint64_t>(bytes) - buffered_);
  buffered_ = bytes;
}

void ConnectionAccount::countBytes(const net::Connection& connection) {
  const uint64_t read = connection.bytesRead();
  const uint64_t written = connection.bytesWritten();
  if (read != bytes_read_) {
    cluster_->stats().inc(ClusterStat::upstream_cx_rx_bytes_total, read - bytes_read_);
    countBuffered(static_cast<uint32_t>(read - bytes_read_));
  }
  if (written != bytes_written_) cluster_->stats().inc(ClusterStat::upstream_cx_tx_bytes_total, written - bytes_written_);
  bytes_read_ = read;
  bytes_written_ = written;
}

}  // namespace nuncio::upstream
