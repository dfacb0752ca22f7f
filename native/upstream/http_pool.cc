#include "upstream/http_pool.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace nuncio::upstream {

using stats::ClusterStat;

void PoolStream::cancelWaiting() {
  if (pool_ == nullptr) return;
  HttpPool* pool = pool_;
  pool_ = nullptr;
  unlink();
  pool->cluster_->stats().inc(ClusterStat::upstream_rq_cancelled);
  pool->leftQueue();
}

namespace {

/** What is offered by ALPN when the cluster's TLS settings name nothing. */
std::span<const std::string_view> alpnOf(Wire wire) {
  static constexpr std::string_view kNames[] = {"h2", "http/1.1"};
  switch (wire) {
    case Wire::kHttp1: return {kNames + 1, 1};
    case Wire::kHttp2: return {kNames, 1};
    case Wire::kByAlpn: return {kNames, 2};
  }
  return {};
}

TransportOptions withAlpn(TransportOptions options, Wire wire) {
  options.alpn_fallback = alpnOf(wire);
  return options;
}

}  // namespace

HttpPool::HttpPool(ClusterRuntime& cluster, HostRuntime& host, const PoolKey& key, const TransportOptions& options)
    : cluster_(&cluster),
      host_(host),
      key_(key),
      transport_(withAlpn(options, key.wire)),
      multiplexes_(key.wire == Wire::kHttp2) {}

HttpPool::~HttpPool() {
  const auto forget = [](HttpConnection& connection) {
    connection.pool_ = nullptr;
    connection.drain();
  };
  for (auto& list : lists_) list.forEach(forget);
  if (counted_) breaker().pools.release();
}

bool HttpPool::serves(const PoolKey& key, const TransportOptions& options) const {
  return key_ == key && transport_.view() == withAlpn(options, key.wire);
}

// ---------------------------------------------------------------- requests

void HttpPool::newStream(PoolStream& stream) {
  if (HttpConnection* connection = lists_[static_cast<size_t>(Place::kReady)].front()) return attach(*connection, stream);
  auto& stats = cluster_->stats();
  if (!breaker().pending.canCreate(limits().max_pending)) {
    stats.inc(ClusterStat::upstream_rq_pending_overflow);
    return stream.onPoolFailure(PoolFailure::kPendingOverflow, {});
  }
  breaker().pending.acquire();
  stats.inc(ClusterStat::upstream_rq_pending_total);
  stats.inc(ClusterStat::upstream_rq_pending_active);
  ++pending_count_;
  host_.counters().rq_pending.add();
  countPool();
  stream.pool_ = this;
  pending_.pushBack(&stream);
  connectAsNeeded();
}

void HttpPool::leftQueue() {
  --pending_count_;
  breaker().pending.release();
  cluster_->stats().dec(ClusterStat::upstream_rq_pending_active);
  host_.counters().rq_pending.sub();
}

void HttpPool::attach(HttpConnection& connection, PoolStream& stream) {
  auto& stats = cluster_->stats();
  if (!breaker().requests.canCreate(limits().max_requests)) {
    stats.inc(ClusterStat::upstream_rq_active_overflow);
    return stream.onPoolFailure(PoolFailure::kOverflow, {});
  }
  connection.takeRequest();
  if (connection.room() == 0) move(connection, Place::kBusy);
  breaker().requests.acquire();
  stats.inc(ClusterStat::upstream_rq_total);
  stats.inc(ClusterStat::upstream_rq_active);
  host_.counters().rq_total.add();
  host_.counters().rq_active.add();
  stream.onPoolReady(connection);
}

void HttpPool::move(HttpConnection& connection, Place place) {
  --counts_[static_cast<size_t>(connection.place_)];
  ++counts_[static_cast<size_t>(place)];
  connection.place_ = place;
  lists_[static_cast<size_t>(place)].pushFront(&connection);
}

/** The first who wait get what room there is; a connection that is left with nothing to do is idle. */
void HttpPool::serve(HttpConnection& connection) {
  const HostRef keep(&host_);
  if (connection.place_ != Place::kReady) move(connection, Place::kReady);
  while (connection.room() != 0) {
    PoolStream* stream = pending_.front();
    if (stream == nullptr) break;
    stream->unlink();
    stream->pool_ = nullptr;
    leftQueue();
    attach(connection, *stream);
  }
  if (!connection.idle() || connection.closed_) return;
  if (draining_) return connection.drain();
  connection.becameIdle();
}

void HttpPool::onRoom(HttpConnection& connection) {
  if (connection.room() != 0) return serve(connection);
  if (connection.place_ == Place::kReady) move(connection, Place::kBusy);
  connectAsNeeded();
}

// ---------------------------------------------------------------- connections

uint32_t HttpPool::expectedRoom() const {
  return multiplexes_ ? std::max(cluster_->part().http2.max_concurrent_streams, 1u) : 1;
}

void HttpPool::connectAsNeeded() {
  while (!draining_ && pending_count_ > count(Place::kConnecting) * expectedRoom() && connectOne()) {
  }
}

bool HttpPool::connectOne() {
  if (!breaker().connections.canCreate(limits().max_connections) || host_.isFull(*cluster_, key_.priority)) {
    cluster_->stats().inc(ClusterStat::upstream_cx_overflow);
    if (size() != 0) return false;  // with none at all, one is allowed, or nothing would ever be served
  }
  const ConnectResult result = connectTo(*cluster_, host_.address(), &host_.member());
  if (result.fd < 0) {
    {
      ConnectionAccount account(*cluster_, host_, key_.priority);
      account.failed(net::CloseCause::kConnectFailed);
      account.closed(net::CloseCause::kConnectFailed, false);
    }
    char text[128];
    std::string reason = "immediate connect error: ";
    reason.append(strerror_r(result.error, text, sizeof(text))).append("|remote address:").append(host_.address().text());
    failAll(PoolFailure::kConnectFailed, reason);
    return false;
  }
  auto* connection = new HttpConnection(*this, *cluster_, host_, result.fd);
  openTransport(connection->connection(), *cluster_, host_, transport_.view());
  lists_[static_cast<size_t>(Place::kConnecting)].pushBack(connection);
  ++counts_[static_cast<size_t>(Place::kConnecting)];
  connection->start(result.in_progress);
  return true;
}

void HttpPool::onConnectionReady(HttpConnection& connection) {
  const HostRef keep(&host_);
  if (key_.wire == Wire::kByAlpn) multiplexes_ = connection.multiplexed();
  serve(connection);
  if (key_.wire == Wire::kByAlpn) connectAsNeeded();  // it may have less room than was expected
}

void HttpPool::onConnectFailed(PoolFailure failure, std::string_view reason) {
  failAll(failure, reason);
  connectAsNeeded();
}

void HttpPool::failAll(PoolFailure failure, std::string_view reason) {
  const HostRef keep(&host_);
  base::IntrusiveList<PoolStream> failed;  // a retry may queue anew while we tell them
  while (PoolStream* stream = pending_.popFront()) failed.pushBack(stream);
  while (PoolStream* stream = failed.popFront()) {
    stream->pool_ = nullptr;
    leftQueue();
    cluster_->stats().inc(ClusterStat::upstream_rq_pending_failure_eject);
    stream->onPoolFailure(failure, reason);
  }
  countPool();
}

void HttpPool::onConnectionGone(HttpConnection& connection) {
  --counts_[static_cast<size_t>(connection.place_)];
  connection.base::ListNode<>::unlink();
  if (connection.account_.isConnected()) connectAsNeeded();  // else those who wait are told of the failure first
  countPool();
}

void HttpPool::drain() {
  draining_ = true;
  renew();
}

void HttpPool::renew() {
  const HostRef keep(&host_);
  const auto drainOne = [](HttpConnection& connection) { connection.drain(); };
  lists_[static_cast<size_t>(Place::kReady)].forEach(drainOne);
  lists_[static_cast<size_t>(Place::kBusy)].forEach(drainOne);
}

// A pool without connections and requests counts as none.
void HttpPool::countPool() {
  const bool used = size() + pending_count_ != 0;
  if (std::exchange(counted_, used) == used) return;
  if (used) {
    breaker().pools.acquire();
  } else {
    breaker().pools.release();
    cluster_->breaker(Priority::kHigh).pool_ended.store(true, std::memory_order_relaxed);  // Envoy writes its gauge then
    if (key_.transport != 0) host_.retirePool(*this);
  }
}

}  // namespace nuncio::upstream
