// How long the router waits: for the answer as a whole, for one attempt, and what the upstream is told of it.
#include "http_proxy/router.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/grpc_timeout.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;
using stats::ClusterStat;

namespace {

/** A route with max_stream_duration has no timeout for the answer. */
bool usesDurations(const routing::ClusterAction& action) {
  return action.max_stream_duration_ms || action.grpc_timeout_header_max_ms || action.grpc_timeout_header_offset_ms;
}

/** How long the answer may take at most, before the request's own wishes; 0: for ever. */
uint32_t globalTimeout(const routing::ClusterAction& action, const http::HeaderMap& headers, bool grpc) {
  if (usesDurations(action)) return 0;
  if (!grpc || !action.max_grpc_timeout_ms) return action.timeout_ms;
  uint64_t timeout = http::grpcTimeoutMs(headers.get(HeaderId::kGrpcTimeout)).value_or(0);
  if (const uint32_t offset = action.grpc_timeout_offset_ms.value_or(0); offset < timeout) timeout -= offset;
  const uint32_t most = *action.max_grpc_timeout_ms;
  if (most != 0 && (timeout == 0 || timeout > most)) timeout = most;
  return static_cast<uint32_t>(std::min<uint64_t>(timeout, UINT32_MAX));
}

}  // namespace

void Router::computeTimeouts(http::HeaderMap& headers) {
  const routing::ClusterAction& action = *route_->cluster;
  timeouts_.global_ms = globalTimeout(action, headers, stream_.grpcRequest());
  if (const routing::RetryPolicy* policy = route_->retryPolicy()) {
    timeouts_.per_try_ms = policy->per_try_timeout_ms;
    timeouts_.per_try_idle_ms = policy->per_try_idle_timeout_ms;
  }
  const auto take = [&](HeaderId id, uint32_t& out) {
    if (const auto ms = base::parseDecimal<uint32_t>(headers.get(id))) out = *ms;
    headers.remove(id);
  };
  if (config_.respect_expected_rq_timeout && headers.has(HeaderId::kXEnvoyExpectedRqTimeoutMs)) {
    if (const auto ms = base::parseDecimal<uint32_t>(headers.get(HeaderId::kXEnvoyExpectedRqTimeoutMs))) timeouts_.global_ms = *ms;
    headers.remove(HeaderId::kXEnvoyUpstreamRqTimeoutMs);
  } else {
    take(HeaderId::kXEnvoyUpstreamRqTimeoutMs, timeouts_.global_ms);
  }
  take(HeaderId::kXEnvoyUpstreamRqPerTryTimeoutMs, timeouts_.per_try_ms);
  if (headers.has(HeaderId::kXEnvoyUpstreamStreamDurationMs)) {
    asked_duration_ms_ = base::parseDecimal<uint32_t>(headers.get(HeaderId::kXEnvoyUpstreamStreamDurationMs));
    headers.remove(HeaderId::kXEnvoyUpstreamStreamDurationMs);
  }
  if (headers.has(HeaderId::kXEnvoyUpstreamRqTimeoutAltResponse)) {
    timeout_status_ = 204;
    headers.remove(HeaderId::kXEnvoyUpstreamRqTimeoutAltResponse);
  }
  if (timeouts_.per_try_ms >= timeouts_.global_ms && timeouts_.global_ms != 0) timeouts_.per_try_ms = 0;
  setExpectedTimeout(headers, 0);
}

void Router::setExpectedTimeout(http::HeaderMap& headers, int64_t elapsed_ms) {
  uint64_t expected = timeouts_.global_ms;
  if (expected != 0) expected = elapsed_ms >= static_cast<int64_t>(expected) ? 1 : expected - static_cast<uint64_t>(elapsed_ms);
  if (timeouts_.per_try_ms != 0 && (expected == 0 || timeouts_.per_try_ms < expected)) expected = timeouts_.per_try_ms;
  if (expected == 0) return;
  auto& arena = stream_.arena();
  if (!config_.suppress_envoy_headers) headers.set(HeaderId::kXEnvoyExpectedRqTimeoutMs, arena.decimal(expected));
  const routing::ClusterAction& action = *route_->cluster;
  if (stream_.grpcRequest() && !usesDurations(action) && action.max_grpc_timeout_ms) {
    headers.set(HeaderId::kGrpcTimeout, http::grpcTimeoutText(arena, expected));
  }
}

void Router::onPerTryTimeout(bool idle) {
  auto& stats = cluster_->stats();
  stats.inc(idle ? ClusterStat::upstream_rq_per_try_idle_timeout : ClusterStat::upstream_rq_per_try_timeout);
  if (upstream::HostRuntime* host = attempt_->knownHost()) host->counters().rq_timeout.add();
  judgeFailure(timeout_status_);
  attempt_->reset(ResetReason::kLocalReset);
  if (retriesAfterReset(ResetReason::kLocalReset, true)) {
    retry();
    retry_is_timeout_ = true;
    return;
  }
  chargeFailure(timeout_status_);
  giveUp(timeout_status_, timeout_status_ == 204 ? "" : "upstream request timeout",
         idle ? "upstream_per_try_idle_timeout" : "upstream_per_try_timeout", ResponseFlag::kUpstreamRequestTimeout, false);
}

void Router::onUpstreamMaxDuration() {
  cluster_->stats().inc(ClusterStat::upstream_rq_max_duration_reached);
  attempt_->reset(ResetReason::kLocalReset);
  if (retriesAfterReset(ResetReason::kLocalReset, true)) return retry();
  chargeFailure(request_ended_ ? 504 : 408);
  giveUp(request_ended_ ? 504 : 408, "upstream max stream duration reached", "upstream_max_stream_duration_reached",
         ResponseFlag::kUpstreamMaxStreamDurationReached, false);
}

void Router::onGlobalTimeout() {
  cluster_->stats().inc(ClusterStat::upstream_rq_timeout);
  countRequest(stats::VirtualClusterStat::upstream_rq_timeout);
  backoff_timer_.cancel();
  if (attempt_ != nullptr) {
    if (upstream::HostRuntime* host = attempt_->knownHost()) host->counters().rq_timeout.add();
    if (!response_started_) {
      judgeFailure(timeout_status_);
      chargeFailure(timeout_status_);
    }
    attempt_->reset(ResetReason::kLocalReset);
  }
  giveUp(timeout_status_, timeout_status_ == 204 ? "" : "upstream request timeout", "response_timeout",
         ResponseFlag::kUpstreamRequestTimeout, false);
}

}  // namespace nuncio::http_proxy
