#include "upstream/tcp_upstream.h"

#include "upstream/connect.h"
#include "upstream/host_judgement.h"

namespace nuncio::upstream {

using net::CloseCause;
using stats::ClusterStat;

// ---------------------------------------------------------------- connecting

TcpConnect TcpUpstream::connect(ClusterRuntime& cluster, HostRuntime& host, Priority priority,
                                TcpUpstreamCallbacks& callbacks, const TransportOptions& options) {
  auto& stats = cluster.stats();
  CircuitBreaker& breaker = cluster.breaker(priority);
  if (!breaker.pending.canCreate(cluster.limitsOf(priority).max_pending)) {
    stats.inc(ClusterStat::upstream_rq_pending_overflow);
    return {TcpConnect::Outcome::kOverflow};
  }
  stats.inc(ClusterStat::upstream_rq_pending_total);
  stats.inc(ClusterStat::upstream_rq_pending_active);
  const ConnectResult result = connectTo(cluster, host.address(), &host.member());
  if (result.fd < 0) {
    ConnectionAccount account(cluster, host, priority);
    account.shared = false;
    account.failed(CloseCause::kConnectFailed);
    account.closed(CloseCause::kConnectFailed, false);
    stats.dec(ClusterStat::upstream_rq_pending_active);
    stats.inc(ClusterStat::upstream_rq_pending_failure_eject);
    return {TcpConnect::Outcome::kFailed, nullptr, result.error};
  }
  breaker.pending.acquire();
  host.counters().rq_pending.add();
  auto* upstream = new TcpUpstream(cluster, host, priority, result.fd, callbacks);
  openTransport(upstream->connection_, cluster, host, options);
  upstream->start(result.in_progress);
  return {TcpConnect::Outcome::kPending, upstream};
}

TcpUpstream::TcpUpstream(ClusterRuntime& cluster, HostRuntime& host, Priority priority, int fd,
                         TcpUpstreamCallbacks& callbacks)
    : callbacks_(&callbacks), account_(cluster, host, priority), connection_(cluster.services().io, fd, *this) {
  account_.shared = false;
  connection_.setBufferLimit(cluster.plan().buffer_limit);
}

TcpUpstream::~TcpUpstream() = default;

// A connect that worked on the spot (unix sockets) is reported by the loop like any other: the socket is writable.
void TcpUpstream::start(bool) {
  connection_.start(true);
  if (account_.cluster().plan().close_connections_on_health_failure) account_.host().watch(*this);
  connect_timer_.arm(account_.cluster().services().loop.timers(), account_.cluster().plan().connect_timeout_ms);
}

void TcpUpstream::onConnected() {
  connect_timer_.cancel();
  account_.connected();
  noteReached(account_.cluster(), account_.host(), true);
  account_.local = localEndOf(connection_, account_.host().address());
  auto& stats = account_.cluster().stats();
  breaker().pending.release();
  account_.host().counters().rq_pending.sub();
  stats.dec(ClusterStat::upstream_rq_pending_active);
  breaker().requests.acquire();
  stats.inc(ClusterStat::upstream_rq_total);
  stats.inc(ClusterStat::upstream_rq_active);
  account_.host().counters().rq_total.add();
  account_.host().counters().rq_active.add();
  callbacks_->onUpstreamConnected();
}

void TcpUpstream::onConnectTimeout() { fail(CloseCause::kConnectTimeout); }

void TcpUpstream::fail(CloseCause cause) {
  account_.failed(cause);
  noteUnreached(account_.cluster(), account_.host(), cause == CloseCause::kConnectTimeout ? 504 : 503);
  account_.cluster().stats().inc(ClusterStat::upstream_rq_pending_failure_eject);
  const int handshake = connection_.connectedNs() != 0 ? -1 : connection_.connectError();
  const int error = cause == CloseCause::kConnectTimeout ? 0 : handshake;
  connection_.close();
  finished(cause);  // freed at the end of the turn
  callbacks_->onUpstreamFailed(error, connection_.failureReason());
}

// ---------------------------------------------------------------- connected

size_t TcpUpstream::onInput(std::string_view bytes) { return callbacks_->onUpstreamInput(bytes); }

void TcpUpstream::onClosed(CloseCause cause) {
  if (finished_) return;
  if (!account_.isConnected()) return fail(cause);
  finished(cause);
  callbacks_->onUpstreamClosed(cause);
}

void TcpUpstream::close(CloseCause cause) {
  if (finished_) return;
  if (!account_.isConnected()) account_.cluster().stats().inc(ClusterStat::upstream_rq_cancelled);
  connection_.close();
  finished(cause);
}

void TcpUpstream::reset() {
  if (finished_) return;
  connection_.reset();
  finished(CloseCause::kLocal);
}

void TcpUpstream::finished(CloseCause cause) {
  finished_ = true;
  base::ListNode<>::unlink();
  connect_timer_.cancel();
  account_.countBytes(connection_);
  auto& stats = account_.cluster().stats();
  if (account_.isConnected()) {
    breaker().requests.release();
    stats.dec(ClusterStat::upstream_rq_active);
    account_.host().counters().rq_active.sub();
  } else {
    breaker().pending.release();
    account_.host().counters().rq_pending.sub();
    stats.dec(ClusterStat::upstream_rq_pending_active);
  }
  account_.closed(cause, account_.isConnected());
  account_.cluster().services().io.freeLater(this);
}

}  // namespace nuncio::upstream
