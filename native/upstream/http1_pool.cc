#include "upstream/http1_pool.h"

#include <cstring>
#include <string>
#include <utility>

#include "http/h1/client_codec.h"
#include "upstream/connect.h"

namespace nuncio::upstream {

using http::ResetReason;
using stats::ClusterStat;

void PendingStream::cancelWaiting() {
  if (pool_ == nullptr) return;
  Http1Pool* pool = pool_;
  pool_ = nullptr;
  unlink();
  pool->cluster_->stats().inc(ClusterStat::upstream_rq_cancelled);
  pool->leftQueue();
}

// ---------------------------------------------------------------- one connection

Http1Connection::Http1Connection(Http1Pool& pool, ClusterRuntime& cluster, HostRuntime& host, Priority priority, int fd)
    : pool_(&pool), account_(cluster, host, priority), connection_(cluster.services().io, fd, *this) {
  connection_.setBufferLimit(cluster.plan().buffer_limit);
  codec_ = std::make_unique<http::h1::ClientCodec>(*this, connection_, cluster.part().http1);
  cluster.stats().inc(ClusterStat::upstream_cx_http1_total);
}

Http1Connection::~Http1Connection() = default;

void Http1Connection::start(bool in_progress) {
  connection_.start(in_progress);
  const auto& plan = account_.cluster().plan();
  if (in_progress) {
    timer_.arm(account_.cluster().services().loop.timers(), plan.connect_timeout_ms);
  } else {
    onConnected();
  }
}

void Http1Connection::onConnected() {
  timer_.cancel();
  account_.connected();
  sockaddr_storage local;
  socklen_t size = sizeof(local);
  if (getsockname(connection_.fd(), reinterpret_cast<sockaddr*>(&local), &size) == 0) {
    account_.local = net::Address::from(reinterpret_cast<sockaddr*>(&local), size);
  }
  const auto& common = account_.cluster().plan().common;
  if (common && common->max_connection_duration_ms != 0) {
    max_duration_.arm(account_.cluster().services().loop.timers(), common->max_connection_duration_ms);
  }
  if (pool_ != nullptr) pool_->onConnectionReady(*this);
}

http::RequestEncoder& Http1Connection::newStream(http::ResponseDecoder& decoder) {
  decoder_ = &decoder;
  streaming_ = true;
  return codec_->newStream(decoder);
}

void Http1Connection::releaseStream() {
  decoder_ = nullptr;
  streaming_ = false;
  auto& cluster = account_.cluster();
  cluster.breaker(account_.priority()).requests.release();
  cluster.stats().dec(ClusterStat::upstream_rq_active);
  account_.host().counters().rq_active.sub();
}

void Http1Connection::abandonStream() {
  if (!streaming_) return;
  account_.closed(net::CloseCause::kLocal, true);
  releaseStream();
  close(net::CloseCause::kLocal);
}

size_t Http1Connection::onInput(std::string_view bytes) {
  if (decoder_ == nullptr) {  // an idle connection has nothing to say
    account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
    close(net::CloseCause::kLocal);
    return bytes.size();
  }
  account_.countBytes(connection_);
  const http::DispatchResult result = codec_->dispatch(bytes);
  if (result.error != nullptr) account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
  if (closed_) return bytes.size();
  if (result.error != nullptr) {
    fail(ResetReason::kProtocolError, result.error->message, net::CloseCause::kLocal);
    return bytes.size();
  }
  return result.consumed;
}

/** The peer is gone, in order or not: that ends a response that has no other end, and cuts any other. */
void Http1Connection::onEndOfInput() {
  if (!streaming_) return close(net::CloseCause::kRemote);
  remote_gone_ = true;
  const http::CodecError* error = codec_->onEndOfInput();
  if (closed_) return;
  if (error != nullptr) {
    account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
    return fail(ResetReason::kProtocolError, error->message, net::CloseCause::kRemote);
  }
  fail(ResetReason::kConnectionTermination, {}, net::CloseCause::kRemote);
}

void Http1Connection::onAboveHighWatermark() {
  account_.cluster().stats().inc(ClusterStat::upstream_flow_control_backed_up_total);
  if (decoder_ != nullptr) decoder_->onEncoderAboveHighWatermark();
}

void Http1Connection::onBelowLowWatermark() {
  account_.cluster().stats().inc(ClusterStat::upstream_flow_control_drained_total);
  if (decoder_ != nullptr) decoder_->onEncoderBelowLowWatermark();
}

void Http1Connection::pauseReading(bool pause) {
  if (closed_) return;
  connection_.pauseReading(pause);
  if (!pause) connection_.resumeInput();
}

void Http1Connection::onStreamComplete(bool reusable) {
  account_.countBytes(connection_);
  auto& cluster = account_.cluster();
  if (!codec_->requestComplete()) account_.closed(net::CloseCause::kLocal, true);  // it cannot be ended in order any more
  releaseStream();
  if (closed_) return;
  if (remote_gone_) return close(net::CloseCause::kRemote);
  const auto& common = cluster.plan().common;
  if (common && common->max_requests_per_connection != 0 && account_.requests >= common->max_requests_per_connection) {
    cluster.stats().inc(ClusterStat::upstream_cx_max_requests);
    reusable = false;
  }
  if (!reusable || draining_ || pool_ == nullptr || connection_.sawEndOfInput()) return close(net::CloseCause::kLocal);
  pool_->onConnectionIdle(*this);
}

void Http1Connection::becameIdle() {
  const auto& plan = account_.cluster().plan();
  if (plan.common && plan.common->idle_timeout_ms != 0) {
    timer_.arm(account_.cluster().services().loop.timers(), plan.common->idle_timeout_ms);
  }
}

void Http1Connection::onTimeout() {
  if (account_.isConnected()) {
    if (!idle()) return;  // armed while it was idle, and not worth cancelling for each request
    account_.cluster().stats().inc(ClusterStat::upstream_cx_idle_timeout);
    return close(net::CloseCause::kLocal);
  }
  onClosed(net::CloseCause::kConnectTimeout);
}

void Http1Connection::onMaxDuration() {
  account_.cluster().stats().inc(ClusterStat::upstream_cx_max_duration_reached);
  drain();
}

void Http1Connection::drain() {
  draining_ = true;
  if (idle() && account_.isConnected()) close(net::CloseCause::kLocal);
}

/** The connection goes, then the stream under way is told. */
void Http1Connection::fail(ResetReason reason, std::string_view details, net::CloseCause cause) {
  http::ResponseDecoder* decoder = decoder_;
  if (streaming_) {
    account_.closed(cause, true);
    releaseStream();
  }
  close(cause);
  if (decoder != nullptr) decoder->onStreamReset(reason, details);
}

void Http1Connection::close(net::CloseCause cause) {
  if (closed_) return;
  connection_.close();
  finished(cause);
}

void Http1Connection::onClosed(net::CloseCause cause) {
  if (closed_) return;
  if (!account_.isConnected()) {
    const bool timed_out = cause == net::CloseCause::kConnectTimeout;
    account_.failed(cause);
    Http1Pool* pool = pool_;
    const int error = connection_.connectError();
    close(cause);
    if (pool == nullptr) return;
    if (timed_out) return pool->onConnectFailed(*this, PoolFailure::kConnectTimeout, {});
    std::string reason = "delayed connect error: ";
    char text[128];
    reason += strerror_r(error, text, sizeof(text));
    return pool->onConnectFailed(*this, PoolFailure::kConnectFailed, reason);
  }
  onEndOfInput();
}

void Http1Connection::finished(net::CloseCause cause) {
  closed_ = true;
  timer_.cancel();
  max_duration_.cancel();
  account_.countBytes(connection_);
  account_.closed(cause, streaming_);
  if (Http1Pool* pool = std::exchange(pool_, nullptr)) pool->onConnectionGone(*this);
  account_.cluster().services().io.freeLater(this);
}

// ---------------------------------------------------------------- the pool

Http1Pool::Http1Pool(ClusterRuntime& cluster, HostRuntime& host, Priority priority)
    : cluster_(&cluster), host_(host), priority_(priority) {}

Http1Pool::~Http1Pool() {
  const auto forget = [](Http1Connection& connection) {
    connection.pool_ = nullptr;
    connection.drain();
  };
  idle_.forEach(forget);
  busy_.forEach(forget);
  connecting_.forEach(forget);
  if (counted_) breaker().pools.release();
}

void Http1Pool::newStream(PendingStream& stream) {
  if (Http1Connection* connection = idle_.front()) return attach(*connection, stream);
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

void Http1Pool::leftQueue() {
  --pending_count_;
  breaker().pending.release();
  cluster_->stats().dec(ClusterStat::upstream_rq_pending_active);
  host_.counters().rq_pending.sub();
}

// A pool without connections and requests counts as none.
void Http1Pool::countPool() {
  const bool used = size() + pending_count_ != 0;
  if (std::exchange(counted_, used) == used) return;
  if (used) {
    breaker().pools.acquire();
  } else {
    breaker().pools.release();
  }
}

void Http1Pool::attach(Http1Connection& connection, PendingStream& stream) {
  auto& stats = cluster_->stats();
  if (!breaker().requests.canCreate(limits().max_requests)) {
    stats.inc(ClusterStat::upstream_rq_active_overflow);
    return stream.onPoolFailure(PoolFailure::kOverflow, {});
  }
  connection.base::ListNode<>::unlink();
  --idle_count_;
  busy_.pushBack(&connection);
  ++busy_count_;
  connection.busy_ = true;
  ++connection.account_.requests;
  breaker().requests.acquire();
  stats.inc(ClusterStat::upstream_rq_total);
  stats.inc(ClusterStat::upstream_rq_active);
  host_.counters().rq_total.add();
  host_.counters().rq_active.add();
  stream.onPoolReady(connection);
}

void Http1Pool::connectAsNeeded() {
  while (!draining_ && pending_count_ > connecting_count_ && connectOne()) {
  }
}

bool Http1Pool::connectOne() {
  if (!breaker().connections.canCreate(limits().max_connections)) {
    cluster_->stats().inc(ClusterStat::upstream_cx_overflow);
    if (size() != 0) return false;  // with none at all, one is allowed, or nothing would ever be served
  }
  const ConnectResult result = connectTo(cluster_->plan(), host_.address());
  if (result.fd < 0) {
    cluster_->stats().inc(ClusterStat::upstream_cx_connect_fail);
    host_.counters().cx_connect_fail.add();
    char text[128];
    failAll(PoolFailure::kConnectFailed, std::string("immediate connect error: ") + strerror_r(result.error, text, sizeof(text)));
    return false;
  }
  auto* connection = new Http1Connection(*this, *cluster_, host_, priority_, result.fd);
  connecting_.pushBack(connection);
  ++connecting_count_;
  connection->start(result.in_progress);
  return true;
}

void Http1Pool::onConnectionReady(Http1Connection& connection) {
  --connecting_count_;
  toIdle(connection);
}

void Http1Pool::onConnectionIdle(Http1Connection& connection) {
  --busy_count_;
  toIdle(connection);
}

/** The connection is out of its old list's count: the first waiting request gets it, else it is idle. */
void Http1Pool::toIdle(Http1Connection& connection) {
  const HostRef keep(&host_);
  connection.busy_ = false;
  idle_.pushFront(&connection);
  ++idle_count_;
  if (PendingStream* stream = pending_.front()) {
    stream->unlink();
    stream->pool_ = nullptr;
    leftQueue();
    return attach(connection, *stream);
  }
  if (draining_) return connection.drain();
  connection.becameIdle();
}

void Http1Pool::onConnectFailed(Http1Connection&, PoolFailure failure, std::string_view reason) {
  failAll(failure, reason);
  connectAsNeeded();
}

void Http1Pool::failAll(PoolFailure failure, std::string_view reason) {
  const HostRef keep(&host_);
  base::IntrusiveList<PendingStream> failed;  // a retry may queue anew while we tell them
  while (PendingStream* stream = pending_.popFront()) failed.pushBack(stream);
  while (PendingStream* stream = failed.popFront()) {
    stream->pool_ = nullptr;
    leftQueue();
    cluster_->stats().inc(ClusterStat::upstream_rq_pending_failure_eject);
    stream->onPoolFailure(failure, reason);
  }
  countPool();
}

void Http1Pool::onConnectionGone(Http1Connection& connection) {
  if (!connection.account_.isConnected()) {
    --connecting_count_;
  } else if (connection.busy_) {
    --busy_count_;
  } else {
    --idle_count_;
  }
  connection.base::ListNode<>::unlink();
  if (connection.account_.isConnected()) connectAsNeeded();  // else those who wait are told of the failure first
  countPool();
}

void Http1Pool::drain() {
  draining_ = true;
  const HostRef keep(&host_);
  const auto drainOne = [](Http1Connection& connection) { connection.drain(); };
  idle_.forEach(drainOne);
  busy_.forEach(drainOne);
}

}  // namespace nuncio::upstream
