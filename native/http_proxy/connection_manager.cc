#include "http_proxy/connection_manager.h"

#include <algorithm>
#include <cstring>

#include "http/h1/server_codec.h"
#include "http/h2/server_codec.h"
#include "http/keep_alive.h"

namespace nuncio::http_proxy {

using stats::HttpHistogram;
using stats::HttpStat;

// ---------------------------------------------------------------- what HTTP/2 needs besides

class ConnectionManager::Http2Part final : private http::KeepAliveOwner, private loop::TurnTask {
 public:
  Http2Part(ConnectionManager& manager, http::h2::ServerCodec& codec_of) : codec(codec_of), manager_(manager) {
    const ManagerRuntime& runtime = manager.runtime_;
    if (!runtime.keep_alive.enabled()) return;
    auto& services = runtime.worker.services;
    keep_alive = std::make_unique<http::KeepAlive>(services.loop, services.random, runtime.keep_alive,
                                                   static_cast<http::KeepAliveOwner&>(*this));
  }
  void dispatchLater(loop::Loop& loop) { loop.atEndOfTurn(*this); }
  void stop() {
    if (keep_alive != nullptr) keep_alive->stop();
    loop::TurnTask::unlink();
  }

  http::h2::ServerCodec& codec;
  std::unique_ptr<http::KeepAlive> keep_alive;  // only where it is configured
  uint32_t finished = 0;                        // streams that ended
  uint32_t reset_early = 0;                     // of these, without an answer soon after they began

 private:
  void sendPing() override { codec.ping(); }
  void onPingTimeout() override { manager_.onPingTimeout(); }
  /** The codec holds bytes that a stream wants now. */
  void onEndOfTurn() override { manager_.dispatchKept(); }

  ConnectionManager& manager_;
};

// ---------------------------------------------------------------- life of a connection

ConnectionManager::ConnectionManager(ManagerRuntime& runtime, const tcp::Downstream& downstream)
    : runtime_(runtime), connection_(downstream.connection), info_(downstream.info), began_ns_(runtime.worker.services.loop.now()) {}

ConnectionManager::~ConnectionManager() { endStreams(true); }

void ConnectionManager::onNewConnection() {
  runtime_.http.inc(HttpStat::downstream_cx_total);
  runtime_.http.inc(HttpStat::downstream_cx_active);
  secure_ = connection_.tls() != nullptr;
  if (secure_) {
    runtime_.http.inc(HttpStat::downstream_cx_ssl_total);
    runtime_.http.inc(HttpStat::downstream_cx_ssl_active);
  }
  const plan::HttpCommonOptions& common = runtime_.config.common;
  if (common.max_connection_duration_ms != 0) {
    const auto jitter = static_cast<uint64_t>(common.max_connection_duration_ms * common.max_connection_duration_jitter / 100);
    const uint64_t more = jitter == 0 ? 0 : runtime_.worker.random_source.below(jitter + 1);
    rareTimers().duration.arm(timers(), static_cast<uint32_t>(std::min<uint64_t>(UINT32_MAX, common.max_connection_duration_ms + more)));
  }
  armIdle();
}

size_t ConnectionManager::onInput(std::string_view bytes) {
  if (closing_ || ended_) return bytes.size();
  if (codec_ == nullptr && !chooseCodec(bytes)) return bytes.size();
  size_t consumed = 0;
  dispatch(bytes, consumed);
  return consumed;
}

/**
 * True of a first line that has three words and is in none of them HTTP/1: no version, no target. To a client that meant an
 * HTTP/2 preface an answer in HTTP/1.1 would be no frame, so it gets none (RFC 9113 section 3.4 asks for the end of the connection).
 */
static bool isForeign(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.size() == bytes.size()) return false;
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first + 1) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  return !line.substr(last + 1).starts_with("HTTP/") && target.find_first_of("/*:") == std::string_view::npos;
}

/** False when the bytes are taken: they may be the beginning of an HTTP/2 preface, or are no HTTP at all. */
bool ConnectionManager::chooseCodec(std::string_view bytes) {
  using Codec = plan::HttpConnectionManager::CodecType;
  constexpr std::string_view kPreface = "PRI * HTTP/2";  // as much of it as Envoy looks at
  const Codec wanted = runtime_.config.plan.codec_type;
  const std::string_view negotiated = connection_.applicationProtocol();
  if (wanted != Codec::AUTO || !negotiated.empty()) {
    speak(wanted == Codec::HTTP2 || (wanted == Codec::AUTO && negotiated == "h2"));
    return true;
  }
  const std::string_view rest = kPreface.substr(preface_seen_);
  const size_t compared = std::min(rest.size(), bytes.size());
  const bool equal = bytes.substr(0, compared) == rest.substr(0, compared);
  if (equal && compared < rest.size()) {
    preface_seen_ += static_cast<uint8_t>(compared);
    return false;
  }
  if (!equal && preface_seen_ == 0 && isForeign(bytes)) {
    runtime_.http.inc(HttpStat::downstream_cx_protocol_error);
    close(false);
    return false;
  }
  speak(equal);
  if (preface_seen_ == 0) return true;
  char seen[kPreface.size()];
  std::memcpy(seen, kPreface.data(), preface_seen_);
  size_t consumed = 0;
  return dispatch({seen, preface_seen_}, consumed);
}

void ConnectionManager::speak(bool http2) {
  auto& services = runtime_.worker.services;
  auto& stats = runtime_.http;
  if (!http2) {
    codec_ = std::make_unique<http::h1::ServerCodec>(*this, connection_, runtime_.codec_options);
    stats.inc(HttpStat::downstream_cx_http1_total);
    stats.inc(HttpStat::downstream_cx_http1_active);
    return;
  }
  stats.inc(HttpStat::downstream_cx_http2_total);
  stats.inc(HttpStat::downstream_cx_http2_active);
  auto codec = std::make_unique<http::h2::ServerCodec>(*this, connection_, runtime_.http2_options, services.http2,
                                                       runtime_.http2());
  http2_ = std::make_unique<Http2Part>(*this, *codec);
  codec_ = std::move(codec);
}

/** False when the connection is of no more use for reading. */
bool ConnectionManager::dispatch(std::string_view bytes, size_t& consumed) {
  countBytes();
  answered_ = 0;
  if (http2_ != nullptr && http2_->keep_alive != nullptr) http2_->keep_alive->onInput();
  const http::DispatchResult result = codec_->dispatch(bytes);
  consumed = bytes.size();
  if (result.error != nullptr) {
    onProtocolError(*result.error);
    return false;
  }
  if (closing_ || ended_) return false;
  if (http2_ != nullptr) watchHead();
  consumed = result.consumed;
  return true;
}

void ConnectionManager::onProtocolError(const http::CodecError& error) {
  runtime_.http.inc(HttpStat::downstream_cx_protocol_error);
  protocol_error_ = true;
  if (ended_) return;
  if (multiplexed()) {
    if (active_ != 0 || broke_stream_) countActiveRequests(true);
    while (Stream* stream = streams_.front()) stream->onConnectionError(error);
  }
  if (!closing_) close(true);
}

http::RequestDecoder& ConnectionManager::newStream(http::ResponseEncoder& encoder) {
  ++active_;
  Stream* stream = Stream::make(*this, encoder);
  streams_.pushBack(stream);
  countRequest(*stream);
  if (!multiplexed()) {
    if (const uint32_t ms = runtime_.config.plan.request_headers_timeout_ms; ms != 0) rareTimers().headers.arm(timers(), ms);
    reading_head_ = stream;
  }
  if (connection_.aboveHighWatermark()) stream->onEncoderAboveHighWatermark();
  return *stream;
}

void ConnectionManager::countRequest(Stream& stream) {
  ++requests_;
  auto& http = runtime_.http;
  http.inc(HttpStat::downstream_rq_total);
  http.inc(HttpStat::downstream_rq_active);
  http.inc(multiplexed() ? HttpStat::downstream_rq_http2_total : HttpStat::downstream_rq_http1_total);
  const uint32_t max_requests = runtime_.config.common.max_requests_per_connection;
  const bool enough = max_requests != 0 && requests_ >= max_requests;
  if (enough) http.inc(HttpStat::downstream_cx_max_requests_reached);
  if (!enough && !duration_over_) return;
  if (multiplexed()) {
    if (drain_ == Drain::kNone) startDrain();
  } else {
    drain_ = Drain::kClosing;
    stream.setSawConnectionClose();
  }
}

void ConnectionManager::onStreamRestarted() {
  runtime_.http.inc(HttpStat::downstream_rq_total);
  runtime_.http.inc(multiplexed() ? HttpStat::downstream_rq_http2_total : HttpStat::downstream_rq_http1_total);
}

void ConnectionManager::onUnderscoredHeaders(uint32_t count) {
  const bool rejects = runtime_.codec_options.underscores == http::h1::Underscores::kRejectRequest;
  runtime_.http1.inc(rejects ? stats::Http1Stat::requests_rejected_with_underscores_in_headers
                             : stats::Http1Stat::dropped_headers_with_underscores,
                     count);
}

void ConnectionManager::onStreamComplete(http::RequestDecoder& decoder) {
  if (!multiplexed()) return connection_.resumeInput();
  static_cast<Stream&>(decoder).onCodecDone();
}

void ConnectionManager::onStreamCut(http::RequestDecoder& decoder, http::ResetReason reason, std::string_view details) {
  static_cast<Stream&>(decoder).onStreamReset(reason, details);
}

void ConnectionManager::onDispatchWanted() { http2_->dispatchLater(runtime_.worker.services.loop); }

void ConnectionManager::dispatchKept() {
  if (closing_ || ended_) return;
  size_t consumed = 0;
  dispatch({}, consumed);
}

void ConnectionManager::onWritten() {
  countBytes();
  if (multiplexed() && codec_ != nullptr) codec_->onOutputLeft(connection_.queued());
}

void ConnectionManager::onStreamFinished(Stream& stream) {
  --active_;
  stream.base::ListNode<>::unlink();
  if (reading_head_ == &stream) onRequestHeadersComplete();
  runtime_.http.dec(HttpStat::downstream_rq_active);
  if (answered_ < kMaxAnswered) ++answered_;
  if (http2_ != nullptr && http2_->codec.broken()) broke_stream_ = true;
  if (ended_ || closing_ || protocol_error_) return;  // what ends with its connection was not reset by the client
  if (multiplexed()) {
    countResets(stream);
    if (active_ != 0 || ended_) return;
    if (drain_ != Drain::kClosing) return armIdle();
    return closeIfDrained(true);
  }
  if (!stream.whole()) drain_ = Drain::kClosing;  // HTTP/1 cannot go on behind half a message
  if (active_ != 0) return;
  if (drain_ != Drain::kClosing) return armIdle();
  // Who has nothing more to send needs no time to notice the end. Envoy gives it nevertheless to who is answered at once.
  const bool sent_all = stream.requestComplete() && !stream.endedInInput();
  closeIfDrained(!stream.closesConnection() || !(sent_all || stream.endsWithConnection()));
}

void ConnectionManager::closeIfDrained(bool linger) {
  if (drain_ == Drain::kClosing && active_ == 0 && !closing_ && !ended_) close(linger);
}

/** A client that opens streams only to reset them at once makes work and never gets an answer: it is cut off. */
void ConnectionManager::countResets(const Stream& stream) {
  constexpr uint64_t kLimit = 500, kLifetimeSeconds = 1;  // Envoy's, of its runtime
  uint32_t& finished = http2_->finished;
  ++finished;
  auto& worker = runtime_.worker;
  const int64_t age_s = (worker.services.loop.now() - stream.beganNs()) / 1'000'000'000;
  if (stream.responseStarted()) return;
  if (age_s > static_cast<int64_t>(worker.runtimeInteger("overload.premature_reset_min_stream_lifetime_seconds", kLifetimeSeconds))) return;
  ++http2_->reset_early;
  const uint64_t limit = worker.runtimeInteger("overload.premature_reset_total_stream_count", kLimit);
  if (uint64_t{http2_->reset_early} * 2 < std::max<uint64_t>(limit, finished < limit ? 0 : finished)) return;
  runtime_.http.inc(HttpStat::downstream_rq_too_many_premature_resets);
  http2_->codec.goAway(http::h2::ErrorCode::kEnhanceYourCalm);  // it reads no more
  connection_.abort(true);
}

/** Our last bytes go out. `linger`: a client that still sends gets time to read them before the socket goes. */
void ConnectionManager::close(bool linger) {
  closing_ = true;
  idle_timer_.cancel();
  if (codec_ != nullptr && !multiplexed()) codec_->goAway();
  connection_.closeAfterFlush(runtime_.config.plan.delayed_close_timeout_ms, linger);
}

void ConnectionManager::onEndOfInput() {
  if (ended_) return;
  // As in Envoy, a client that ends its direction is gone: HTTP/1 has no half-close worth serving.
  connection_.flush();
  connection_.close();
  onClosed(net::CloseCause::kRemote);
}

void ConnectionManager::onClosed(net::CloseCause cause) {
  if (ended_) return;
  if (cause == net::CloseCause::kCloseTimeout) runtime_.http.inc(HttpStat::downstream_cx_delayed_close_timeout);
  ended(cause == net::CloseCause::kLocal || cause == net::CloseCause::kCloseTimeout);
}

void ConnectionManager::ended(bool local) {
  ended_ = true;
  idle_timer_.cancel();
  rare_timers_.reset();
  if (http2_ != nullptr) http2_->stop();
  countBytes();
  if (buffered_ != 0) countBuffered(0);
  auto& http = runtime_.http;
  http.inc(HttpStat::downstream_cx_destroy);
  http.inc(local ? HttpStat::downstream_cx_destroy_local : HttpStat::downstream_cx_destroy_remote);
  if (active_ != 0) countActiveRequests(local);
  http.dec(HttpStat::downstream_cx_active);
  if (secure_) http.dec(HttpStat::downstream_cx_ssl_active);
  if (codec_ != nullptr) {
    http.dec(multiplexed() ? HttpStat::downstream_cx_http2_active : HttpStat::downstream_cx_http1_active);
  }
  const int64_t age_ns = runtime_.worker.services.loop.now() - began_ns_;
  http.record(HttpHistogram::downstream_cx_length_ms, static_cast<uint64_t>(age_ns / 1'000'000));
  if (http2_ != nullptr) http2_->codec.shut();
  endStreams(local);
}

void ConnectionManager::countActiveRequests(bool local) {
  runtime_.http.inc(HttpStat::downstream_cx_destroy_active_rq);
  runtime_.http.inc(local ? HttpStat::downstream_cx_destroy_local_active_rq : HttpStat::downstream_cx_destroy_remote_active_rq);
}

void ConnectionManager::endStreams(bool local) {
  ended_ = true;
  while (Stream* stream = streams_.front()) stream->onDownstreamGone(local);
}

// Envoy's gauge says how much the last read found, until the next one.
void ConnectionManager::countBuffered(uint32_t bytes) {
  runtime_.http.inc(HttpStat::downstream_cx_rx_bytes_buffered, static_cast<uint64_t>(bytes) - buffered_);
  buffered_ = bytes;
}

void ConnectionManager::countBytes() {
  const uint64_t read = connection_.bytesRead();
  const uint64_t written = connection_.bytesWritten();
  if (read != counted_read_) {
    runtime_.http.inc(HttpStat::downstream_cx_rx_bytes_total, read - counted_read_);
    countBuffered(static_cast<uint32_t>(read - counted_read_));
  }
  if (written != counted_written_) runtime_.http.inc(HttpStat::downstream_cx_tx_bytes_total, written - counted_written_);
  counted_read_ = read;
  counted_written_ = written;
}

http::Protocol ConnectionManager::protocol() const {
  if (multiplexed()) return http::Protocol::kHttp2;
  return codec_ != nullptr && codec_->protocol() == "HTTP/1.0" ? http::Protocol::kHttp10 : http::Protocol::kHttp11;
}

bool ConnectionManager::announcesClose(const Stream& stream) {
  auto& worker = runtime_.worker;
  if (drain_ == Drain::kNone &&
      runtime_.listener.drain.shouldClose(worker.services.loop.now(), worker.random_source.next())) {
    startDrain();
    runtime_.http.inc(HttpStat::downstream_cx_drain_close);
  }
  if (multiplexed()) return false;
  if (drain_ == Drain::kNone && stream.closesConnection()) drain_ = Drain::kClosing;
  if (!stream.requestComplete()) drain_ = Drain::kClosing;  // nobody would read the rest of the request
  return drain_ != Drain::kNone;
}

// ---------------------------------------------------------------- flow control

void ConnectionManager::pauseReading(bool pause) {
  runtime_.http.inc(pause ? HttpStat::downstream_flow_control_paused_reading_total
                          : HttpStat::downstream_flow_control_resumed_reading_total);
  if (multiplexed()) return;  // the stream's own window holds it back
  connection_.pauseReading(pause);
  if (!pause) connection_.resumeInput();
}

void ConnectionManager::onAboveHighWatermark() {
  streams_.forEach([](Stream& stream) { stream.onEncoderAboveHighWatermark(); });
}

void ConnectionManager::onBelowLowWatermark() {
  streams_.forEach([](Stream& stream) { stream.onEncoderBelowLowWatermark(); });
}

// ---------------------------------------------------------------- time and drain

void ConnectionManager::armIdle() {
  if (drain_ != Drain::kNone) return;
  if (const uint32_t ms = runtime_.config.common.idle_timeout_ms; ms != 0) idle_timer_.arm(timers(), ms);
}

void ConnectionManager::onIdleTimeout() {
  if (drain_ != Drain::kNone) return onDrainTimeout();
  if (active_ != 0) return;  // armed while it was idle, and not worth cancelling for each request
  runtime_.http.inc(HttpStat::downstream_cx_idle_timeout);
  if (codec_ == nullptr) return close(false);
  startDrain();
}

void ConnectionManager::onMaxDuration() {
  runtime_.http.inc(HttpStat::downstream_cx_max_duration_reached);
  if (codec_ == nullptr) return close(false);
  if (drain_ != Drain::kNone) return;
  if (!multiplexed() && runtime_.config.plan.http1_safe_max_connection_duration != 0) {
    duration_over_ = true;
  } else {
    startDrain();
  }
}

void ConnectionManager::startDrain() {
  drain_ = Drain::kDraining;
  if (multiplexed()) codec_->shutdownNotice();
  idle_timer_.arm(timers(), runtime_.config.plan.drain_timeout_ms);
}

void ConnectionManager::onDrainTimeout() {
  drain_ = Drain::kClosing;
  if (multiplexed()) codec_->goAway();
  closeIfDrained(true);
}

void ConnectionManager::onPingAck() {
  if (http2_->keep_alive != nullptr) http2_->keep_alive->onAck();
}

void ConnectionManager::onPingTimeout() {
  runtime_.http2().inc(stats::Http2Stat::keepalive_timeout);
  connection_.abort(false);
}

/** HTTP/2: the stream of a head that comes in several frames is made when the head is whole. */
void ConnectionManager::watchHead() {
  const uint32_t ms = runtime_.config.plan.request_headers_timeout_ms;
  if (ms == 0) return;
  auto& timer = rareTimers().headers;
  if (!http2_->codec.readsHead()) return timer.cancel();
  if (!timer.armed()) timer.arm(timers(), ms);
}

void ConnectionManager::onHeadersTimeout() {
  if (http2_ != nullptr) {
    runtime_.http.inc(HttpStat::downstream_rq_header_timeout);
    http2_->codec.goAway(http::h2::ErrorCode::kNoError);
    return close(true);
  }
  if (reading_head_ != nullptr) reading_head_->onHeadersTimeout();
}

void ConnectionManager::onDrain() {}

void ConnectionManager::describe(http::StreamInfo& info, std::string&) const {
  if (multiplexed()) {
    info.protocol = http::Protocol::kHttp2;
  } else if (requests_ > (protocol_error_ ? 1u : 0u)) {
    info.protocol = http::Protocol::kHttp11;
  }
  if (protocol_error_) info.flags.add(http::ResponseFlag::kDownstreamProtocolError);
}

}  // namespace nuncio::http_proxy
