#include "src/extensions/filters/network/tcp_proxy/session.h"

#include <algorithm>
#include <utility>

#include "base/xxhash64.h"
#include "src/extensions/filters/network/tcp_proxy/tunnel_session.h"
#include "upstream/hash_balancer.h"
#include "upstream/proxy_preamble.h"

namespace nuncio::ext::tcp {

using http::ResponseFlag;
using net::CloseCause;
using stats::ClusterStat;
using stats::TcpStat;
using upstream::TcpConnect;
using upstream::TcpUpstream;

std::unique_ptr<nuncio::tcp::NetworkFilter> Runtime::create(const nuncio::tcp::Downstream& downstream) {
  if (config.plan.tunneling) return std::make_unique<TunnelSession>(*this, downstream);
  return std::make_unique<Session>(*this, downstream);
}

Session::Session(Runtime& runtime, const nuncio::tcp::Downstream& downstream) : runtime_(runtime), downstream_(downstream) {}

Session::~Session() {
  if (upstream_ != nullptr) upstream_->close();
}

// ---------------------------------------------------------------- connecting

void Session::onNewConnection() {
  facts_.start_ns = loop().now();
  facts_.start_wall_ns = loop().wall();
  target_ = runtime_.config.pick(runtime_.worker().random_source.next());
  // A filter before this one may have chosen the cluster.
  if (downstream_.info.facts != nullptr) named_ = downstream_.info.facts->filter_state.find("envoy.tcp_proxy.cluster");
  stats().inc(TcpStat::downstream_cx_total);
  downstream_.connection.pauseReading(true);
  if (const uint32_t ms = plan().max_downstream_connection_duration_ms; ms != 0) {
    const auto jitter = static_cast<uint64_t>(ms * plan().max_duration_jitter / 100);
    const uint64_t more = jitter == 0 ? 0 : runtime_.worker().random_source.below(jitter + 1);
    duration_timer_.arm(loop().timers(), static_cast<uint32_t>(std::min<uint64_t>(UINT32_MAX, ms + more)));
  }
  if (const uint32_t ms = plan().access_log_flush_interval_ms; ms != 0) log_timer_.arm(loop().timers(), ms);
  connect();
}

std::optional<uint64_t> clientHash(const nuncio::plan::HashPolicy& policy, const http::ConnectionInfo& info) {
  if (policy.kind != nuncio::plan::HashPolicy::Kind::FILTER_STATE) {
    return info.remote.isIp() ? std::optional(base::xxHash64(info.remote.ipText())) : std::nullopt;
  }
  const std::string_view text = info.facts == nullptr ? std::string_view() : info.facts->filter_state.find(policy.name);
  return text.data() == nullptr ? std::nullopt : std::optional(base::xxHash64(text));
}

void Session::connect() {
  auto& clusters = runtime_.worker().clusters;
  facts_.cluster = upstream::ClusterRef(named_.empty() ? clusters.find(target_.slot) : clusters.find(named_));
  if (!facts_.cluster) return demandCluster() ? void() : giveUpUnrouted();
  upstream::ClusterRuntime& cluster = *facts_.cluster;
  facts_.pool_ready_ns = loop().now();
  constexpr auto kPriority = upstream::Priority::kDefault;
  if (!cluster.breaker(kPriority).connections.canCreate(cluster.limitsOf(kPriority).max_connections)) {
    facts_.flags.add(ResponseFlag::kUpstreamOverflow);
    cluster.stats().inc(ClusterStat::upstream_cx_overflow);
    return giveUp(InitFailure::kResourceLimit);
  }
  if (attemptsExhausted()) {
    facts_.flags.add(ResponseFlag::kUpstreamRetryLimitExceeded);
    cluster.stats().inc(ClusterStat::upstream_cx_connect_attempts_exceeded);
    return giveUp(InitFailure::kConnectFailed);
  }
  upstream::PickContext context;
  if (!plan().hash_policies.empty() && upstream::hashes(cluster.plan())) {
    context.hash = clientHash(plan().hash_policies.front(), downstream_.info);
  }
  base::Arena arena(runtime_.worker().services.io.chunks());
  routing::SubsetCriteria criteria;
  if (cluster.plan().subset && subsetCriteria(criteria, arena)) context.criteria = &criteria;
  std::optional<net::Address> destination;
  if (const auto& original = cluster.plan().original_dst; original) {
    bool broken = false;
    destination = upstream::findDestination(*original, {.connection = &downstream_.info}, broken);
    if (broken) cluster.stats().inc(ClusterStat::original_dst_host_invalid);
    if (destination) context.destination = &*destination;
  }
  upstream::HostRuntime* host = cluster.choose(context);
  if (host == nullptr) {
    facts_.flags.add(ResponseFlag::kNoHealthyUpstream);
    cluster.stats().inc(ClusterStat::upstream_cx_none_healthy);
    return giveUp(InitFailure::kNoHealthyUpstream);
  }
  facts_.attempted(*host);
  upstream::TransportOptions options;
  upstream::addProxyPreamble(cluster, downstream_.info, arena, options);
  const TcpConnect attempt = TcpUpstream::connect(cluster, *host, kPriority, *this, options);
  upstream_ = attempt.upstream;
  facts_.overflowed = attempt.outcome == TcpConnect::Outcome::kOverflow;
  if (attempt.outcome == TcpConnect::Outcome::kFailed) {
    facts_.flags.add(ResponseFlag::kUpstreamConnectionFailure);
    facts_.failure = {attempt.error, true};
  }
  if (attempt.outcome != TcpConnect::Outcome::kPending) retry(true);
}

void Session::giveUpUnrouted() {
  facts_.flags.add(ResponseFlag::kNoClusterFound);
  stats().inc(TcpStat::downstream_cx_no_route);
  giveUp(InitFailure::kNoRoute);
}

/** Once. False: there is nobody to ask. */
bool Session::demandCluster() {
  const auto& source = plan().cluster_source;
  if (!source || asked_) return false;
  asked_ = true;
  const std::string_view name = named_.empty() ? target_.name : named_;
  runtime_.books->on_demand.inc(stats::TcpOnDemandStat::on_demand_cluster_attempt);
  return runtime_.worker().on_demand.wait({http_proxy::DemandKind::kCluster, *source, std::string(name)}, *this);
}

void Session::onSettled(http_proxy::DemandEnd end) {
  using stats::TcpOnDemandStat;
  constexpr TcpOnDemandStat kCounters[] = {TcpOnDemandStat::on_demand_cluster_success, TcpOnDemandStat::on_demand_cluster_missing,
                                           TcpOnDemandStat::on_demand_cluster_timeout};
  runtime_.books->on_demand.inc(kCounters[static_cast<size_t>(end)]);
  if (end != http_proxy::DemandEnd::kCame) return giveUpUnrouted();
  connect();
}

/** What is wanted of hosts, and over it what listener and network filters left in the metadata "envoy.lb". False: nothing. */
bool Session::subsetCriteria(routing::SubsetCriteria& out, base::Arena& arena) {
  if (target_.metadata_match != nullptr) out = target_.metadata_match->view();
  const auto& facts = downstream_.info.facts;
  const http::MetadataValue* added = facts == nullptr ? nullptr : facts->metadata.find("envoy.lb");
  if (added != nullptr) out = routing::mergeCriteria(out, *added, arena, runtime_.worker().scratch);
  return target_.metadata_match != nullptr || added != nullptr;
}

void Session::onUpstreamFailed(int error, std::string_view transport) {
  upstream_ = nullptr;
  facts_.flags.add(ResponseFlag::kUpstreamConnectionFailure);
  facts_.failure = {std::max(error, 0), false};
  facts_.transport_failure = transport;
  facts_.pool_ready_ns = loop().now();
  retry(false);
}

/** `at_once`: the attempt failed where it was made. The next one waits for another turn: none may hold the worker. */
void Session::retry(bool at_once) {
  if (plan().backoff_base_ms != 0) {
    const uint32_t doublings = std::min(facts_.attempts - 1, 31u);
    const uint64_t most = std::min<uint64_t>(uint64_t{plan().backoff_base_ms} << doublings, plan().backoff_max_ms);
    retry_timer_.arm(loop().timers(), runtime_.worker().random_source.below(std::max<uint64_t>(most, 1)));
  } else if (at_once && !attemptsExhausted()) {
    retry_timer_.arm(loop().timers(), 0);
  } else {
    connect();
  }
}

void Session::giveUp(InitFailure why) {
  // Spelled as Envoy spells it.
  static constexpr std::string_view kReasons[] = {"tcp_initializion_failure:0", "tcp_initializion_failure:1",
                                                  "tcp_initializion_failure:2", "tcp_initializion_failure:3"};
  closeDownstream(kReasons[static_cast<size_t>(why)]);
}

void Session::onUpstreamConnected() {
  const upstream::ConnectionAccount& account = upstream_->account();
  const net::Connection& connection = upstream_->connection();
  facts_.upstream.reset(
      new UpstreamFacts{account.beganNs(), account.connectedNs(), connection.id(), account.local,
                        base::LocalRef<const net::TlsInfo>(connection.tls()), connection.connectedNs()});
  facts_.pool_ready_ns = loop().now();
  touch();
  if (plan().idle_timeout_ms != 0) idle_timer_.arm(loop().timers(), plan().idle_timeout_ms);
  downstream_.connection.pauseReading(false);
  if (plan().flush_access_log_on_connected) log(http::AccessLogType::kTcpUpstreamConnected);
}

// ---------------------------------------------------------------- bytes

// Both flush at once: one message in, one out, and the counters are right when the event is over. What cannot be sent
// stays in the queue of the connection, whose watermark then stops the other side. A flush may end the session; it is
// freed at the end of the turn.

size_t Session::onInput(std::string_view bytes) {
  stats().inc(TcpStat::downstream_cx_rx_bytes_total, bytes.size());
  countBuffered(static_cast<uint32_t>(bytes.size()));
  facts_.received += bytes.size();
  if (upstream_ == nullptr) return bytes.size();  // the last words go out to the client; its own go nowhere
  touch();
  net::Connection& upstream = upstream_->connection();
  const bool large = !downstream_.filtered && (bulk_ || bytes.size() >= Bulk::kSpliceFrom);
  if (large) {
    moveBulk(downstream_.connection, upstream, bytes);
  } else {
    upstream.writeBorrowed(bytes);
    upstream.flush();
  }
  if (upstream_ != nullptr) upstream_->countBytes();
  return bytes.size();
}

size_t Session::onUpstreamInput(std::string_view bytes) {
  touch();
  facts_.sent += bytes.size();
  const bool large = bulk_ || bytes.size() >= Bulk::kSpliceFrom;
  if (large) {
    moveBulk(upstream_->connection(), downstream_.connection, bytes);
  } else {
    downstream_.connection.writeBorrowed(bytes);
    downstream_.connection.flush();
  }
  countDownstream();
  if (upstream_ != nullptr) upstream_->countBytes();
  return bytes.size();
}

/** As above for a session that has moved much at a time: the bytes may be in a pipe already, and the next may go there. */
void Session::moveBulk(net::Connection& from, net::Connection& to, std::string_view bytes) {
  if (!bulk_ && from.isRaw() && to.isRaw()) {
    bulk_ = base::makeLocal<Bulk>(runtime_.books->pipes, downstream_.connection, upstream_->connection());
  }
  const bool upwards = &from == &downstream_.connection;
  net::Channel* channel = !bulk_ ? nullptr : upwards ? &bulk_->toUpstream() : &bulk_->toDownstream();
  if (channel != nullptr && channel->takeFilled()) {
    to.writePiped(bytes.size());
  } else {
    to.writeBorrowed(bytes);
  }
  to.flush();
  if (channel == nullptr || upstream_ == nullptr) return;
  if (channel->held() != 0 && !channel->awaitsDrain()) {
    channel->awaitDrain(this);
    pauseSource(upwards, true);
  }
  if (upwards) {
    bulk_->steerDownstream(bytes.size());
  } else {
    bulk_->steerUpstream(bytes.size());
  }
}

// Envoy's gauge says how much the last read found, until the next one.
void Session::countBuffered(uint32_t bytes) {
  stats().inc(TcpStat::downstream_cx_rx_bytes_buffered, static_cast<uint64_t>(bytes) - buffered_);
  buffered_ = bytes;
}

void Session::countDownstream() {
  const uint64_t written = downstream_.connection.bytesWritten();
  if (written == counted_sent_) return;
  stats().inc(TcpStat::downstream_cx_tx_bytes_total, written - counted_sent_);
  counted_sent_ = written;
}

void Session::onAboveHighWatermark() { pauseSource(false, true); }
void Session::onBelowLowWatermark() { pauseSource(false, false); }
void Session::onUpstreamAboveHighWatermark() { pauseSource(true, true); }
void Session::onUpstreamBelowLowWatermark() { pauseSource(true, false); }
void Session::onChannelDrained(net::Channel& channel) { pauseSource(&channel == &bulk_->toUpstream(), false); }

/** `upwards`: the client is the source. */
void Session::pauseSource(bool upwards, bool pause) {
  if (upwards) {
    stats().inc(pause ? TcpStat::downstream_flow_control_paused_reading_total
                      : TcpStat::downstream_flow_control_resumed_reading_total);
    downstream_.connection.pauseReading(pause);
  } else if (upstream_ != nullptr) {
    facts_.cluster->stats().inc(pause ? ClusterStat::upstream_flow_control_paused_reading_total
                                      : ClusterStat::upstream_flow_control_resumed_reading_total);
    upstream_->connection().pauseReading(pause);
  }
}

// ---------------------------------------------------------------- ends

/** The client's FIN: passed on, or the last thing that was missing. */
void Session::onEndOfInput() {
  downstream_ended_ = true;
  if (upstream_ == nullptr) return;
  if (!upstream_ended_) return upstream_->connection().finishWriting();
  dropUpstream();
  downstream_.connection.closeAfterFlush();
}

void Session::onUpstreamEndOfInput() {
  upstream_ended_ = true;
  touch();
  if (!downstream_ended_) return downstream_.connection.finishWriting();
  if (upstream_->connection().queued() != 0) return upstream_->closeAfterFlush();
  upstream_->close(CloseCause::kRemote);
  forgetUpstream();
  downstream_.connection.closeAfterFlush();
}

void Session::onUpstreamClosed(CloseCause cause) {
  const bool was_reset = isReset(cause, upstream_->connection());
  forgetUpstream();
  if (!was_reset) return downstream_.connection.closeAfterFlush();
  facts_.flags.add(ResponseFlag::kUpstreamRemoteReset);
  facts_.upstream_close_type = http::CloseType::kRemoteReset;
  downstream_.info.makeEnd().close_type = http::CloseType::kLocalReset;
  downstream_.connection.abort(true);
}

void Session::onClosed(CloseCause cause) {
  if (buffered_ != 0) countBuffered(0);
  if (finished_) return;
  finished_ = true;
  base::ListNode<>::unlink();
  if (isReset(cause, downstream_.connection)) {
    downstream_.info.makeEnd().close_type = http::CloseType::kRemoteReset;
    if (upstream_ != nullptr) upstream_->reset();
    forgetUpstream();
  } else if (cause == CloseCause::kLocal) {
    if (upstream_ != nullptr) upstream_->close();
    forgetUpstream();
  } else {
    dropUpstream();
  }
  idle_timer_.cancel();
  duration_timer_.cancel();
  retry_timer_.cancel();
  log_timer_.cancel();
  countDownstream();
  log(http::AccessLogType::kTcpConnectionEnd);
}

/** A peer that had sent FIN before it broke the connection left in order: the kernel calls that EPIPE. */
bool Session::isReset(CloseCause cause, const net::Connection& connection) {
  return cause == CloseCause::kReset && !connection.sawEndOfInput();
}

void Session::forgetUpstream() {
  upstream_ = nullptr;
  if (bulk_) bulk_->toDownstream().awaitDrain(nullptr);
}

/** What is queued for the upstream still goes out. */
void Session::dropUpstream() {
  TcpUpstream* upstream = upstream_;
  forgetUpstream();
  if (upstream == nullptr) return;
  if (upstream->connection().queued() == 0) return upstream->close();
  if (bulk_) bulk_->toUpstream().awaitDrain(nullptr);
  Flush::begin(*upstream, runtime_.books, bulk_, plan().idle_timeout_ms);
}

/** At once; what is queued either way is lost. */
void Session::closeDownstream(std::string_view reason) {
  downstream_.info.makeEnd().local_close_reason = reason;
  if (facts_.upstream != nullptr) facts_.upstream_local_close_reason = reason;
  downstream_.connection.abort(false);
}

// ---------------------------------------------------------------- time and logs

void Session::onIdle() {
  const auto quiet_ms = static_cast<uint64_t>((loop().now() - active_ns_) / 1'000'000);
  if (quiet_ms < plan().idle_timeout_ms) return idle_timer_.arm(loop().timers(), plan().idle_timeout_ms - quiet_ms);
  // Nothing came; but a slow reader may still be taking what is queued.
  const size_t upstream_queued = upstream_ == nullptr ? 0 : upstream_->connection().queued();
  const uint64_t queued = downstream_.connection.queued() + upstream_queued;
  if (queued != 0 && queued != queued_) {
    queued_ = queued;
    return idle_timer_.arm(loop().timers(), plan().idle_timeout_ms);
  }
  stats().inc(TcpStat::idle_timeout);
  closeDownstream("tcp_session_idle_timeout");
}

void Session::onMaxDuration() {
  facts_.flags.add(ResponseFlag::kDurationTimeout);
  stats().inc(TcpStat::max_downstream_connection_duration);
  closeDownstream("max_connection_duration_reached");
}

void Session::onLogInterval() {
  log(http::AccessLogType::kTcpPeriodic);
  log_timer_.arm(loop().timers(), plan().access_log_flush_interval_ms);
}

void Session::log(http::AccessLogType type) {
  if (runtime_.config.access_logs.empty()) return;
  WorkerContext& worker = runtime_.worker();
  if (!facts_.has_stream_id) http::writeUuid(facts_.stream_id, worker.random_source);
  facts_.has_stream_id = true;
  http::StreamInfo info;
  std::string failure_text;
  facts_.fill(info, failure_text);
  info.downstream = &downstream_.info;
  if (downstream_.info.facts != nullptr) info.dynamic_metadata = &downstream_.info.facts->metadata;
  info.log_type = type;
  if (type == http::AccessLogType::kTcpConnectionEnd) info.at.end = loop().now();
  const http::FormatContext context{
      .info = info, .now_ns = loop().now(), .wall_now_ns = loop().wall(), .random = &worker.random_source};
  for (const auto& logger : runtime_.config.access_logs) logger->log(context, worker.log);
}

}  // namespace nuncio::ext::tcp
