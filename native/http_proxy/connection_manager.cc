#include "http_proxy/connection_manager.h"

#include "http/h1/server_codec.h"

namespace nuncio::http_proxy {

using stats::HttpHistogram;
using stats::HttpStat;

// ---------------------------------------------------------------- the runtime and its factory

ManagerRuntime::ManagerRuntime(WorkerContext& context, const ManagerConfig& manager, const tcp::ListenerFacts& facts)
    : worker(context),
      config(manager),
      listener(facts),
      http(context.stats.scope<stats::Http>(manager.plan.stat_prefix)),
      listener_http(context.stats.scope<stats::ListenerHttp>(std::string(facts.stat_name) + ".http." + manager.plan.stat_prefix)),
      router(context.stats.scope<stats::Router>(manager.plan.stat_prefix)),
      codec_options(serverOptions(manager.plan, manager.common)) {}

ManagerRuntime::~ManagerRuntime() {
  worker.stats.release(http);
  worker.stats.release(listener_http);
  worker.stats.release(router);
}

std::unique_ptr<tcp::NetworkFilter> ManagerRuntime::create(const tcp::Downstream& downstream) {
  return std::make_unique<ConnectionManager>(*this, downstream);
}

std::unique_ptr<tcp::NetworkFilterRuntime> ManagerFactory::makeRuntime(WorkerContext& worker,
                                                                       const tcp::ListenerFacts& listener) const {
  return std::make_unique<ManagerRuntime>(worker, *config_, listener);
}

// ---------------------------------------------------------------- life of a connection

ConnectionManager::ConnectionManager(ManagerRuntime& runtime, const tcp::Downstream& downstream)
    : runtime_(runtime), downstream_(downstream), began_ns_(runtime.worker.services.loop.now()) {}

ConnectionManager::~ConnectionManager() { endStreams(true); }

void ConnectionManager::onNewConnection() {
  runtime_.http.inc(HttpStat::downstream_cx_total);
  runtime_.http.inc(HttpStat::downstream_cx_active);
  const plan::HttpCommonOptions& common = runtime_.config.common;
  if (common.max_connection_duration_ms != 0) duration_timer_.arm(timers(), common.max_connection_duration_ms);
  armIdle();
}

size_t ConnectionManager::onInput(std::string_view bytes) {
  if (closing_ || ended_) return bytes.size();
  if (codec_ == nullptr) {
    codec_ = std::make_unique<http::h1::ServerCodec>(*this, downstream_.connection, runtime_.codec_options);
    runtime_.http.inc(HttpStat::downstream_cx_http1_total);
    runtime_.http.inc(HttpStat::downstream_cx_http1_active);
  }
  const http::DispatchResult result = codec_->dispatch(bytes);
  countBytes();
  if (result.error == nullptr) return closing_ || ended_ ? bytes.size() : result.consumed;
  runtime_.http.inc(HttpStat::downstream_cx_protocol_error);
  if (!ended_) closeGracefully(false);
  return bytes.size();
}

http::RequestDecoder& ConnectionManager::newStream(http::ResponseEncoder& encoder) {
  idle_timer_.cancel();
  ++requests_;
  ++active_;
  runtime_.http.inc(HttpStat::downstream_rq_total);
  runtime_.http.inc(HttpStat::downstream_rq_active);
  runtime_.http.inc(HttpStat::downstream_rq_http1_total);
  Stream* stream = Stream::make(*this, encoder);
  streams_.pushBack(stream);
  if (const uint32_t ms = runtime_.config.plan.request_headers_timeout_ms; ms != 0) headers_timer_.arm(timers(), ms);
  return *stream;
}

void ConnectionManager::onStreamComplete(http::RequestDecoder&) { downstream_.connection.resumeInput(); }

void ConnectionManager::onStreamFinished(Stream& stream) {
  --active_;
  stream.base::ListNode<>::unlink();
  headers_timer_.cancel();
  runtime_.http.dec(HttpStat::downstream_rq_active);
  if (ended_ || closing_) return;
  if (stream.closesConnection() || !stream.requestComplete() || codec_->mustClose()) {
    return closeGracefully(stream.requestComplete());
  }
  if (active_ == 0) armIdle();
}

/** Our last bytes go out; a client that still sends gets time to read them before the socket goes. */
void ConnectionManager::closeGracefully(bool request_complete) {
  closing_ = true;
  idle_timer_.cancel();
  const uint64_t linger = request_complete ? 0 : runtime_.config.plan.delayed_close_timeout_ms;
  if (active_ == 0) downstream_.connection.closeAfterFlush(linger);
}

void ConnectionManager::closeNow() {
  downstream_.connection.closeAfterFlush(0);
  closing_ = true;
}

void ConnectionManager::onEndOfInput() {
  if (ended_) return;
  // As in Envoy, a client that ends its direction is gone: HTTP/1 has no half-close worth serving.
  downstream_.connection.flush();
  downstream_.connection.close();
  onClosed(net::CloseCause::kRemote);
}

void ConnectionManager::onClosed(net::CloseCause cause) {
  if (ended_) return;
  ended(cause == net::CloseCause::kLocal);
}

void ConnectionManager::ended(bool local) {
  ended_ = true;
  idle_timer_.cancel();
  duration_timer_.cancel();
  headers_timer_.cancel();
  countBytes();
  auto& http = runtime_.http;
  http.inc(HttpStat::downstream_cx_destroy);
  http.inc(local ? HttpStat::downstream_cx_destroy_local : HttpStat::downstream_cx_destroy_remote);
  if (active_ != 0) {
    http.inc(HttpStat::downstream_cx_destroy_active_rq);
    http.inc(local ? HttpStat::downstream_cx_destroy_local_active_rq : HttpStat::downstream_cx_destroy_remote_active_rq);
  }
  http.dec(HttpStat::downstream_cx_active);
  if (codec_ != nullptr) http.dec(HttpStat::downstream_cx_http1_active);
  const int64_t age_ns = runtime_.worker.services.loop.now() - began_ns_;
  http.record(HttpHistogram::downstream_cx_length_ms, static_cast<uint64_t>(age_ns / 1'000'000));
  endStreams(local);
}

void ConnectionManager::endStreams(bool local) {
  ended_ = true;
  while (Stream* stream = streams_.front()) stream->onDownstreamGone(local);
}

void ConnectionManager::countBytes() {
  const uint64_t read = downstream_.connection.bytesRead();
  const uint64_t written = downstream_.connection.bytesWritten();
  if (read != counted_read_) runtime_.http.inc(HttpStat::downstream_cx_rx_bytes_total, read - counted_read_);
  if (written != counted_written_) runtime_.http.inc(HttpStat::downstream_cx_tx_bytes_total, written - counted_written_);
  counted_read_ = read;
  counted_written_ = written;
}

http::Protocol ConnectionManager::protocol() const {
  return codec_ != nullptr && codec_->protocol() == "HTTP/1.0" ? http::Protocol::kHttp10 : http::Protocol::kHttp11;
}

bool ConnectionManager::wantsClose() {
  auto& worker = runtime_.worker;
  const auto max_requests = runtime_.config.common.max_requests_per_connection;
  if (max_requests != 0 && requests_ >= max_requests) {
    runtime_.http.inc(HttpStat::downstream_cx_max_requests_reached);
    return true;
  }
  if (duration_over_) return true;
  if (!runtime_.listener.drain.shouldClose(worker.services.loop.now(), worker.random_source.next())) return false;
  if (!drain_counted_) runtime_.http.inc(HttpStat::downstream_cx_drain_close);
  drain_counted_ = true;
  return true;
}

// ---------------------------------------------------------------- flow control

void ConnectionManager::pauseReading(bool pause) {
  downstream_.connection.pauseReading(pause);
  runtime_.http.inc(pause ? HttpStat::downstream_flow_control_paused_reading_total
                          : HttpStat::downstream_flow_control_resumed_reading_total);
  if (!pause) downstream_.connection.resumeInput();
}

void ConnectionManager::onAboveHighWatermark() {
  streams_.forEach([](Stream& stream) { stream.onEncoderAboveHighWatermark(); });
}

void ConnectionManager::onBelowLowWatermark() {
  streams_.forEach([](Stream& stream) { stream.onEncoderBelowLowWatermark(); });
}

// ---------------------------------------------------------------- time and drain

void ConnectionManager::armIdle() {
  if (const uint32_t ms = runtime_.config.common.idle_timeout_ms; ms != 0) idle_timer_.arm(timers(), ms);
}

void ConnectionManager::onIdleTimeout() {
  runtime_.http.inc(HttpStat::downstream_cx_idle_timeout);
  closeGracefully(false);
}

void ConnectionManager::onMaxDuration() {
  runtime_.http.inc(HttpStat::downstream_cx_max_duration_reached);
  duration_over_ = true;
  if (active_ == 0) closeGracefully(false);
}

void ConnectionManager::onHeadersTimeout() {
  if (Stream* stream = streams_.back()) stream->onHeadersTimeout();
}

void ConnectionManager::onDrain() {}

}  // namespace nuncio::http_proxy
