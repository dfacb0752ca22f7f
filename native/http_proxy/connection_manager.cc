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
      http1(context.stats.scope<stats::Http1>("http1")),
      codec_options(serverOptions(manager.plan, manager.common)),
      filters(makeFilters(manager.filters)) {
  for (const auto& list : manager.upgrade_filters) {
    upgrade_filters_.push_back(list == nullptr ? nullptr : std::make_unique<FilterListRuntime>(makeFilters(*list)));
  }
}

FilterListRuntime ManagerRuntime::makeFilters(const FilterList& list) const {
  FilterListRuntime made{list, {}};
  for (const NamedFilter& filter : list.filters) {
    made.runtimes.push_back(filter.factory->makeRuntime({worker, listener, config.plan.stat_prefix, filter.name}));
  }
  return made;
}

ManagerRuntime::~ManagerRuntime() {
  worker.stats.release(http);
  worker.stats.release(listener_http);
  worker.stats.release(router);
  worker.stats.release(http1);
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
  countBytes();
  answered_ = 0;
  const http::DispatchResult result = codec_->dispatch(bytes);
  if (result.error == nullptr) return closing_ || ended_ ? bytes.size() : result.consumed;
  runtime_.http.inc(HttpStat::downstream_cx_protocol_error);
  protocol_error_ = true;
  if (!ended_ && !closing_) close(true);
  return bytes.size();
}

http::RequestDecoder& ConnectionManager::newStream(http::ResponseEncoder& encoder) {
  ++requests_;
  ++active_;
  runtime_.http.inc(HttpStat::downstream_rq_total);
  runtime_.http.inc(HttpStat::downstream_rq_active);
  runtime_.http.inc(HttpStat::downstream_rq_http1_total);
  Stream* stream = Stream::make(*this, encoder);
  streams_.pushBack(stream);
  const uint32_t max_requests = runtime_.config.common.max_requests_per_connection;
  const bool enough = max_requests != 0 && requests_ >= max_requests;
  if (enough) runtime_.http.inc(HttpStat::downstream_cx_max_requests_reached);
  if (enough || duration_over_) {
    drain_ = Drain::kClosing;
    stream->setSawConnectionClose();
  }
  if (const uint32_t ms = runtime_.config.plan.request_headers_timeout_ms; ms != 0) headers_timer_.arm(timers(), ms);
  return *stream;
}

void ConnectionManager::onUnderscoredHeaders(uint32_t count) {
  const bool rejects = runtime_.codec_options.underscores == http::h1::Underscores::kRejectRequest;
  runtime_.http1.inc(rejects ? stats::Http1Stat::requests_rejected_with_underscores_in_headers
                             : stats::Http1Stat::dropped_headers_with_underscores,
                     count);
}

void ConnectionManager::onStreamComplete(http::RequestDecoder&) { downstream_.connection.resumeInput(); }

void ConnectionManager::onStreamFinished(Stream& stream) {
  --active_;
  stream.base::ListNode<>::unlink();
  headers_timer_.cancel();
  runtime_.http.dec(HttpStat::downstream_rq_active);
  if (answered_ < kMaxAnswered) ++answered_;
  if (ended_ || closing_) return;
  if (!stream.whole()) drain_ = Drain::kClosing;  // HTTP/1 cannot go on behind half a message
  if (active_ != 0) return;
  if (drain_ != Drain::kClosing) return armIdle();
  // Who has nothing more to send needs no time to notice the end.
  close(!stream.closesConnection() || !(stream.requestComplete() || stream.endsWithConnection()));
}

/** Our last bytes go out. `linger`: a client that still sends gets time to read them before the socket goes. */
void ConnectionManager::close(bool linger) {
  closing_ = true;
  idle_timer_.cancel();
  if (codec_ != nullptr) codec_->goAway();
  downstream_.connection.closeAfterFlush(runtime_.config.plan.delayed_close_timeout_ms, linger);
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
  if (cause == net::CloseCause::kCloseTimeout) runtime_.http.inc(HttpStat::downstream_cx_delayed_close_timeout);
  ended(cause == net::CloseCause::kLocal || cause == net::CloseCause::kCloseTimeout);
}

void ConnectionManager::ended(bool local) {
  ended_ = true;
  idle_timer_.cancel();
  duration_timer_.cancel();
  headers_timer_.cancel();
  countBytes();
  if (buffered_ != 0) countBuffered(0);
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

// Envoy's gauge says how much the last read found, until the next one.
void ConnectionManager::countBuffered(uint32_t bytes) {
  runtime_.http.inc(HttpStat::downstream_cx_rx_bytes_buffered, static_cast<uint64_t>(bytes) - buffered_);
  buffered_ = bytes;
}

void ConnectionManager::countBytes() {
  const uint64_t read = downstream_.connection.bytesRead();
  const uint64_t written = downstream_.connection.bytesWritten();
  if (read != counted_read_) {
    runtime_.http.inc(HttpStat::downstream_cx_rx_bytes_total, read - counted_read_);
    countBuffered(static_cast<uint32_t>(read - counted_read_));
  }
  if (written != counted_written_) runtime_.http.inc(HttpStat::downstream_cx_tx_bytes_total, written - counted_written_);
  counted_read_ = read;
  counted_written_ = written;
}

http::Protocol ConnectionManager::protocol() const {
  return codec_ != nullptr && codec_->protocol() == "HTTP/1.0" ? http::Protocol::kHttp10 : http::Protocol::kHttp11;
}

bool ConnectionManager::announcesClose(const Stream& stream) {
  auto& worker = runtime_.worker;
  if (drain_ == Drain::kNone &&
      runtime_.listener.drain.shouldClose(worker.services.loop.now(), worker.random_source.next())) {
    startDrain();
    runtime_.http.inc(HttpStat::downstream_cx_drain_close);
  }
  if (drain_ == Drain::kNone && stream.closesConnection()) drain_ = Drain::kClosing;
  if (!stream.requestComplete()) drain_ = Drain::kClosing;  // nobody would read the rest of the request
  return drain_ != Drain::kNone;
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
  if (runtime_.config.plan.http1_safe_max_connection_duration != 0) {
    duration_over_ = true;
  } else {
    startDrain();
  }
}

void ConnectionManager::startDrain() {
  drain_ = Drain::kDraining;
  idle_timer_.arm(timers(), runtime_.config.plan.drain_timeout_ms);
}

void ConnectionManager::onDrainTimeout() {
  drain_ = Drain::kClosing;
  if (active_ == 0 && !closing_) close(true);
}

void ConnectionManager::onHeadersTimeout() {
  if (Stream* stream = streams_.back()) stream->onHeadersTimeout();
}

void ConnectionManager::onDrain() {}

void ConnectionManager::describe(http::StreamInfo& info, std::string&) const {
  if (requests_ > (protocol_error_ ? 1u : 0u)) info.protocol = http::Protocol::kHttp11;
  if (protocol_error_) info.flags.add(http::ResponseFlag::kDownstreamProtocolError);
}

}  // namespace nuncio::http_proxy
