#include "src/extensions/filters/network/tcp_proxy/tunnel_session.h"

#include <algorithm>
#include <utility>

namespace nuncio::ext::tcp {

using http::HeaderId;
using http::ResponseFlag;
using net::CloseCause;
using stats::ClusterStat;
using stats::TcpStat;

TunnelSession::TunnelSession(Runtime& runtime, const nuncio::tcp::Downstream& downstream)
    : runtime_(runtime), downstream_(downstream) {}

TunnelSession::~TunnelSession() {
  if (stream_ != nullptr) stream_->cancel();
}

// ---------------------------------------------------------------- asking for a tunnel

void TunnelSession::onNewConnection() {
  facts_.start_ns = loop().now();
  facts_.start_wall_ns = loop().wall();
  target_ = runtime_.config.pick(runtime_.worker().random_source.next());
  if (downstream_.info.facts != nullptr) {
    const std::string_view named = downstream_.info.facts->filter_state.find("envoy.tcp_proxy.cluster");
    if (!named.empty()) target_.name = named;
  }
  stats().inc(TcpStat::downstream_cx_total);
  downstream_.connection.pauseReading(true);
  if (const uint32_t ms = plan().max_downstream_connection_duration_ms; ms != 0) duration_timer_.arm(loop().timers(), ms);
  if (const uint32_t ms = plan().access_log_flush_interval_ms; ms != 0) log_timer_.arm(loop().timers(), ms);
  ask();
}

void TunnelSession::ask() {
  facts_.cluster = upstream::ClusterRef(runtime_.worker().clusters.find(target_.name));
  facts_.pool_ready_ns = loop().now();
  if (!facts_.cluster) {
    facts_.flags.add(ResponseFlag::kNoClusterFound);
    stats().inc(TcpStat::downstream_cx_no_route);
    return close("tcp_initializion_failure:3");
  }
  http_proxy::AsyncOptions options;
  options.cluster = target_.name;
  options.send_internal = options.send_forwarded = options.dynamic_stats = false;
  options.suppress_envoy_headers = true;
  options.host.metadata_match = target_.metadata_match;
  if (!plan().hash_policies.empty()) options.host.hash = clientHash(plan().hash_policies.front(), downstream_.info);
  stream_ = runtime_.worker().asyncClient().start(options);
  if (stream_ == nullptr) {
    facts_.flags.add(ResponseFlag::kUpstreamOverflow);
    return close("tcp_initializion_failure:2");
  }
  ++facts_.attempts;
  if (downstream_.info.facts != nullptr) stream_->info().dynamic_metadata = &downstream_.info.facts->metadata;
  base::Arena& arena = stream_->arena();
  auto& headers = *arena.make<http::HeaderMap>(arena);
  fillHead(headers, arena);
  stream_->sendHeaders(headers, false, *this);
}

http::FormatContext TunnelSession::formatContext(http::StreamInfo& info, std::string& text) {
  facts_.fill(info, text);
  info.downstream = &downstream_.info;
  if (downstream_.info.facts != nullptr) info.dynamic_metadata = &downstream_.info.facts->metadata;
  return {.info = info, .now_ns = loop().now(), .wall_now_ns = loop().wall(), .random = &runtime_.worker().random_source};
}

void TunnelSession::fillHead(http::HeaderMap& headers, base::Arena& arena) {
  const plan::Tunneling& tunnel = *plan().tunneling;
  const Config& config = runtime_.config;
  http::StreamInfo info;
  std::string text;
  const http::FormatContext context = formatContext(info, text);
  base::TextBuffer& scratch = runtime_.worker().scratch;
  const auto formatted = [&](const http::Formatter& formatter) {
    scratch.clear();
    formatter.append(context, scratch);
    return arena.copy(scratch.view());
  };
  headers.add(HeaderId::kMethod, tunnel.use_post ? "POST" : "CONNECT");
  headers.add(HeaderId::kAuthority, formatted(*config.tunnel_host));
  if (tunnel.use_post) {
    headers.add(HeaderId::kPath, config.tunnel_path ? formatted(*config.tunnel_path) : std::string_view("/"));
    headers.add(HeaderId::kScheme, facts_.cluster->part().tls != nullptr ? "https" : "http");
  }
  config.tunnel_headers.apply(headers, context, scratch);
}

/** Does this answer mean that the tunnel stands? Over HTTP/1 every 2xx does, over HTTP/2 nothing but 200, as in Envoy. */
static bool opens(std::string_view status, http::Protocol protocol) {
  return protocol == http::Protocol::kHttp2 ? status == "200" : status.starts_with('2');
}

void TunnelSession::onHeaders(http::HeaderMap& headers, bool end_stream) {
  const http::StreamInfo& info = stream_->info();
  has_host_ = info.upstream_host != nullptr;
  if (has_host_) host_ = *info.upstream_host;
  host_name_ = info.upstream_host_name;
  const std::string_view status = headers.get(HeaderId::kStatus);
  if (stream_->answeredHere() || !opens(status, info.upstream_protocol)) return failed();
  established_ = true;
  facts_.pool_ready_ns = loop().now();
  upstream_ = {info.at.upstream_connect_begin, info.at.upstream_connect_end, info.upstream_connection_id,
               info.upstream_local,            {},                           info.at.upstream_connect_end};
  touch();
  if (plan().idle_timeout_ms != 0) idle_timer_.arm(loop().timers(), plan().idle_timeout_ms);
  downstream_.connection.pauseReading(false);
  if (plan().flush_access_log_on_connected) log(http::AccessLogType::kTcpUpstreamConnected);
  if (end_stream) upstreamEnded();
}

/** There is no tunnel: the answer refuses it, or it is the router's own. */
void TunnelSession::failed() {
  http_proxy::AsyncStream* stream = std::exchange(stream_, nullptr);
  const http::FlagList& flags = stream->info().flags;
  if (flags.has(ResponseFlag::kNoHealthyUpstream)) {
    facts_.flags.add(ResponseFlag::kNoHealthyUpstream);
    --facts_.attempts;  // nobody was asked
    stream->cancel();
    return close("tcp_initializion_failure:1");
  }
  if (flags.has(ResponseFlag::kUpstreamOverflow)) {
    facts_.flags.add(ResponseFlag::kUpstreamOverflow);
    stream->cancel();
    return close("tcp_initializion_failure:2");
  }
  facts_.flags.add(ResponseFlag::kUpstreamConnectionFailure);
  facts_.transport_failure = stream->info().upstream_transport_failure;
  stream->cancel();
  retryOrGiveUp();
}

void TunnelSession::retryOrGiveUp() {
  if (facts_.attempts < std::max(plan().max_connect_attempts, 1u)) {
    uint64_t delay = 0;
    if (plan().backoff_base_ms != 0) {
      const uint32_t doublings = std::min(facts_.attempts - 1, 31u);
      const uint64_t most = std::min<uint64_t>(uint64_t{plan().backoff_base_ms} << doublings, plan().backoff_max_ms);
      delay = runtime_.worker().random_source.below(std::max<uint64_t>(most, 1));
    }
    return retry_timer_.arm(loop().timers(), delay);
  }
  facts_.flags.add(ResponseFlag::kUpstreamRetryLimitExceeded);
  facts_.cluster->stats().inc(ClusterStat::upstream_cx_connect_attempts_exceeded);
  close("tcp_initializion_failure:0");
}

// ---------------------------------------------------------------- bytes

size_t TunnelSession::onInput(std::string_view bytes) {
  stats().inc(TcpStat::downstream_cx_rx_bytes_total, bytes.size());
  facts_.received += bytes.size();
  touch();
  if (stream_ != nullptr) stream_->sendData(bytes, false);
  return bytes.size();
}

void TunnelSession::onData(std::string_view data, bool end_stream) {
  touch();
  facts_.sent += data.size();
  stats().inc(TcpStat::downstream_cx_tx_bytes_total, data.size());
  downstream_.connection.writeBorrowed(data);
  downstream_.connection.flush();
  if (end_stream) upstreamEnded();
}

void TunnelSession::onTrailers(http::HeaderMap&) { upstreamEnded(); }

void TunnelSession::onRequestBlocked(bool blocked) {
  if (!established_) return;
  stats().inc(blocked ? TcpStat::downstream_flow_control_paused_reading_total
                      : TcpStat::downstream_flow_control_resumed_reading_total);
  downstream_.connection.pauseReading(blocked);
}

void TunnelSession::onAboveHighWatermark() {
  if (stream_ != nullptr) stream_->pauseResponse(true);
}
void TunnelSession::onBelowLowWatermark() {
  if (stream_ != nullptr) stream_->pauseResponse(false);
}

// ---------------------------------------------------------------- ends

void TunnelSession::upstreamEnded() {
  if (!finished_) downstream_.connection.closeAfterFlush();
}

void TunnelSession::onEnd(bool) {
  stream_ = nullptr;
  if (finished_) return;
  if (!established_) return retryOrGiveUp();
  // With the request's stream both directions are over.
  downstream_.connection.closeAfterFlush();
}

void TunnelSession::onEndOfInput() {
  if (stream_ == nullptr) return;
  if (!established_) return close("");
  stream_->sendData({}, true);
  // CONNECT over HTTP/1 has no end of its own direction but that of its connection: what was written goes out first.
  const bool ends_all = !plan().tunneling->use_post && stream_->info().upstream_protocol != http::Protocol::kHttp2;
  if (ends_all) end_timer_.arm(loop().timers(), 0);
}

void TunnelSession::onClientGone() {
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
  if (!finished_) downstream_.connection.closeAfterFlush();
}

void TunnelSession::onClosed(CloseCause) {
  if (std::exchange(finished_, true)) return;
  idle_timer_.cancel();
  duration_timer_.cancel();
  retry_timer_.cancel();
  end_timer_.cancel();
  log_timer_.cancel();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
  log(http::AccessLogType::kTcpConnectionEnd);
}

void TunnelSession::close(std::string_view reason) {
  downstream_.info.makeEnd().local_close_reason = reason;
  downstream_.connection.abort(false);
}

// ---------------------------------------------------------------- time and logs

void TunnelSession::onIdle() {
  const auto quiet_ms = static_cast<uint64_t>((loop().now() - active_ns_) / 1'000'000);
  if (quiet_ms < plan().idle_timeout_ms) return idle_timer_.arm(loop().timers(), plan().idle_timeout_ms - quiet_ms);
  stats().inc(TcpStat::idle_timeout);
  close("tcp_session_idle_timeout");
}

void TunnelSession::onMaxDuration() {
  facts_.flags.add(ResponseFlag::kDurationTimeout);
  stats().inc(TcpStat::max_downstream_connection_duration);
  close("max_connection_duration_reached");
}

void TunnelSession::onLogInterval() {
  log(http::AccessLogType::kTcpPeriodic);
  log_timer_.arm(loop().timers(), plan().access_log_flush_interval_ms);
}

void TunnelSession::describe(http::StreamInfo& info, std::string& text) const {
  facts_.fill(info, text);
  if (!has_host_) return;
  info.upstream_host = &host_;
  info.upstream_host_name = host_name_;
  if (!established_) return;
  info.at.upstream_connect_begin = upstream_.connect_began_ns;
  info.at.upstream_connect_end = upstream_.connected_ns;
  info.upstream_connection_id = upstream_.id;
  info.upstream_local = upstream_.local;
  info.upstream_remote = host_;
  info.upstream_wire_sent = facts_.received;
  info.upstream_wire_received = facts_.sent;
}

void TunnelSession::log(http::AccessLogType type) {
  if (runtime_.config.access_logs.empty()) return;
  WorkerContext& worker = runtime_.worker();
  if (!facts_.has_stream_id) http::writeUuid(facts_.stream_id, worker.random_source);
  facts_.has_stream_id = true;
  http::StreamInfo info;
  std::string failure_text;
  const http::FormatContext context = formatContext(info, failure_text);
  describe(info, failure_text);
  info.log_type = type;
  if (type == http::AccessLogType::kTcpConnectionEnd) info.at.end = loop().now();
  for (const auto& logger : runtime_.config.access_logs) logger->log(context, worker.log);
}

}  // namespace nuncio::ext::tcp
