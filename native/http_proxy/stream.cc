#include "http_proxy/stream.h"

#include <memory>
#include <new>
#include <utility>

#include "base/ascii.h"
#include "http_proxy/connection_manager.h"
#include "http_proxy/request_preparation.h"
#include "http_proxy/upgrade_translation.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;
using stats::HttpHistogram;
using stats::HttpStat;

// ---------------------------------------------------------------- birth and death

Stream* Stream::make(ConnectionManager& manager, http::ResponseEncoder& encoder) {
  static_assert(sizeof(Stream) <= base::ChunkPool::kChunkSize);
  void* memory = manager.runtime().worker.services.io.chunks().take();
  return ::new (memory) Stream(manager, encoder);
}

void Stream::dispose() {
  base::ChunkPool& pool = chunks_;
  this->~Stream();
  pool.give(this);
}

Stream::Stream(ConnectionManager& manager, http::ResponseEncoder& encoder)
    : RoutedStream(manager.runtime().worker, manager.runtime().router, manager.runtime().listener.buffer_limit),
      manager_(manager),
      encoder_(&encoder),
      chunks_(manager.runtime().worker.services.io.chunks()),
      runtime_(manager.runtime()),
      filter_list_(&runtime_.filters),
      idle_timeout_ms_(runtime_.config.plan.stream_idle_timeout_ms),
      filters_(*this) {
  loop::Loop& loop = runtime_.worker.services.loop;
  info_.downstream = &manager.info();
  info_.at.start = loop.now();
  info_.start_wall_ns = loop.wall();
  info_.protocol = manager.multiplexed() ? http::Protocol::kHttp2 : http::Protocol::kHttp11;
  const plan::HttpConnectionManager& plan = config().plan;
  armIdleTimer();
  if (plan.request_timeout_ms != 0) rareTimers().request.arm(loop.timers(), plan.request_timeout_ms);
  armMaxDuration(config().common.max_stream_duration_ms);
  if (plan.access_log_flush_interval_ms != 0) rareTimers().log.arm(loop.timers(), plan.access_log_flush_interval_ms);
}

Stream::~Stream() {
  dropRareTimers();
  for (; old_tables_ != nullptr; old_tables_ = old_tables_->next) old_tables_->lease.reset();
}

const ManagerConfig& Stream::config() const { return runtime_.config; }
ManagerRuntime& Stream::runtime() { return runtime_; }

// ---------------------------------------------------------------- the request's head

void Stream::onRequestHeaders(http::HeaderMap& headers, bool end_stream) {
  request_headers_ = &headers;
  in_input_ = true;
  takeRequestHead(headers, end_stream);
  in_input_ = false;
}

void Stream::takeRequestHead(http::HeaderMap& headers, bool end_stream) {
  manager_.onRequestHeadersComplete();
  info_.protocol = manager_.protocol();
  noteBytes();
  if (isExtendedConnect(headers)) {
    extended_connect_ = true;
    toUpgradeRequest(headers);
  }
  const std::string_view method = headers.get(HeaderId::kMethod);
  head_ = method == "HEAD";
  connect_ = method == "CONNECT";
  grpc_ = headers.has(HeaderId::kContentType) && isGrpcContentType(headers.get(HeaderId::kContentType));
  if (end_stream) noteRequestEnd();
  const plan::HttpConnectionManager& plan = config().plan;
  if (manager_.flooded() && !manager_.multiplexed()) return refuseFlood();
  answerExpectation();
  if (!acceptHead() || !acceptPath()) return;
  const bool asks_close = base::listContains(headers.get(HeaderId::kConnection), "close") ||
                          base::listContains(headers.get(HeaderId::kProxyConnection), "close");
  normalizeHost(headers, manager_.info(), plan);
  takeRouteTable();
  const ManagerConfig& manager = config();
  if (!manager.early_mutations.empty()) [[unlikely]] manager.early_mutations.apply(headers, formatContext(), worker().scratch);
  const PreparedRequest prepared = prepareRequestHead(headers, manager_.info(), manager, table_, worker());
  if (prepared.reject_status != 0) [[unlikely]] {
    return reply({.status = prepared.reject_status, .body = {}, .details = "rejecting_because_detection_failed"});
  }
  info_.remote = prepared.remote;
  internal_ = prepared.internal;
  if (asks_close) close_connection_ = true;
  if (manager.tracing != nullptr) [[unlikely]] decideTracing();
  info_.request_id = headers.get(HeaderId::kXRequestId);
  if (!acceptUpgrade()) return;
  finishRequestHead(end_stream);
}

void Stream::refuseFlood() {
  runtime_.http1.inc(stats::Http1Stat::response_flood);
  info_.flags.add(ResponseFlag::kDownstreamProtocolError);
  info_.response_code_details = "codec_error:Too_many_responses_queued.";
  finish();
}

void Stream::answerExpectation() {
  if (config().plan.proxy_100_continue || !request_headers_->has(HeaderId::kExpect)) return;
  if (!base::equalsIgnoreCase(request_headers_->get(HeaderId::kExpect), "100-continue")) return;
  request_headers_->remove(HeaderId::kExpect);
  http::HeaderMap headers(arena_);
  headers.add(HeaderId::kStatus, "100");
  info_.response_code = 100;
  chargeResponse(100);
  encoder_->encode1xx(headers);
}

bool Stream::acceptHead() {
  if (info_.protocol == http::Protocol::kHttp10) {  // only with accept_http_10; one request unless keep-alive was asked for
    const std::string_view connection = request_headers_->get(HeaderId::kConnection);
    if (!base::listContains(connection, "keep-alive")) close_connection_ = true;
  }
  if (request_headers_->get(HeaderId::kAuthority).data() == nullptr) {
    reply({.status = 400, .details = "missing_host_header"});
    return false;
  }
  if (request_headers_->get(HeaderId::kMethod) == "QUERY" && !request_headers_->has(HeaderId::kContentType)) [[unlikely]] {
    reply({.status = 400, .details = "query_missing_content_type"});  // RFC of QUERY: its content must say what it is
    return false;
  }
  if (!asksForUdp(*request_headers_) || nameUdpTarget(*request_headers_)) [[likely]] return true;
  reply({.status = 404, .body = "The path is incorrect for CONNECT-UDP", .details = "invalid_path"});
  return false;
}

bool Stream::acceptPath() {
  if (connect_ && !request_headers_->has(HeaderId::kPath)) return true;
  const std::string_view target = request_headers_->get(HeaderId::kPath);
  if (target.empty()) {
    reply({.status = 404, .details = "missing_path_rejected"});
    return false;
  }
  if (target[0] != '/' && !connect_) {
    runtime_.http.inc(HttpStat::downstream_rq_non_relative_path);
    reply({.status = 404, .details = "absolute_path_rejected"});
    return false;
  }
  const http::CleanPath clean = http::cleanPath(arena_, target, config().path_rules);
  if (clean.verdict == http::PathVerdict::kReject || http::hasFragment(target)) {
    runtime_.http.inc(HttpStat::downstream_rq_failed_path_normalization);
    reply({.status = 400, .details = "path_normalization_failed"});
    return false;
  }
  if (clean.verdict == http::PathVerdict::kRedirect) {
    runtime_.http.inc(HttpStat::downstream_rq_redirected_with_normalized_path);
    reply({.status = 307, .details = "path_normalization_failed", .location = clean.path});
    return false;
  }
  if (clean.path.data() != target.data() || clean.path.size() != target.size()) request_headers_->set(HeaderId::kPath, clean.path);
  return true;
}

bool Stream::acceptUpgrade() {
  if (!connect_ && !isUpgradeRequest(*request_headers_)) return true;
  const std::string_view type = connect_ ? "connect" : request_headers_->get(HeaderId::kUpgrade);
  const routing::Route* matched = route();
  if (matched == nullptr) return true;  // the router says so
  const routing::UpgradeRule* rule = nullptr;
  if (matched != nullptr && matched->cluster != nullptr) rule = routing::findUpgrade(matched->cluster->upgrades, type);
  const routing::UpgradeRule* own = routing::findUpgrade(config().upgrades, type);
  if (rule == nullptr) rule = own;
  if (rule != nullptr && rule->enabled) {
    if (own != nullptr) filter_list_ = &runtime_.upgradeFilters(static_cast<size_t>(own - config().upgrades.data()));
    upgrade_ = true;
    runtime_.http.inc(HttpStat::downstream_cx_upgrades_total);
    runtime_.http.inc(HttpStat::downstream_cx_upgrades_active);
    return true;
  }
  // A payload that follows could be smuggled requests: nothing more is read from this connection.
  close_connection_ = true;
  if (manager_.multiplexed()) manager_.drain();
  runtime_.http.inc(HttpStat::downstream_rq_ws_on_non_ws_route);
  reply({.status = 403, .details = "upgrade_failed"});
  return false;
}

void Stream::finishRequestHead(bool end_stream) {
  router_.emplace(*this, filters_.routerConfig(*filter_list_), filter_list_->upstream.get());
  takeRouteTimeouts();
  filters_.create(*filter_list_);
  if (config().tracing != nullptr) [[unlikely]] startTrace();
  if (encoder_blocks_ != 0) blockResponse(true);  // the connection was full already
  if (config().plan.flush_access_log_on_new_request) log(http::AccessLogType::kDownstreamStart);
  filters_.requestHeaders(*request_headers_, end_stream);
  if (trace_ != nullptr) [[unlikely]] countTrace();
  if (!complete_) armIdleTimer();
}

// ---------------------------------------------------------------- the request's body and end

void Stream::noteRequestEnd() {
  request_complete_ = true;
  if (rare_timers_ != nullptr) rare_timers_->request.cancel();
  info_.at.downstream_rx_end = runtime_.worker.services.loop.now();
  if (info_.bytes_received != 0) noteBytes();
}

void Stream::onRequestData(std::string_view data, bool end_stream) {
  if (complete_) return;
  info_.bytes_received += data.size();
  armIdleTimer();
  in_input_ = true;
  // Who answers the data has not seen the end yet: the connection closes then, as in Envoy.
  if (end_stream && !replying_ && endsApart(data, info_.protocol)) filters_.requestData(std::exchange(data, {}), false);
  if (end_stream && !complete_) noteRequestEnd();
  if (!complete_ && !replying_) filters_.requestData(data, end_stream);
  in_input_ = false;
}

void Stream::answerData(std::string_view data, bool end_stream) {
  if (end_stream && endsApart(data, info_.upstream_protocol)) {
    filters_.responseData(data, false);
    if (complete_ || replying_) return;
    data = {};
  }
  filters_.responseData(data, end_stream);
}

/** To filters, upstream filters too, the end of an HTTP/1 body comes by itself, as in Envoy: what they hold meets its limit before the end. */
bool Stream::endsApart(std::string_view data, http::Protocol protocol) const {
  if (data.empty() || protocol == http::Protocol::kHttp2) return false;
  return filters_.size() != 0 || (router_ && router_->filtersAttempts());
}

void Stream::onRequestTrailers(http::HeaderMap& trailers) {
  if (complete_) return;
  request_trailers_ = &trailers;
  noteRequestEnd();
  armIdleTimer();
  in_input_ = true;
  if (!replying_) filters_.requestTrailers(trailers);
  in_input_ = false;
}

/** No filter looks at METADATA: it goes past them. */
void Stream::onRequestMetadata(std::string_view block) {
  if (!complete_ && !replying_ && router_) router_->onRequestMetadata(block);
}

void Stream::answerMetadata(std::string_view block) {
  if (complete_ || encoder_ == nullptr || encoder_->encodeMetadata(block)) return;
  runtime_.http1.inc(stats::Http1Stat::metadata_not_supported_error);
}

void Stream::onCodecError(const http::CodecError& error) {
  if (complete_) return;
  close_connection_ = true;
  if (error.status == 0) {
    info_.flags.add(ResponseFlag::kDownstreamProtocolError);
    info_.response_code_details = error.details;
    return resetDownstream(ResetReason::kProtocolError);
  }
  reply({.status = error.status,
         .body = error.body,
         .details = error.details,
         .flag_of_log = ResponseFlag::kDownstreamProtocolError});
}

void Stream::onStreamReset(ResetReason reason, std::string_view details) {
  const bool broken = reason == ResetReason::kProtocolError;
  const ResponseFlag flag = broken ? ResponseFlag::kDownstreamProtocolError : ResponseFlag::kDownstreamRemoteReset;
  if (complete_) return endFlushing(flag, details);
  noteBytes();
  encoder_ = nullptr;
  info_.flags.add(flag);
  info_.response_code_details = details;
  finish();
}

void Stream::onConnectionError(const http::CodecError& error) {
  if (complete_) return endFlushing(ResponseFlag::kDownstreamProtocolError, error.details);
  noteBytes();
  encoder_ = nullptr;
  info_.flags.add(ResponseFlag::kDownstreamProtocolError);
  info_.response_code_details = error.details;
  finish();
}

void Stream::onDownstreamGone(bool local) {
  const std::string_view details = local ? "downstream_local_disconnect" : "downstream_remote_disconnect";
  if (complete_) return endFlushing(ResponseFlag::kDownstreamConnectionTermination, details);
  info_.flags.add(ResponseFlag::kDownstreamConnectionTermination);
  info_.response_code_details = details;
  finish();
}

void Stream::pauseRequest(bool pause) {
  if (complete_ || encoder_ == nullptr) return;
  if (pause) {
    ++request_pauses_;
  } else if (request_pauses_ != 0) {
    --request_pauses_;
  } else {
    return;
  }
  encoder_->pauseReading(pause);
  manager_.pauseReading(pause);
}

// ---------------------------------------------------------------- the response

void Stream::encode1xx(http::HeaderMap& headers) {
  if (complete_ || encoder_ == nullptr) return;
  if (!config().plan.proxy_100_continue || informed_) return;  // who waited for one has had ours
  informed_ = true;
  filters_.response1xx(headers);
}

void Stream::send1xx(http::HeaderMap& headers) {
  info_.response_code = static_cast<uint16_t>(base::parseDecimal(headers.get(HeaderId::kStatus)).value_or(0));
  chargeResponse(info_.response_code);
  encoder_->encode1xx(headers);
}

void Stream::sendHead(http::HeaderMap& headers, bool end_stream) {
  if (complete_ || encoder_ == nullptr) return;
  response_headers_ = &headers;
  const auto status = static_cast<uint32_t>(base::parseDecimal(headers.get(HeaderId::kStatus)).value_or(0));
  info_.response_code = static_cast<uint16_t>(status);
  prepareResponseHead(headers, request_headers_, config(), worker());
  decideConnection(headers);
  chargeResponse(status);
  if (rare_timers_ != nullptr) rare_timers_->request.cancel();
  armIdleTimer();
  if (extended_connect_) toConnectResponse(headers);
  if (trace_ != nullptr) [[unlikely]] decorateAnswer(headers);
  response_started_ = true;
  info_.at.downstream_tx_begin = runtime_.worker.services.loop.now();
  encoder_->encodeHeaders(headers, end_stream);
  if (end_stream) finishResponse();
}

void Stream::decideConnection(http::HeaderMap& headers) {
  if (info_.protocol == http::Protocol::kHttp10) {
    ends_with_connection_ = !headers.has(HeaderId::kContentLength);
    if (ends_with_connection_) close_connection_ = true;
    if (!close_connection_) headers.set(HeaderId::kConnection, "keep-alive");
  }
  const bool close = manager_.announcesClose(*this);
  if (!request_complete_) runtime_.http.inc(HttpStat::downstream_rq_response_before_rq_complete);
  if (close && !upgrade_accepted_) headers.set(HeaderId::kConnection, "close");  // what follows an upgrade is not HTTP
}

void Stream::sendData(std::string_view data, bool end_stream) {
  if (complete_ || encoder_ == nullptr) return;
  info_.bytes_sent += data.size();
  armIdleTimer();
  encoder_->encodeData(data, end_stream);
  if (end_stream) finishResponse();
}

void Stream::sendTrailers(http::HeaderMap& trailers) {
  if (complete_ || encoder_ == nullptr) return;
  response_trailers_ = &trailers;
  encoder_->encodeTrailers(trailers);
  finishResponse();
}

void Stream::finishResponse() {
  response_complete_ = true;
  info_.at.downstream_tx_end = runtime_.worker.services.loop.now();
  finish();
}

void Stream::resetDownstream(ResetReason reason) {
  if (complete_) return;
  runtime_.http.inc(HttpStat::downstream_rq_tx_reset);
  if (encoder_ != nullptr) {
    noteBytes();
    encoder_->reset(reason);
    encoder_ = nullptr;  // the codec forgets it
  }
  finish();
}

// ---------------------------------------------------------------- completion

/** What the client is told of a stream that we end before its time (RFC 9113 section 8.5 for CONNECT). */
ResetReason Stream::ownReset() const {
  const bool lost = info_.flags.has(ResponseFlag::kUpstreamConnectionFailure) ||
                    info_.flags.has(ResponseFlag::kUpstreamConnectionTermination);
  if (connect_ && !extended_connect_ && lost) return ResetReason::kConnectError;
  return ResetReason::kLocalReset;
}

void Stream::chargeResponse(uint32_t status) {
  if (info_.health_check) [[unlikely]] return;
  runtime_.http.inc(HttpStat::downstream_rq_completed);
  runtime_.listener_http.inc(stats::ListenerHttpStat::downstream_rq_completed);
  static constexpr HttpStat kHttp[] = {HttpStat::downstream_rq_1xx, HttpStat::downstream_rq_2xx, HttpStat::downstream_rq_3xx,
                                       HttpStat::downstream_rq_4xx, HttpStat::downstream_rq_5xx};
  static constexpr stats::ListenerHttpStat kListener[] = {
      stats::ListenerHttpStat::downstream_rq_1xx, stats::ListenerHttpStat::downstream_rq_2xx,
      stats::ListenerHttpStat::downstream_rq_3xx, stats::ListenerHttpStat::downstream_rq_4xx,
      stats::ListenerHttpStat::downstream_rq_5xx};
  const uint32_t group = status / 100;
  if (group < 1 || group > 5) return;
  runtime_.http.inc(kHttp[group - 1]);
  runtime_.listener_http.inc(kListener[group - 1]);
}

void Stream::finish() {
  if (complete_) return;
  while (request_pauses_ != 0 && encoder_ != nullptr) pauseRequest(false);  // the connection may carry another request
  complete_ = true;
  idle_timer_.cancel();
  dropRareTimers();
  dropRestart();
  if (!whole()) {
    runtime_.http.inc(HttpStat::downstream_rq_rx_reset);
    // HTTP/2 gives up the rest of the request by itself, when the answer is out.
    if (encoder_ != nullptr && !(response_complete_ && manager_.multiplexed())) {
      noteBytes();
      std::exchange(encoder_, nullptr)->reset(ownReset());
    }
  }
  if (router_) router_->abandon(ResetReason::kLocalReset);
  flushing_ = encoder_ != nullptr && manager_.multiplexed();  // the codec has not sent all: it is over when that is out
  if (!flushing_) return conclude();
  if (const uint32_t ms = config().plan.stream_flush_timeout_ms; ms != 0) {
    idle_timer_.arm(runtime_.worker.services.loop.timers(), ms);
  }
}

void Stream::conclude() {
  if (upgrade_) runtime_.http.dec(HttpStat::downstream_cx_upgrades_active);
  logAndCount();
  filters_.complete();
  manager_.onStreamFinished(*this);
  runtime_.worker.services.io.freeLater(this);
}

void Stream::onCodecDone() {
  noteBytes();
  encoder_ = nullptr;
  if (!flushing_) return;
  flushing_ = false;
  idle_timer_.cancel();
  conclude();
}

/** The client went before it took the whole answer. */
void Stream::endFlushing(ResponseFlag flag, std::string_view details) {
  if (!flushing_) return base::ListNode<>::unlink();
  info_.flags.add(flag);
  info_.response_code_details = details;
  if (whole()) runtime_.http.inc(HttpStat::downstream_rq_rx_reset);
  onCodecDone();
}

void Stream::logAndCount() {
  info_.at.end = runtime_.worker.services.loop.now();
  if (response_started_) {
    runtime_.http.record(HttpHistogram::downstream_rq_time, static_cast<uint64_t>((info_.at.end - info_.at.start) / 1'000'000));
  }
  if (info_.health_check) [[unlikely]] runtime_.tracing.inc(stats::TracingStat::health_check);
  if (trace_ != nullptr) [[unlikely]] finishTrace();
  log(http::AccessLogType::kDownstreamEnd);
}

void Stream::log(http::AccessLogType type) {
  info_.log_type = type;
  noteBytes();
  if (router_) router_->noteBytes();
  const http::FormatContext context = formatContext();
  for (const auto& logger : config().access_logs) logger->log(context, worker().log);
}

void Stream::noteBytes() {
  if (encoder_ == nullptr) return;
  const http::StreamBytes& bytes = encoder_->bytes();
  info_.downstream_wire_sent = bytes.wire_sent;
  info_.downstream_wire_received = bytes.wire_received;
  info_.downstream_headers_sent = bytes.headers_sent;
  info_.downstream_headers_received = bytes.headers_received;
  info_.downstream_fields_sent = bytes.fieldsSent();
  info_.downstream_fields_received = bytes.fields_received != 0 ? bytes.fields_received : bytes.headers_received;
}

void Stream::onLogInterval() {
  log(http::AccessLogType::kDownstreamPeriodic);
  rareTimers().log.arm(worker().services.loop.timers(), config().plan.access_log_flush_interval_ms);
}

// ---------------------------------------------------------------- flow control

void Stream::onEncoderAboveHighWatermark() {
  if (encoder_blocks_++ != 0 || complete_) return;
  blockResponse(true);
  filters_.onResponseBlocked(true);
}

void Stream::onEncoderBelowLowWatermark() {
  if (encoder_blocks_ == 0 || --encoder_blocks_ != 0 || complete_) return;
  blockResponse(false);
  filters_.onResponseBlocked(false);
}

void Stream::blockResponse(bool block) {
  if (complete_ || !router_) return;
  if (block) {
    if (response_blocks_++ == 0) router_->onDownstreamAboveHighWatermark();
  } else if (--response_blocks_ == 0) {
    router_->onDownstreamBelowLowWatermark();
  }
}

}  // namespace nuncio::http_proxy
