// What the router counts and logs of its attempts.
#include "http_proxy/router.h"

#include <utility>

#include "http/grpc_status.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/upstream_request.h"
#include "upstream/host_judgement.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using stats::RouterStat;

void Router::countRequest(stats::VirtualClusterStat stat) {
  for (const auto& scope : request_scopes_) {
    if (scope) scope.inc(stat);
  }
}

void Router::logAttempt(const UpstreamRequest& attempt) {
  if (config_.upstream_logs.empty()) return;
  http::FormatContext stream = stream_.formatContext();
  http::StreamInfo info = stream.info;  // most of it is shared; the outcome is the attempt's own
  info.log_type = http::AccessLogType::kUpstreamEnd;
  info.at.end = stream.now_ns;
  info.response_code = attempt.status();
  info.response_code_details = {};
  info.flags.clear();
  if (attempt.flag()) info.flags.add(*attempt.flag());
  const http::FormatContext context{.request = stream.request,
                                    .response = attempt.response(),
                                    .info = info,
                                    .now_ns = stream.now_ns,
                                    .wall_now_ns = stream.wall_now_ns,
                                    .random = stream.random};
  for (const auto& logger : config_.upstream_logs) logger->log(context, stream_.worker().log);
}

/** For outlier detection, and health checks that an answer can fail: each answer counts, one that is made again too. */
void Router::judgeAnswer(http::HeaderMap& headers, uint32_t status) {
  upstream::HostRuntime& host = attempt_->host();
  const bool is_grpc = stream_.grpcRequest() && headers.has(HeaderId::kGrpcStatus);
  upstream::noteStatus(*cluster_, host, is_grpc ? http::httpStatusOf(headers.get(HeaderId::kGrpcStatus)) : status);
  if (headers.has(HeaderId::kXEnvoyImmediateHealthCheckFail)) upstream::noteImmediateFailure(*cluster_, host);
}

/** An attempt that ended on our side. */
void Router::judgeFailure(uint32_t status) {
  upstream::HostRuntime* host = attempt_ == nullptr ? nullptr : attempt_->knownHost();
  if (host != nullptr) upstream::noteUnreached(*cluster_, *host, status);
}

/** What the answer says of its host; of a gRPC answer its grpc-status does. */
void Router::chargeOutcome(http::HeaderMap& headers, uint32_t status, bool end_stream) {
  auto& counters = attempt_->host().counters();
  if (status >= 500) return counters.rq_error.add();
  if (!stream_.grpcRequest()) return counters.rq_success.add();
  grpc_outcome_open_ = true;
  if (end_stream) closeGrpcOutcome(grpcSucceeded(headers));
}

/** A status that would be no server's error over HTTP. */
bool Router::grpcSucceeded(const http::HeaderMap& fields) {
  return fields.has(HeaderId::kGrpcStatus) && http::httpStatusOf(fields.get(HeaderId::kGrpcStatus)) < 500;
}

void Router::closeGrpcOutcome(bool success) {
  if (!std::exchange(grpc_outcome_open_, false)) return;
  auto& counters = attempt_->host().counters();
  (success ? counters.rq_success : counters.rq_error).add();
}

/** An attempt that came to nothing. */
void Router::chargeFailure(uint16_t status) {
  if (!response_started_) {
    upstream::HostRuntime* host = attempt_->knownHost();
    chargeCode(status, host);
    if (host != nullptr && status < 500) host->counters().rq_error.add();  // x-envoy-upstream-rq-timeout-alt-response
  } else if (grpc_outcome_open_) {
    closeGrpcOutcome(false);
    stream_.routerStats().inc(RouterStat::rq_reset_after_downstream_response_started);
  }
}

void Router::chargeCode(uint32_t status, upstream::HostRuntime* host, bool canary) {
  if (host != nullptr) (status >= 500 ? host->counters().rq_error : host->counters().rq_success).add();
  if (!config_.dynamic_stats || stream_.info().health_check) return;
  cluster_->stats().response(status);
  const bool internal = stream_.internalRequest();
  cluster_->responses(internal ? upstream::ResponseGroup::kInternal : upstream::ResponseGroup::kExternal).response(status);
  if (canary) cluster_->responses(upstream::ResponseGroup::kCanary).response(status);
  if (!alt_stat_name_.empty()) chargeAlternative(status, internal, canary);
  for (const auto& scope : request_scopes_) {
    if (scope) scope.response(status);
  }
}

/** The same under the name an internal client asked for. Rare: the scopes are looked up each time. */
void Router::chargeAlternative(uint32_t status, bool internal, bool canary) {
  auto& stats = stream_.worker().stats;
  const auto charge = [&](std::string_view group) {
    auto scope = stats.scope<stats::Responses>(stream_.arena().concat(cluster_->part().stat_prefix, alt_stat_name_, group));
    scope.response(status);
    stats.release(scope);
  };
  charge("");
  charge(internal ? ".internal" : ".external");
  if (canary) charge(".canary");
}

void Router::chargeTime(int64_t began_ns, bool canary) {
  const auto ms = static_cast<uint64_t>((stream_.worker().services.loop.now() - began_ns) / 1'000'000);
  cluster_->stats().record(stats::ClusterHistogram::upstream_rq_time, ms);
  const bool internal = stream_.internalRequest();
  const auto group = internal ? upstream::ResponseGroup::kInternal : upstream::ResponseGroup::kExternal;
  cluster_->responses(group).record(stats::ResponsesHistogram::upstream_rq_time, ms);
  if (canary) cluster_->responses(upstream::ResponseGroup::kCanary).record(stats::ResponsesHistogram::upstream_rq_time, ms);
  for (const auto& scope : request_scopes_) {
    if (scope) scope.record(stats::VirtualClusterHistogram::upstream_rq_time, ms);
  }
}

}  // namespace nuncio::http_proxy
