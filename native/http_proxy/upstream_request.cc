#include "http_proxy/upstream_request.h"

#include <memory>
#include <utility>

#include "base/ascii.h"
#include "http_proxy/attempt_filters.h"
#include "http_proxy/request_preparation.h"
#include "http_proxy/reset_text.h"
#include "http_proxy/router.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/stream_trace.h"
#include "http_proxy/upgrade_translation.h"
#include "upstream/host_judgement.h"

namespace nuncio::http_proxy {

using http::ResetReason;
using stats::ClusterStat;

UpstreamRequest::UpstreamRequest(Router& router, upstream::HostRuntime& host)
    : router_(router),
      host_(&host),
      began_ns_(router.stream().worker().services.loop.now()),
      before_{router.stream().info().upstream_wire_sent,       router.stream().info().upstream_wire_received,
              router.stream().info().upstream_headers_sent,    router.stream().info().upstream_headers_received,
              router.stream().info().upstream_fields_sent,     router.stream().info().upstream_fields_received} {
  router.stream().info().hosts_attempted = {};
  router.stream().info().host_names_attempted = {};
  filtering_ = router.makeFilters(*this);
  if (router.stream().trace() != nullptr) [[unlikely]] startTrace();
}

UpstreamRequest::~UpstreamRequest() {
  if (filtering_ != nullptr) [[unlikely]] stopFilters();
  dropRareTimers();
  router_.logAttempt(*this);
}

base::Arena& UpstreamRequest::arena() { return router_.stream().arena(); }

void UpstreamRequest::start(http::HeaderMap& headers, bool end_stream) {
  headers_ = &headers;
  head_only_ = end_stream;
  if (end_stream) end_stream_ = true;  // with a body it may be known already
  router_.stream().info().at.upstream_connect_begin = began_ns_;
  if (filtering_ != nullptr && !filterHead()) [[unlikely]] return;
  Router& router = router_;
  AttemptFilters* filters = filtering_;
  if (router_.endsConnect()) {
    tunnel_.emplace(*this).start(router_.cluster(), *host_, router_.poolKey().priority, router_.transportOptions());
  } else {
    host_->httpPool(router_.cluster(), router_.poolKey(), router_.transportOptions()).newStream(*this);
  }
  // When there was no connection to be had, this attempt may be gone.
  if (filters != nullptr && !filters->stopped && router.isCurrent(*this)) [[unlikely]] filterEarlyBody();
}

void UpstreamRequest::noteHost() {
  host_known_ = true;
  router_.noteHost(*host_);
}

void UpstreamRequest::noteReached() {
  noteHost();
  http::StreamInfo& info = router_.stream().info();
  info.hosts_attempted = host_->address().text();
  const std::string& name = host_->host().hostname;
  info.host_names_attempted = name.empty() ? info.hosts_attempted : std::string_view(name);
}

void UpstreamRequest::onPoolReady(upstream::HttpConnection& connection) {
  noteReached();
  upstream::noteReached(router_.cluster(), *host_, false);
  noteConnection(connection.account(), connection.connection());
  if (connection.multiplexed()) router_.stream().info().upstream_protocol = http::Protocol::kHttp2;
  connection_ = &connection;
  encoder_ = &connection.newStream(*this);
  router_.onUpstreamConnected(*this);
  if (router_.stream().trace() != nullptr) [[unlikely]] injectTrace();
  awaits_handshake_ = isConnect() || base::equalsIgnoreCase(headers_->get(http::HeaderId::kUpgrade), "websocket");
  begin(*encoder_);
}

void UpstreamRequest::onTunnelReady(TcpTunnel& tunnel) {
  noteReached();
  noteConnection(tunnel.upstream().account(), tunnel.upstream().connection());
  encoder_ = &tunnel;
  router_.onUpstreamConnected(*this);
  begin(tunnel);
}

void UpstreamRequest::begin(http::RequestEncoder& encoder) {
  if (filtering_ != nullptr && !filtering_->head_through) [[unlikely]] return;
  auto& loop = router_.stream().worker().services.loop;
  router_.stream().info().at.upstream_tx_begin = loop.now();
  wrote_head_ = true;
  if (router_.downstreamBlocked()) pauseReading(true);
  encoder.encodeHeaders(connection_ == nullptr ? *headers_ : headersFor(*connection_), head_only_);
  if (over_) return;
  router_.sendKeptMetadata(*this);
  if (!awaits_handshake_) writeQueued();
  const auto& common = router_.cluster().plan().common;
  const uint32_t most_ms = router_.askedDurationMs().value_or(common ? common->max_stream_duration_ms : 0);
  if (!over_ && most_ms != 0) rareTimers().max_duration.arm(loop.timers(), most_ms);
  touchIdle();
}

bool UpstreamRequest::isConnect() const { return headers_->get(http::HeaderId::kMethod) == "CONNECT"; }

const http::HeaderMap& UpstreamRequest::headersFor(const upstream::HttpConnection& connection) {
  if (!connection.multiplexed() || !(isConnect() || isUpgradeRequest(*headers_))) return *headers_;
  if (!isConnect()) upgrade_ = headers_->get(http::HeaderId::kUpgrade);
  return connectRequest(*headers_, arena());
}

void UpstreamRequest::writeQueued() {
  if (waiting_ && !waiting_->empty()) {
    const bool last = end_stream_ && trailers_ == nullptr;
    size_t left = waiting_->size();
    waiting_->forEach([&](std::string_view piece) {
      left -= piece.size();
      if (!over_) encoder_->encodeData(piece, last && left == 0);
    });
    router_.stream().worker().services.io.keepForTurn(waiting_->queue());  // the socket's queue borrows from it
    waiting_.reset();
    if (last && !over_) router_.stream().info().at.upstream_tx_end = router_.stream().worker().services.loop.now();
  } else if (end_stream_ && !head_only_ && trailers_ == nullptr) {
    encoder_->encodeData({}, true);
  }
  if (trailers_ != nullptr && !over_) encoder_->encodeTrailers(*trailers_);
  if (head_only_) router_.stream().info().at.upstream_tx_end = router_.stream().info().at.upstream_tx_begin;
  if (!over_) holdDownstream(false);
}

void UpstreamRequest::noteConnection(upstream::ConnectionAccount& account, const net::Connection& connection) {
  http::StreamInfo& info = router_.stream().info();
  info.upstream_local = account.local;
  info.upstream_remote = host_->address();
  info.upstream_protocol = http::Protocol::kHttp11;
  info.upstream_connection_id = connection.id();
  router_.stream().keepUpstreamTls(connection.tls());
  info.at.upstream_pool_ready = router_.stream().worker().services.loop.now();
  if (account.requests == 1) {
    info.at.upstream_connect_begin = account.beganNs();
    info.at.upstream_connect_end = account.connectedNs();
    if (info.upstream_tls != nullptr) {
      info.at.upstream_connect_end = connection.connectedNs();
      info.at.upstream_handshake_end = account.connectedNs();
    }
  } else {
    info.at.upstream_connect_begin = 0;
  }
}

void UpstreamRequest::onPoolFailure(upstream::PoolFailure failure, std::string_view reason) {
  if (failure != upstream::PoolFailure::kPendingOverflow) noteHost();
  switch (failure) {
    case upstream::PoolFailure::kPendingOverflow:
    case upstream::PoolFailure::kOverflow: return failed(ResetReason::kOverflow, reason);
    case upstream::PoolFailure::kConnectTimeout: return failed(ResetReason::kConnectionTimeout, reason);
    case upstream::PoolFailure::kConnectFailed: return failed(ResetReason::kConnectionFailure, reason);
  }
}

void UpstreamRequest::failed(ResetReason reason, std::string_view transport) {
  if (filtering_ != nullptr) [[unlikely]] stopFilters();
  flag_ = flagOf(reason);
  noteTraceReset(reason);
  ended();
  router_.onUpstreamReset(reason, transport);
}

void UpstreamRequest::sendData(std::string_view data, bool end_stream) {
  if (filtering_ == nullptr) [[likely]] return writeData(data, end_stream);
  if (filtering_->begun) return filterData(data, end_stream, router_.stream().info().protocol, false);
  filtering_->early.append(data);
  filtering_->early_end = end_stream;
}

void UpstreamRequest::writeData(std::string_view data, bool end_stream) {
  end_stream_ = end_stream;
  if (encoder_ != nullptr && !awaits_handshake_) {
    touchIdle();
    encoder_->encodeData(data, end_stream);
    if (end_stream && !over_) router_.stream().info().at.upstream_tx_end = router_.stream().worker().services.loop.now();
    return;
  }
  if (!waiting_) waiting_.emplace(router_.stream().worker().services.io.blocks());
  waiting_->append(data);
  const uint32_t limit = router_.cluster().plan().buffer_limit;
  if (limit != 0 && waiting_->size() > limit) holdDownstream(true);
}

void UpstreamRequest::sendTrailers(http::HeaderMap& trailers) {
  if (filtering_ == nullptr) [[likely]] return writeTrailers(trailers);
  if (filtering_->begun) return filtering_->chain.requestTrailers(trailers);
  filtering_->early_trailers = &trailers;
}

void UpstreamRequest::writeTrailers(http::HeaderMap& trailers) {
  end_stream_ = true;
  trailers_ = &trailers;
  if (encoder_ != nullptr && !awaits_handshake_) encoder_->encodeTrailers(trailers);
}

void UpstreamRequest::sendMetadata(std::string_view block) {
  if (encoder_->encodeMetadata(block) || connection_ == nullptr) return;
  router_.cluster().http1Stats().inc(stats::Http1Stat::metadata_not_supported_error);
}

void UpstreamRequest::onResponseMetadata(std::string_view block) {
  if (!over_) router_.stream().answerMetadata(block);
}

void UpstreamRequest::holdDownstream(bool hold) {
  if (hold == holding_downstream_) return;
  holding_downstream_ = hold;
  router_.stream().pauseRequest(hold);
}

void UpstreamRequest::pauseReading(bool pause) {
  if (encoder_ == nullptr) return;
  encoder_->pauseReading(pause);
  if (connection_ != nullptr) connection_->pauseReading(pause);
}

void UpstreamRequest::reset(ResetReason reason) {
  if (filtering_ != nullptr) [[unlikely]] stopFilters();
  if (over_) return;
  http::RequestEncoder* encoder = encoder_;
  upstream::HttpConnection* connection = connection_;
  if (encoder == nullptr && !host_known_) router_.noteHost(*host_);  // logged, and not judged: no connection was had yet
  noteBytes();
  if (trace_ != nullptr) [[unlikely]] trace_->canceled = true;
  ended();
  cancelWaiting();
  if (encoder == nullptr) return;
  encoder->reset(reason);
  if (connection != nullptr) connection->abandonStream();
}

void UpstreamRequest::noteBytes() {
  if (encoder_ == nullptr) return;
  const http::StreamBytes& bytes = encoder_->bytes();
  http::StreamInfo& info = router_.stream().info();
  info.upstream_wire_sent = before_.wire_sent + bytes.wire_sent;
  info.upstream_wire_received = before_.wire_received + bytes.wire_received;
  info.upstream_headers_sent = before_.headers_sent + bytes.headers_sent;
  info.upstream_headers_received = before_.headers_received + bytes.headers_received;
  info.upstream_fields_sent = before_.fields_sent + bytes.fieldsSent();
  // Over HTTP/1 Envoy adds what all attempts have received so far, each time an answer's head is there.
  info.upstream_fields_received =
      before_.fields_received + (connection_ != nullptr && connection_->multiplexed() ? bytes.fields_received
                                 : bytes.headers_received == 0                        ? 0
                                                               : info.upstream_headers_received);
}

void UpstreamRequest::ended() {
  if (trace_ != nullptr) [[unlikely]] finishTrace();
  holdDownstream(false);
  leaveConnection();
  if (tunnel_) tunnel_->close();
  over_ = true;
  encoder_ = nullptr;
  connection_ = nullptr;
  dropRareTimers();
}

// ---------------------------------------------------------------- the answer

void UpstreamRequest::on1xx(http::HeaderMap& headers) {
  if (over_) return;
  if (filtering_ != nullptr) [[unlikely]] return filtering_->chain.response1xx(headers);
  router_.onUpstream1xx(headers);
}

bool UpstreamRequest::failsHandshake(const http::HeaderMap& headers) const {
  const auto status = base::parseDecimal(headers.get(http::HeaderId::kStatus)).value_or(0);
  // An error passes as it is, and over HTTP/2 whatever the answer is.
  return awaits_handshake_ && upgrade_.empty() && !isConnect() && status != 101 && status < 400;
}

/** To a client's CONNECT only 200 does; to the proxy's own, over HTTP/1, every 2xx. */
bool UpstreamRequest::opensTunnel() const {
  const bool any = !router_.stream().isConnect() && connection_ != nullptr && !connection_->multiplexed();
  return any ? status_ / 100 == 2 : status_ == 200;
}

void UpstreamRequest::onResponseHeaders(http::HeaderMap& headers, bool end_stream) {
  if (over_) return;
  if (!upgrade_.empty()) toUpgradeResponse(headers, upgrade_);
  response_ = &headers;
  status_ = static_cast<uint16_t>(base::parseDecimal(headers.get(http::HeaderId::kStatus)).value_or(0));
  if (failsHandshake(headers)) {
    handshake_failed_ = true;
    headers.remove(http::HeaderId::kContentLength);
    headers.remove(http::HeaderId::kContentType);
    reset(ResetReason::kLocalReset);
    return router_.onUpstreamHeaders(headers, true);
  }
  if (awaits_handshake_ && !(isConnect() && !opensTunnel())) {
    awaits_handshake_ = false;
    writeQueued();
  }
  auto& at = router_.stream().info().at;
  at.upstream_rx_begin = router_.stream().worker().services.loop.now();
  touchIdle();
  noteBytes();
  if (end_stream) {
    at.upstream_rx_end = at.upstream_rx_begin;
    ended();
  }
  if (filtering_ != nullptr) [[unlikely]] return filtering_->chain.responseHeaders(headers, end_stream);
  router_.onUpstreamHeaders(headers, end_stream);
}

void UpstreamRequest::onResponseData(std::string_view data, bool end_stream) {
  if (over_) return;
  auto& at = router_.stream().info().at;
  const int64_t now = router_.stream().worker().services.loop.now();
  if (at.upstream_rx_body_begin == 0) at.upstream_rx_body_begin = now;
  touchIdle();
  if (end_stream) {
    at.upstream_rx_end = now;
    noteBytes();
    ended();
  }
  if (filtering_ != nullptr) [[unlikely]] return filterData(data, end_stream, router_.stream().info().upstream_protocol, true);
  router_.onUpstreamData(data, end_stream);
}

void UpstreamRequest::onResponseTrailers(http::HeaderMap& trailers) {
  if (over_) return;
  router_.stream().info().at.upstream_rx_end = router_.stream().worker().services.loop.now();
  noteBytes();
  if (trace_ != nullptr) [[unlikely]] trace_->trailers = &trailers;
  ended();
  if (filtering_ != nullptr) [[unlikely]] return filtering_->chain.responseTrailers(trailers);
  router_.onUpstreamTrailers(trailers);
}

void UpstreamRequest::onStreamReset(ResetReason reason, std::string_view) {
  if (over_) return;
  if (connection_ != nullptr) connection_->noteReset(reason);
  noteBytes();
  failed(reason, {});
}

void UpstreamRequest::onEncoderAboveHighWatermark() {
  if (!over_) holdDownstream(true);
}

void UpstreamRequest::onEncoderBelowLowWatermark() {
  if (!over_) holdDownstream(false);
}

// ---------------------------------------------------------------- filters

/** Shows them the head, before a connection is asked for, as Envoy does. False: the attempt is over, and may be gone. */
bool UpstreamRequest::filterHead() {
  AttemptFilters& filtering = *filtering_;
  filtering.begun = true;
  filtering.chain.requestHeaders(*headers_, head_only_);
  return !filtering.stopped;
}

/** And the rest, as far as it came before the attempt began. */
void UpstreamRequest::filterEarlyBody() {
  AttemptFilters& filtering = *filtering_;
  if (!filtering.early.empty()) {
    net::IoContext& io = router_.stream().worker().services.io;
    BodyBuffer going(io.blocks());
    going.absorb(filtering.early);
    size_t left = going.size();
    going.forEach([&](std::string_view piece) {
      left -= piece.size();
      if (!filtering.stopped) filtering.chain.requestData(piece, filtering.early_end && left == 0);
    });
    io.keepForTurn(going.queue());
  } else if (filtering.early_end) {
    filtering.chain.requestData({}, true);
  }
  if (filtering.early_trailers != nullptr && !filtering.stopped) filtering.chain.requestTrailers(*filtering.early_trailers);
}

/** The end of an HTTP/1 body comes by itself, as it does to a client's filters. */
void UpstreamRequest::filterData(std::string_view data, bool end_stream, http::Protocol protocol, bool response) {
  AttemptFilters& filtering = *filtering_;
  const auto pass = [&](std::string_view piece, bool ends) {
    if (response) {
      filtering.chain.responseData(piece, ends);
    } else {
      filtering.chain.requestData(piece, ends);
    }
  };
  if (end_stream && !data.empty() && protocol != http::Protocol::kHttp2) {
    pass(std::exchange(data, {}), false);
    if (filtering.stopped) return;
  }
  pass(data, end_stream);
}

void UpstreamRequest::stopFilters() {
  if (std::exchange(filtering_->stopped, true)) return;
  filtering_->chain.abandon();
  filtering_->chain.complete();
}

void UpstreamRequest::onFilterReply(const LocalReply& reply) { router_.onFilterReply(reply); }

void UpstreamRequest::onFilterReset() {
  reset(ResetReason::kLocalReset);
  failed(ResetReason::kLocalReset, {});
}

void UpstreamRequest::pauseForFilters(bool pause) {
  uint16_t& pauses = filtering_->pauses;
  if (!pause && pauses == 0) return;
  pauses = static_cast<uint16_t>(pause ? pauses + 1 : pauses - 1);
  pauseReading(pauses != 0 || router_.downstreamBlocked());
}

void UpstreamRequest::filtered1xx(http::HeaderMap& headers) { router_.onUpstream1xx(headers); }

void UpstreamRequest::filteredHeaders(http::HeaderMap& headers, bool end_stream, bool response) {
  if (response) return router_.onUpstreamHeaders(headers, end_stream);
  head_only_ = end_stream;
  end_stream_ = end_stream;
  filtering_->head_through = true;
  if (encoder_ != nullptr) begin(*encoder_);
}

void UpstreamRequest::filteredData(std::string_view data, bool end_stream, bool response) {
  if (response) return router_.onUpstreamData(data, end_stream);
  if (!over_) writeData(data, end_stream);
}

void UpstreamRequest::filteredTrailers(http::HeaderMap& trailers, bool response) {
  if (response) return router_.onUpstreamTrailers(trailers);
  if (!over_) writeTrailers(trailers);
}

// ---------------------------------------------------------------- time

UpstreamRequest::RareTimers& UpstreamRequest::rareTimers() {
  if (rare_timers_ == nullptr) rare_timers_ = arena().make<RareTimers>(this);
  return *rare_timers_;
}

void UpstreamRequest::dropRareTimers() {
  if (rare_timers_ != nullptr) std::destroy_at(std::exchange(rare_timers_, nullptr));
}

void UpstreamRequest::armPerTryTimeout() {
  if (over_) return;
  if (const uint32_t ms = router_.timeouts().per_try_ms; ms != 0) {
    rareTimers().per_try.arm(router_.stream().worker().services.loop.timers(), ms);
  }
  touchIdle();
}

void UpstreamRequest::touchIdle() {
  const uint32_t ms = router_.timeouts().per_try_idle_ms;
  if (ms != 0 && !over_) rareTimers().per_try_idle.arm(router_.stream().worker().services.loop.timers(), ms);
}

void UpstreamRequest::onPerTryTimeout() {
  flag_ = http::ResponseFlag::kUpstreamRequestTimeout;
  router_.onPerTryTimeout(false);
}

void UpstreamRequest::onPerTryIdleTimeout() {
  flag_ = http::ResponseFlag::kStreamIdleTimeout;
  router_.onPerTryTimeout(true);
}

void UpstreamRequest::onMaxDuration() {
  flag_ = http::ResponseFlag::kUpstreamMaxStreamDurationReached;
  router_.onUpstreamMaxDuration();
}

}  // namespace nuncio::http_proxy
