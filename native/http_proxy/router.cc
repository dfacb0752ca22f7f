#include "http_proxy/router.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "http/authority.h"
#include "http_proxy/request_mirrors.h"
#include "http_proxy/reset_text.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/stream_trace.h"
#include "http_proxy/upstream_request.h"
#include "upstream/hash_balancer.h"
#include "upstream/proxy_preamble.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;
using stats::ClusterStat;
using stats::RouterStat;

Router::Router(RoutedStream& stream, const RouterConfig& config, const FilterListRuntime* upstream_filters)
    : stream_(stream), config_(config), upstream_filters_(upstream_filters) {}

Router::~Router() {
  if (attempt_ != nullptr) attempt_->~UpstreamRequest();
  if (attempt_filters_ != nullptr) [[unlikely]] dropFilters();
}

// ---------------------------------------------------------------- the request's head

void Router::onRequestHeaders(http::HeaderMap& headers, bool end_stream) {
  headers_ = &headers;
  const auto& stats = stream_.routerStats();
  stats.inc(RouterStat::rq_total);
  route_ = stream_.route();
  if (route_ == nullptr) {
    stats.inc(RouterStat::no_route);
    return stream_.reply({.status = 404, .body = {}, .details = "route_not_found", .flag = ResponseFlag::kNoRouteFound});
  }
  stream_.info().route_name = route_->name;
  stream_.info().route_metadata_json = route_->metadata_json;
  if (answerDirectly(headers) || !findCluster(headers)) return;
  findVirtualCluster(headers);
  if (!checkStrictHeaders(headers)) return;
  if (headers.has(HeaderId::kXEnvoyUpstreamAltStatName)) {
    alt_stat_name_ = stream_.arena().copy(headers.get(HeaderId::kXEnvoyUpstreamAltStatName));
    headers.remove(HeaderId::kXEnvoyUpstreamAltStatName);
  }
  if (!passesDropAndMaintenance()) return;
  stream_.info().upstream_attempts = ++attempts_;
  upstream::HostRuntime* host = chooseHost();
  computeTimeouts(headers);
  if (host == nullptr) return noHealthyUpstream();
  prepareUpstreamHead(headers);
  choosePool(headers);
  if (!hasPool(*host)) return noHealthyUpstream();
  const routing::RetryPolicy* policy = route_->retryPolicy();
  if (auto state = RetryState::make(policy, headers, *cluster_, pool_key_.priority)) retry_.emplace(std::move(*state));
  const uint64_t connection_limit = stream_.bufferLimit();
  buffer_limit_ = route_->request_body_buffer_limit.value_or(connection_limit);
  head_only_ = end_stream;
  follows_redirects_ = route_->cluster->internal_redirect.has_value();
  startMirrors(headers, end_stream);
  if (end_stream) onRequestEnded();
  attempt_ = stream_.arena().make<UpstreamRequest>(*this, *host);
  if (request_ended_) attempt_->armPerTryTimeout();
  attempt_->start(headers, end_stream);
}

bool Router::answerDirectly(http::HeaderMap& headers) {
  if (route_->kind == routing::RouteKind::kCluster) return false;
  const auto& stats = stream_.routerStats();
  const bool direct = route_->kind == routing::RouteKind::kDirect;
  stats.inc(RouterStat::rq_direct_response);  // a redirect too; Envoy's rq_redirect never moves
  const auto status = static_cast<uint16_t>(route_->status());
  const bool has_location = !direct || status == 201 || (status >= 300 && status < 400);
  const routing::RedirectContext context{stream_.formatContext(), stream_.worker().scratch};
  const std::string_view location =
      has_location ? route_->location(headers, !config_.suppress_envoy_headers, &context) : std::string_view();
  LocalReply reply{.status = status, .body = {}, .details = "direct_response", .location = location, .route_mutations = true};
  if (direct) {
    reply.body = route_->direct->body;
    if (route_->direct->format) reply.format = &*route_->direct->format;
  }
  stream_.reply(reply);
  return true;
}

bool Router::findCluster(http::HeaderMap& headers) {
  const routing::ClusterAction& action = *route_->cluster;
  weighted_ = stream_.weightedCluster();
  upstream::ClusterRuntime* cluster = stream_.findCluster(action, headers);
  pool_key_.priority = action.high_priority ? upstream::Priority::kHigh : upstream::Priority::kDefault;
  if (cluster == nullptr) {
    stream_.routerStats().inc(RouterStat::no_cluster);
    stream_.reply({.status = static_cast<uint16_t>(action.not_found_code),
                   .body = {},
                   .details = "cluster_not_found",
                   .flag = ResponseFlag::kNoClusterFound,
                   .route_mutations = true});
    return false;
  }
  cluster_ = upstream::ClusterRef(cluster);
  return true;
}

void Router::findVirtualCluster(http::HeaderMap& headers) {
  const routing::VirtualHost& host = *route_->virtual_host;
  const routing::VirtualCluster* found = host.virtual_clusters.empty() ? nullptr : host.virtualCluster(headers);
  if (found != nullptr) stream_.info().virtual_cluster_name = found->name;
  const RouteStats* stats = stream_.routeStats();
  if (stats == nullptr) return;
  request_scopes_[0] = stats->of(host, found);
  request_scopes_[1] = stats->of(*route_);
}

bool Router::checkStrictHeaders(http::HeaderMap& headers) {
  for (const std::string& name : config_.strict_headers) {
    const http::Header* header = headers.find(name);
    if (header == nullptr || strictValueIsValid(name, header->value)) continue;
    auto& arena = stream_.arena();
    stream_.reply({.status = 400,
                   .body = arena.concat("invalid header '", name, "' with value '", header->value, "'"),
                   .details = arena.concat("request_headers_failed_strict_check{", name, "}"),
                   .flag = ResponseFlag::kInvalidEnvoyRequestHeaders});
    return false;
  }
  return true;
}

bool Router::passesDropAndMaintenance() {
  auto& worker = stream_.worker();
  if (worker.runtime != nullptr) {
    const std::string_view key = stream_.arena().concat("upstream.maintenance_mode.", cluster_->plan().name);
    if (worker.random_source.below(100) < worker.runtimeInteger(key, 0)) {
      cluster_->stats().inc(ClusterStat::upstream_rq_maintenance_mode);
      chargeCode(503, nullptr);
      stream_.reply({.status = 503,
                     .body = "maintenance mode",
                     .details = "maintenance_mode",
                     .flag = ResponseFlag::kUpstreamOverflow,
                     .route_mutations = true,
                     .extra = config_.suppress_envoy_headers ? HeaderId::kUnknown : HeaderId::kXEnvoyOverloaded});
      return false;
    }
  }
  const upstream::EndpointsPart* endpoints = cluster_->endpoints();
  if (endpoints == nullptr || endpoints->drop_ppm == 0) return true;
  if (worker.random_source.below(1'000'000) >= endpoints->drop_ppm) return true;
  const bool always = endpoints->drop_ppm >= 1'000'000;
  chargeCode(503, nullptr);
  auto& told = *stream_.arena().make<http::HeaderMap>(stream_.arena());
  told.add(always ? "x-envoy-unconditional-drop-overload" : "x-envoy-drop-overload", "true");
  stream_.reply({.status = 503,
                 .body = always ? "unconditional drop overload" : "drop overload",
                 .details = always ? "unconditional_drop_overload" : "drop_overload",
                 .flag = always ? ResponseFlag::kUnconditionalDropOverload : ResponseFlag::kDropOverload,
                 .route_mutations = true,
                 .headers = told.entries()});
  return false;
}

std::optional<uint64_t> Router::requestHash() {
  if (hash_known_) return hash_;
  hash_known_ = true;
  if (const HostWishes* wishes = stream_.hostWishes(); wishes != nullptr && wishes->hash) return hash_ = wishes->hash;
  const routing::HashPolicies& policies = route_->hashPolicies();
  if (policies.empty()) return hash_;
  const http::StreamInfo& info = stream_.info();
  const net::Address& client = info.remote;
  hash_ = policies.hash({.headers = *headers_,
                         .source_ip = client.isIp() ? client.ipText() : std::string_view(),
                         .filter_state = info.filter_state,
                         .connection_state = info.downstream->facts == nullptr ? nullptr : &info.downstream->facts->filter_state,
                         .made_up_cookie = stream_.arena().concat(info.downstream->remote.text(), info.downstream->local.text()),
                         .new_cookie = &new_cookie_});
  return hash_;
}

/** What the route wants of hosts, and over it what filters left in the metadata "envoy.lb". False: nothing. */
bool Router::subsetCriteria(routing::SubsetCriteria& out) {
  const HostWishes* wishes = stream_.hostWishes();
  const routing::OwnedSubsetCriteria* own =
      (weighted_ != nullptr ? weighted_->metadata_match : route_->cluster->metadata_match).get();
  if (wishes != nullptr && wishes->metadata_match != nullptr) own = wishes->metadata_match;
  if (own != nullptr) out = own->view();
  const http::DynamicMetadata* written = stream_.info().dynamic_metadata;
  const http::MetadataValue* added = written == nullptr ? nullptr : written->find("envoy.lb");
  if (added != nullptr) out = routing::mergeCriteria(out, *added, stream_.arena(), stream_.worker().scratch);
  return own != nullptr || added != nullptr;
}

/** Those that the request names, without those that were tried; null: it names none. */
std::string_view* Router::wantedHosts(const plan::OverrideHost& config) {
  if (!wanted_hosts_known_) {
    wanted_hosts_known_ = true;
    for (const plan::OverrideHostSource& source : config.sources) {
      if (!source.header.empty()) {
        wanted_hosts_ = headers_->get(std::string_view(source.header));
      } else if (const http::DynamicMetadata* metadata = stream_.info().dynamic_metadata) {
        const http::MetadataValue* found = metadata->find(source.metadata_path);
        if (found != nullptr && found->kind == http::MetadataValue::Kind::kString) wanted_hosts_ = found->text;
      }
      if (!wanted_hosts_.empty()) break;
    }
  }
  return wanted_hosts_.empty() ? nullptr : &wanted_hosts_;
}

upstream::HostRuntime* Router::chooseHost() {
  upstream::PickContext context;
  const plan::Cluster& plan = cluster_->plan();
  if (upstream::hashes(plan)) context.hash = requestHash();
  routing::SubsetCriteria criteria;
  if (plan.subset && subsetCriteria(criteria)) [[unlikely]] context.criteria = &criteria;
  const routing::RetryPolicy* policy = retry_ ? retry_->policy() : nullptr;
  const bool avoids = policy != nullptr && (policy->avoid_previous_hosts || policy->omit_canary_hosts) && !tried_.empty();
  const auto unwanted = [&](const upstream::HostRuntime& host) {
    if (policy->omit_canary_hosts && host.member().canary) return true;
    return policy->avoid_previous_hosts && std::find(tried_.begin(), tried_.end(), &host.host()) != tried_.end();
  };
  const base::FunctionRef<bool(const upstream::HostRuntime&)> avoid(unwanted);
  if (avoids) {
    context.avoid = &avoid;
    context.attempts = policy->host_selection_attempts;
  }
  std::optional<net::Address> destination;
  if (const auto& original = cluster_->plan().original_dst; original) [[unlikely]] {
    bool broken = false;
    const http::StreamInfo& info = stream_.info();
    destination = upstream::findDestination(*original, {headers_, info.dynamic_metadata, info.downstream}, broken);
    if (broken) cluster_->stats().inc(ClusterStat::original_dst_host_invalid);
    if (destination) context.destination = &*destination;
  }
  if (plan.override_host) [[unlikely]] context.wanted = wantedHosts(*plan.override_host);
  upstream::HostRuntime* host = cluster_->choose(context);
  if (host == nullptr) cluster_->stats().inc(ClusterStat::upstream_cx_none_healthy);
  return host;
}

/** False: the host would need one connection pool more than the cluster may have. */
bool Router::hasPool(upstream::HostRuntime& host) {
  if (endsConnect() || host.mayUsePool(*cluster_, pool_key_, transport_)) return true;
  cluster_->stats().inc(ClusterStat::upstream_cx_pool_overflow);
  return false;
}

void Router::noteHost(const upstream::HostRuntime& host) {
  http::StreamInfo& info = stream_.info();
  info.upstream_host = &host.address();
  info.upstream_host_name = host.host().hostname;
  info.upstream_metadata_json = host.member().metadata_json;
  const routing::RetryPolicy* policy = route_->retryPolicy();
  if (policy != nullptr && (policy->avoid_previous_hosts || policy->omit_canary_hosts)) tried_.push_back(&host.host());
}

void Router::prepareUpstreamHead(http::HeaderMap& headers) {
  const routing::VirtualHost* host = route_->virtual_host;
  if (host != nullptr && host->include_attempt_count) headers.set(HeaderId::kXEnvoyAttemptCount, "1");
  route_->prepareRequest(headers, weighted_, stream_.formatContext(), stream_.worker().scratch, !config_.suppress_envoy_headers);
}

void Router::startMirrors(http::HeaderMap& headers, bool end_stream) {
  const std::vector<routing::MirrorPolicy>& own = cluster_->part().mirrors;
  const std::vector<routing::MirrorPolicy>& policies = own.empty() ? route_->mirrors() : own;
  if (policies.empty()) [[likely]] return;
  mirrors_ = RequestMirrors::start(stream_, config_, policies, headers, end_stream, timeouts_.global_ms, buffer_limit_);
}

void Router::choosePool(const http::HeaderMap& headers) {
  using Protocol = plan::Cluster::Protocol;
  const plan::Cluster& plan = cluster_->plan();
  switch (plan.protocol) {
    case Protocol::HTTP2: pool_key_.wire = upstream::Wire::kHttp2; break;
    case Protocol::AUTO: pool_key_.wire = upstream::Wire::kByAlpn; break;
    case Protocol::DOWNSTREAM:
      if (stream_.info().protocol == http::Protocol::kHttp2) pool_key_.wire = upstream::Wire::kHttp2;
      break;
    case Protocol::HTTP1:
    case Protocol::HTTP3: break;
  }
  if (plan.auto_sni || plan.auto_san_validation) nameTransport(headers);
  if (cluster_->part().proxy_protocol) {
    upstream::addProxyPreamble(*cluster_, *stream_.info().downstream, stream_.arena(), transport_);
    pool_key_.transport = transport_.hash() | 1;
  }
}

bool Router::endsConnect() const {
  const routing::UpgradeRule* rule =
      route_->cluster->upgrades.empty() ? nullptr : routing::findUpgrade(route_->cluster->upgrades, "connect");
  if (rule == nullptr || !rule->connect) return false;
  return stream_.isConnect() || (rule->connect_allow_post && headers_->get(HeaderId::kMethod) == "POST");
}

bool Router::spawnsSpans() const { return config_.start_child_span || stream_.trace()->config.spawns_upstream_span; }

/** auto_sni, auto_san_validation: the upstream is asked for, and must prove to be, who the request is for. */
void Router::nameTransport(const http::HeaderMap& headers) {
  const plan::Cluster& plan = cluster_->plan();
  auto& arena = stream_.arena();
  std::string_view host;
  if (!plan.override_auto_sni_header.empty()) host = headers.get(plan.override_auto_sni_header);
  if (host.empty()) host = headers.get(HeaderId::kAuthority);
  const size_t port = http::portStart(host);
  const std::string_view name = arena.copy(host.substr(0, port));
  net::Address ip;
  const bool is_ip = net::Address::parseIp(name.starts_with('[') ? name.substr(1, name.size() - 2) : name, 0, ip);
  if (plan.auto_sni && !is_ip) transport_.sni = name;
  if (plan.auto_san_validation) transport_.verify_sans = {arena.make<std::string_view>(name), 1};
  pool_key_.transport = transport_.empty() ? 0 : transport_.hash() | 1;
}

void Router::onUpstreamConnected(UpstreamRequest& attempt) {
  countRequest(stats::VirtualClusterStat::upstream_rq_total);
  if (!route_->cluster->auto_host || attempt.host().host().hostname.empty()) return;
  const std::string& hostname = attempt.host().host().hostname;
  http::HeaderMap& headers = *headers_;
  if (headers.get(HeaderId::kAuthority) == hostname) return;
  http::updateAuthority(headers, hostname, route_->cluster->append_x_forwarded_host, !config_.suppress_envoy_headers);
}

// ---------------------------------------------------------------- the request's body

void Router::onRequestData(std::string_view data, bool end_stream) {
  if (abandoned_ || cluster_.get() == nullptr) return;
  if (mirrors_ != nullptr) [[unlikely]] mirrors_->sendData(data, end_stream);
  if ((retry_ && retry_->enabled()) || follows_redirects_) bufferForRetry(data);
  if (abandoned_) return;
  if (end_stream) onRequestEnded();
  if (attempt_ != nullptr) attempt_->sendData(data, end_stream);
}

void Router::bufferForRetry(std::string_view data) {
  const size_t have = body_ ? body_->size() : 0;
  if (have + data.size() <= buffer_limit_) {
    if (!body_) body_.emplace(stream_.worker().services.io.blocks());
    body_->append(data);
    return;
  }
  cluster_->stats().inc(ClusterStat::retry_or_shadow_abandoned);
  retry_.reset();
  body_.reset();
  follows_redirects_ = false;
  if (attempt_ != nullptr) return;
  abandoned_ = true;  // the first attempt failed, and what it got is gone
  backoff_timer_.cancel();
  stream_.reply({.status = 507,
                 .body = "exceeded request buffer limit while retrying upstream",
                 .details = "request_payload_exceeded_retry_buffer_limit",
                 .route_mutations = true});
}

void Router::onRequestTrailers(http::HeaderMap& trailers) {
  if (abandoned_ || cluster_.get() == nullptr) return;
  trailers_ = &trailers;
  if (mirrors_ != nullptr) mirrors_->sendTrailers(trailers);
  onRequestEnded();
  if (attempt_ != nullptr) attempt_->sendTrailers(trailers);
}

void Router::onRequestMetadata(std::string_view block) {
  if (abandoned_) return;
  if (attempt_ != nullptr && attempt_->writesMetadata()) return attempt_->sendMetadata(block);
  if (kept_metadata_size_ + block.size() > kMostKeptMetadata) return;
  kept_metadata_size_ += block.size();
  auto& arena = stream_.arena();
  KeptMetadata** last = &kept_metadata_;
  while (*last != nullptr) last = &(*last)->next;
  *last = arena.make<KeptMetadata>(KeptMetadata{arena.copy(block), nullptr});
}

void Router::sendKeptMetadata(UpstreamRequest& attempt) {
  for (; kept_metadata_ != nullptr; kept_metadata_ = kept_metadata_->next) attempt.sendMetadata(kept_metadata_->block);
}

void Router::onRequestEnded() {
  if (request_ended_) return;
  request_ended_ = true;
  request_end_ns_ = stream_.worker().services.loop.now();
  if (attempt_ != nullptr) attempt_->armPerTryTimeout();
  if (timeouts_.global_ms != 0 && !stream_.isUpgrade()) {
    global_timer_.arm(stream_.worker().services.loop.timers(), timeouts_.global_ms);
  }
}

// ---------------------------------------------------------------- the answer

void Router::onUpstream1xx(http::HeaderMap& headers) {
  if (response_started_) return;
  // Whether it is passed on or not: the upstream has begun to answer, there is no other attempt.
  chargeCode(static_cast<uint32_t>(base::parseDecimal(headers.get(HeaderId::kStatus)).value_or(0)), &attempt_->host());
  retry_.reset();
  if (!follows_redirects_) body_.reset();
  stream_.encode1xx(headers);
  response_started_ = true;
}

void Router::onUpstreamHeaders(http::HeaderMap& headers, bool end_stream) {
  const auto status = static_cast<uint32_t>(base::parseDecimal(headers.get(HeaderId::kStatus)).value_or(0));
  const int64_t now = stream_.worker().services.loop.now();
  if (cluster_->judgesHosts()) [[unlikely]] judgeAnswer(headers, status);
  if (retry_ && retryAfterHeaders(headers, status, end_stream)) return;
  if (route_->cluster->internal_redirect && followRedirect(headers, status, end_stream)) return;
  if (!config_.suppress_envoy_headers && request_end_ns_ != 0 && !attempt_->handshakeFailed()) {
    const auto took_ms = static_cast<uint64_t>(now - request_end_ns_) / 1'000'000;
    headers.set(HeaderId::kXEnvoyUpstreamServiceTime, stream_.arena().decimal(took_ms));
  }
  response_started_ = true;
  response_canary_ = headers.get(HeaderId::kXEnvoyUpstreamCanary) == "true" || attempt_->host().member().canary;
  stream_.info().response_code = static_cast<uint16_t>(status);
  stream_.info().response_code_details = attempt_->handshakeFailed() ? "websocket_handshake_unsuccessful" : "via_upstream";
  stream_.noteResponseHeaders(headers);
  if (new_cookie_) headers.add(HeaderId::kSetCookie, new_cookie_->header);
  decorateResponse(headers);
  if (stream_.isUpgrade() && (status == 101 || (stream_.isConnect() && status == 200))) {
    stream_.markUpgradeAccepted();
    global_timer_.cancel();
  }
  if (!attempt_->handshakeFailed()) {
    chargeCode(status, nullptr, response_canary_);
    chargeOutcome(headers, status, end_stream);
  }
  if (end_stream) finishUpstream();
  stream_.answerHeaders(headers, end_stream);
}

void Router::decorateResponse(http::HeaderMap& headers) {
  route_->prepareResponse(headers, weighted_, stream_.formatContext(), stream_.worker().scratch);
  const routing::VirtualHost* host = route_->virtual_host;
  if (attempts_ == 0 || host == nullptr || !host->include_attempt_count_in_response) return;
  headers.set(HeaderId::kXEnvoyAttemptCount, stream_.arena().decimal(attempts_));
}

bool Router::retryAfterHeaders(http::HeaderMap& headers, uint32_t status, bool end_stream) {
  switch (noted(retry_->afterHeaders(headers, status))) {
    case RetryVerdict::kNo: return false;
    case RetryVerdict::kLimitExceeded: stream_.replyFlag(ResponseFlag::kUpstreamRetryLimitExceeded); return false;
    case RetryVerdict::kOverflow: stream_.replyFlag(ResponseFlag::kUpstreamOverflow); return false;
    case RetryVerdict::kYes: break;
  }
  cluster_->responses(upstream::ResponseGroup::kRetry).response(status);
  auto& counters = attempt_->host().counters();
  (status >= 500 ? counters.rq_error : counters.rq_success).add();
  if (!end_stream) attempt_->reset(ResetReason::kLocalReset);
  retry();
  return true;
}

void Router::onUpstreamData(std::string_view data, bool end_stream) {
  if (end_stream) {
    closeGrpcOutcome(false);  // no grpc-status came
    finishUpstream();
  }
  stream_.answerData(data, end_stream);
}

void Router::onUpstreamTrailers(http::HeaderMap& trailers) {
  closeGrpcOutcome(grpcSucceeded(trailers));
  finishUpstream();
  stream_.answerTrailers(trailers);
}

void Router::finishUpstream() {
  global_timer_.cancel();
  const bool timed = config_.dynamic_stats && !stream_.info().health_check;
  if (timed && request_end_ns_ != 0) chargeTime(request_end_ns_, response_canary_);
}

void Router::abandon(ResetReason reason) {
  abandoned_ = true;
  global_timer_.cancel();
  backoff_timer_.cancel();
  if (mirrors_ != nullptr) mirrors_->abandon();
  if (attempt_ != nullptr) attempt_->reset(reason);
}

void Router::noteBytes() {
  if (attempt_ != nullptr) attempt_->noteBytes();
}

// ---------------------------------------------------------------- flow control

void Router::onDownstreamAboveHighWatermark() {
  if (std::exchange(downstream_blocked_, true)) return;
  if (cluster_) cluster_->stats().inc(ClusterStat::upstream_flow_control_paused_reading_total);
  if (attempt_ != nullptr) attempt_->pauseReading(true);
}

void Router::onDownstreamBelowLowWatermark() {
  if (!std::exchange(downstream_blocked_, false)) return;
  if (cluster_) cluster_->stats().inc(ClusterStat::upstream_flow_control_resumed_reading_total);
  if (attempt_ != nullptr) attempt_->pauseReading(false);
}

}  // namespace nuncio::http_proxy
