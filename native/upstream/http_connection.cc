#include "upstream/http_connection.h"

#include <cstring>
#include <string>
#include <utility>

#include "http/h1/client_codec.h"
#include "http/h2/client_codec.h"
#include "upstream/http_pool.h"

namespace nuncio::upstream {

namespace {
constexpr uint8_t kStreamLines = 30;  // so much of a stream, and of its arena, an ordinary answer touches
}

using http::ResetReason;
using stats::ClusterStat;

HttpConnection::HttpConnection(HttpPool& pool, ClusterRuntime& cluster, HostRuntime& host, int fd)
    : pool_(&pool), account_(cluster, host, pool.key().priority), connection_(cluster.services().io, fd, *this) {
  connection_.setBufferLimit(cluster.plan().buffer_limit);
  if (pool.key().wire != Wire::kByAlpn) speak(pool.key().wire);
}

HttpConnection::~HttpConnection() = default;

void HttpConnection::speak(Wire wire) {
  auto& cluster = account_.cluster();
  const ClusterPart& part = cluster.part();
  if (wire != Wire::kHttp2) {
    cluster.http1Stats();  // seen from the first connection on, as in Envoy
    codec_ = std::make_unique<http::h1::ClientCodec>(*this, connection_, part.http1);
    return cluster.stats().inc(ClusterStat::upstream_cx_http1_total);
  }
  multiplexed_ = true;
  max_active_ = part.http2.max_concurrent_streams;
  WorkerServices& services = cluster.services();
  codec_ = std::make_unique<http::h2::ClientCodec>(*this, connection_, part.http2, services.http2, cluster.http2Stats());
  cluster.stats().inc(ClusterStat::upstream_cx_http2_total);
  if (!part.keep_alive.enabled()) return;
  keep_alive_ = std::make_unique<http::KeepAlive>(services.loop, services.random, part.keep_alive,
                                                  static_cast<http::KeepAliveOwner&>(*this));
}

// ---------------------------------------------------------------- connecting

void HttpConnection::start(bool in_progress) {
  in_progress |= !connection_.isRaw();  // a handshake is still to come
  connection_.start(in_progress);
  if (in_progress) {
    timer_.arm(account_.cluster().services().loop.timers(), account_.cluster().plan().connect_timeout_ms);
  } else {
    onConnected();
  }
}

void HttpConnection::onConnected() {
  timer_.cancel();
  account_.connected();
  account_.local = localEndOf(connection_, account_.host().address());
  const auto& common = account_.cluster().plan().common;
  if (common && common->max_connection_duration_ms != 0) {
    max_duration_.arm(account_.cluster().services().loop.timers(), common->max_connection_duration_ms);
  }
  if (codec_ == nullptr) speak(connection_.applicationProtocol() == "h2" ? Wire::kHttp2 : Wire::kHttp1);
  if (pool_ == nullptr) return close(net::CloseCause::kLocal);  // nobody waits any more
  pool_->onConnectionReady(*this);
}

// ---------------------------------------------------------------- requests

uint32_t HttpConnection::room() const {
  if (draining_ || closed_ || active_ >= max_active_) return 0;
  return max_active_ - active_;
}

/** One more request is on its way here. */
void HttpConnection::takeRequest() {
  ++account_.requests;
  ++active_;
  const auto& common = account_.cluster().plan().common;
  if (!common || common->max_requests_per_connection == 0 || account_.requests < common->max_requests_per_connection) return;
  account_.cluster().stats().inc(ClusterStat::upstream_cx_max_requests);
  draining_ = true;
}

http::RequestEncoder& HttpConnection::newStream(PoolStream& stream) {
  streams_.pushBack(&stream);
  if (!multiplexed_) {  // the answer will be about this stream, its arena and what is in it
    const base::Arena& arena = stream.arena();
    connection_.expect(&arena, arena.memory(), kStreamLines);
  }
  if (keep_alive_ != nullptr) keep_alive_->beforeRequest();
  return codec_->newStream(stream);
}

void HttpConnection::streamOver() {
  --active_;
  auto& cluster = account_.cluster();
  cluster.breaker(account_.priority()).requests.release();
  cluster.stats().dec(ClusterStat::upstream_rq_active);
  account_.host().counters().rq_active.sub();
}

void HttpConnection::abandonStream() {
  if (closed_) return;
  if (!multiplexed_) account_.closed(net::CloseCause::kLocal, true);
  streamOver();
  if (!multiplexed_) return close(net::CloseCause::kLocal);
  noteReset(ResetReason::kLocalReset);
  afterStream();
}

void HttpConnection::noteReset(ResetReason reason) {
  if (!multiplexed_) return;  // there the connection goes with its request, and that is counted
  auto& stats = account_.cluster().stats();
  switch (reason) {
    case ResetReason::kConnectionTermination:
    case ResetReason::kConnectionFailure:
    case ResetReason::kLocalConnectionFailure:
    case ResetReason::kConnectionTimeout: return stats.inc(ClusterStat::upstream_rq_pending_failure_eject);
    case ResetReason::kLocalReset:
    case ResetReason::kProtocolError:
    case ResetReason::kOverloadManager: return stats.inc(ClusterStat::upstream_rq_tx_reset);
    case ResetReason::kRemoteReset: return stats.inc(ClusterStat::upstream_rq_rx_reset);
    case ResetReason::kLocalRefusedStreamReset:
    case ResetReason::kRemoteRefusedStreamReset:
    case ResetReason::kOverflow:
    case ResetReason::kConnectError: return;
  }
}

void HttpConnection::onStreamComplete(http::ResponseDecoder&, bool reusable) {
  account_.countBytes(connection_);
  // HTTP/1 cannot end a request in order any more that was not sent whole.
  if (!multiplexed_ && !codec_->requestComplete()) account_.closed(net::CloseCause::kLocal, true);
  if (closed_) return;
  streamOver();
  if (remote_gone_) return close(net::CloseCause::kRemote);
  if (!multiplexed_ && (!reusable || connection_.sawEndOfInput())) return close(net::CloseCause::kLocal);
  afterStream();
}

void HttpConnection::onRequestGivenUp() { noteReset(ResetReason::kLocalReset); }

void HttpConnection::afterStream() {
  if (!draining_ && pool_ != nullptr) return pool_->onRoom(*this);
  if (active_ != 0) return;
  // Envoy's codec takes the end of a drained connection, within what it reads, for a broken protocol, and so it is counted.
  if (multiplexed_ && in_dispatch_) account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
  close(net::CloseCause::kLocal);
}

void HttpConnection::onCloseAnnounced() { account_.cluster().stats().inc(ClusterStat::upstream_cx_close_notify); }

void HttpConnection::onGoAway() {
  account_.cluster().stats().inc(ClusterStat::upstream_cx_close_notify);
  drain();
}

void HttpConnection::onMaxStreams(uint32_t streams) {
  max_active_ = streams;
  if (pool_ != nullptr && account_.isConnected() && !closed_) pool_->onRoom(*this);
}

// ---------------------------------------------------------------- bytes

size_t HttpConnection::onInput(std::string_view bytes) {
  if (!multiplexed_ && active_ == 0) {  // an idle connection has nothing to say
    account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
    close(net::CloseCause::kLocal);
    return bytes.size();
  }
  if (keep_alive_ != nullptr) keep_alive_->onInput();
  size_t consumed = 0;
  dispatch(bytes, consumed);
  return consumed;
}

void HttpConnection::dispatch(std::string_view bytes, size_t& consumed) {
  account_.countBytes(connection_);
  in_dispatch_ = true;
  const http::DispatchResult result = codec_->dispatch(bytes);
  in_dispatch_ = false;
  consumed = bytes.size();
  if (result.error != nullptr) account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
  if (closed_) return;
  if (result.error != nullptr) return fail(ResetReason::kProtocolError, result.error->message, net::CloseCause::kLocal);
  consumed = result.consumed;
}

void HttpConnection::onDispatchWanted() { account_.cluster().services().loop.atEndOfTurn(*this); }

void HttpConnection::onEndOfTurn() {
  if (closed_) return;
  size_t consumed = 0;
  dispatch({}, consumed);
}

void HttpConnection::onWritten() {
  account_.countBytes(connection_);
  if (multiplexed_) codec_->onOutputLeft(connection_.queued());
}

/** The peer is gone, in order or not: that ends an HTTP/1 response that has no other end, and cuts any other. */
void HttpConnection::onEndOfInput() {
  if (active_ == 0) return close(net::CloseCause::kRemote);
  remote_gone_ = true;
  const http::CodecError* error = codec_->onEndOfInput();
  if (closed_) return;
  if (error != nullptr) {
    account_.cluster().stats().inc(ClusterStat::upstream_cx_protocol_error);
    return fail(ResetReason::kProtocolError, error->message, net::CloseCause::kRemote);
  }
  fail(ResetReason::kConnectionTermination, {}, net::CloseCause::kRemote);
}

void HttpConnection::onAboveHighWatermark() {
  account_.cluster().stats().inc(ClusterStat::upstream_flow_control_backed_up_total);
  streams_.forEach([](PoolStream& stream) { stream.onEncoderAboveHighWatermark(); });
}

void HttpConnection::onBelowLowWatermark() {
  account_.cluster().stats().inc(ClusterStat::upstream_flow_control_drained_total);
  streams_.forEach([](PoolStream& stream) { stream.onEncoderBelowLowWatermark(); });
}

void HttpConnection::pauseReading(bool pause) {
  if (closed_ || multiplexed_) return;
  connection_.pauseReading(pause);
  if (!pause) connection_.resumeInput();
}

// ---------------------------------------------------------------- time and end

void HttpConnection::becameIdle() {
  const auto& plan = account_.cluster().plan();
  if (plan.common && plan.common->idle_timeout_ms != 0) {
    timer_.arm(account_.cluster().services().loop.timers(), plan.common->idle_timeout_ms);
  }
}

void HttpConnection::onTimeout() {
  if (account_.isConnected()) {
    if (!idle()) return;  // armed while it was idle, and not worth cancelling for each request
    account_.cluster().stats().inc(ClusterStat::upstream_cx_idle_timeout);
    return close(net::CloseCause::kLocal);
  }
  onClosed(net::CloseCause::kConnectTimeout);
}

void HttpConnection::onPingAck() {
  if (keep_alive_ != nullptr) keep_alive_->onAck();
}

void HttpConnection::onPingTimeout() {
  account_.cluster().http2Stats().inc(stats::Http2Stat::keepalive_timeout);
  fail(ResetReason::kConnectionTermination, "http2_ping_timeout", net::CloseCause::kLocal);
}

void HttpConnection::onMaxDuration() {
  account_.cluster().stats().inc(ClusterStat::upstream_cx_max_duration_reached);
  drain();
}

void HttpConnection::drain() {
  draining_ = true;
  if (!account_.isConnected()) return;
  if (idle()) return close(net::CloseCause::kLocal);
  if (pool_ != nullptr) pool_->onRoom(*this);
}

/** The connection goes, then the requests under way are told. */
void HttpConnection::fail(ResetReason reason, std::string_view details, net::CloseCause cause) {
  // HTTP/2 ends its streams first when the protocol is broken; then none is active, as Envoy counts.
  if (active_ != 0) account_.closed(cause, !multiplexed_ || reason != ResetReason::kProtocolError);
  while (active_ != 0) streamOver();
  close(cause);
  while (PoolStream* stream = streams_.popFront()) stream->onStreamReset(reason, details);
}

void HttpConnection::close(net::CloseCause cause) {
  if (closed_) return;
  connection_.close();
  finished(cause);
}

void HttpConnection::onClosed(net::CloseCause cause) {
  if (closed_) return;
  if (!account_.isConnected()) {
    const bool timed_out = cause == net::CloseCause::kConnectTimeout;
    account_.failed(cause);
    HttpPool* pool = pool_;
    const int error = connection_.connectError();
    const std::string transport(connection_.failureReason());
    const bool connected = connection_.connectedNs() != 0;
    close(cause);
    if (pool == nullptr) return;
    if (timed_out) return pool->onConnectFailed(PoolFailure::kConnectTimeout, {});
    if (connected || !transport.empty()) return pool->onConnectFailed(PoolFailure::kConnectFailed, transport);
    std::string reason = "delayed connect error: ";
    char text[128];
    reason += strerror_r(error, text, sizeof(text));
    return pool->onConnectFailed(PoolFailure::kConnectFailed, reason);
  }
  onEndOfInput();
}

void HttpConnection::finished(net::CloseCause cause) {
  closed_ = true;
  timer_.cancel();
  max_duration_.cancel();
  loop::TurnTask::unlink();
  if (keep_alive_ != nullptr) keep_alive_->stop();
  account_.countBytes(connection_);
  account_.closed(cause, active_ != 0);
  if (HttpPool* pool = std::exchange(pool_, nullptr)) pool->onConnectionGone(*this);
  account_.cluster().services().io.freeLater(this);
}

}  // namespace nuncio::upstream
