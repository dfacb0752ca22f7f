#include "http_proxy/retry_state.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;
using routing::RetryOn;
using stats::ClusterStat;

namespace {

constexpr uint32_t kDefaultBaseMs = 25;
constexpr uint32_t kGrpcBits = routing::kRetryOnGrpcCancelled | routing::kRetryOnGrpcDeadlineExceeded |
                               routing::kRetryOnGrpcInternal | routing::kRetryOnGrpcResourceExhausted |
                               routing::kRetryOnGrpcUnavailable;

bool gatewayError(uint32_t status) { return status >= 502 && status <= 504; }

uint32_t grpcBit(uint64_t grpc_status) {
  switch (grpc_status) {
    case 1: return routing::kRetryOnGrpcCancelled;
    case 4: return routing::kRetryOnGrpcDeadlineExceeded;
    case 8: return routing::kRetryOnGrpcResourceExhausted;
    case 13: return routing::kRetryOnGrpcInternal;
    case 14: return routing::kRetryOnGrpcUnavailable;
    default: return 0;
  }
}

constexpr http::HeaderIdSet kRetryHeaders = {
    HeaderId::kXEnvoyRetryOn,              HeaderId::kXEnvoyRetryGrpcOn,         HeaderId::kXEnvoyMaxRetries,
    HeaderId::kXEnvoyHedgeOnPerTryTimeout, HeaderId::kXEnvoyRetriableHeaderNames, HeaderId::kXEnvoyRetriableStatusCodes,
};

}  // namespace

std::optional<RetryState> RetryState::make(const routing::RetryPolicy* policy, http::HeaderMap& headers,
                                           upstream::ClusterRuntime& cluster, upstream::Priority priority) {
  const bool asked = headers.has(HeaderId::kXEnvoyRetryOn) || headers.has(HeaderId::kXEnvoyRetryGrpcOn);
  if (!asked && (policy == nullptr || policy->retry_on == 0)) {
    headers.remove(kRetryHeaders);
    return std::nullopt;
  }
  RetryState state(policy, cluster, priority);
  if (policy != nullptr) {
    state.retry_on_ = policy->retry_on;
    state.left_ = policy->num_retries;
  } else {
    state.left_ = 1;
  }
  state.readHeaders(headers);
  headers.remove(kRetryHeaders);
  return state;
}

RetryState::RetryState(RetryState&& other) noexcept
    : policy_(other.policy_),
      cluster_(other.cluster_),
      priority_(other.priority_),
      retry_on_(other.retry_on_),
      left_(other.left_),
      backoff_round_(other.backoff_round_),
      reset_after_ms_(other.reset_after_ms_),
      holds_breaker_(std::exchange(other.holds_breaker_, false)),
      retried_(other.retried_),
      extra_codes_(std::move(other.extra_codes_)),
      extra_headers_(std::move(other.extra_headers_)) {}

void RetryState::readHeaders(http::HeaderMap& headers) {
  if (headers.has(HeaderId::kXEnvoyRetryOn)) retry_on_ |= routing::parseRetryOn(headers.get(HeaderId::kXEnvoyRetryOn)).bits;
  if (headers.has(HeaderId::kXEnvoyRetryGrpcOn)) {
    retry_on_ |= routing::parseRetryGrpcOn(headers.get(HeaderId::kXEnvoyRetryGrpcOn)).bits;
  }
  if (policy_ != nullptr && !policy_->retriable_request_headers.empty()) {
    const auto& wanted = policy_->retriable_request_headers;
    const bool any = std::any_of(wanted.begin(), wanted.end(), [&](const auto& matcher) { return matcher.matchesHeader(headers); });
    if (!any) retry_on_ = 0;
  }
  if (retry_on_ == 0) return;
  if (const auto max = base::parseDecimal<uint32_t>(headers.get(HeaderId::kXEnvoyMaxRetries))) left_ = *max;
  base::forEachToken(headers.get(HeaderId::kXEnvoyRetriableStatusCodes), [&](std::string_view code) {
    if (const auto number = base::parseDecimal<uint32_t>(code)) extra_codes_.push_back(*number);
    return true;
  });
  base::forEachToken(headers.get(HeaderId::kXEnvoyRetriableHeaderNames), [&](std::string_view name) {
    extra_headers_.push_back(headers.arena().copy(name));
    return true;
  });
}

bool RetryState::wantsAfterHeaders(http::HeaderMap& response, uint32_t status) const {
  if (response.has(HeaderId::kXEnvoyRateLimited)) return (retry_on_ & routing::kRetryOnEnvoyRateLimited) != 0;
  if ((retry_on_ & routing::kRetryOn5xx) != 0 && status >= 500 && status < 600) return true;
  if ((retry_on_ & routing::kRetryOnGatewayError) != 0 && gatewayError(status)) return true;
  if ((retry_on_ & routing::kRetryOnRetriable4xx) != 0 && status == 409) return true;
  if ((retry_on_ & routing::kRetryOnRetriableStatusCodes) != 0) {
    if (policy_ != nullptr && policy_->retriableStatus(status)) return true;
    if (std::find(extra_codes_.begin(), extra_codes_.end(), status) != extra_codes_.end()) return true;
  }
  if ((retry_on_ & routing::kRetryOnRetriableHeaders) != 0) {
    if (policy_ != nullptr) {
      for (const auto& matcher : policy_->retriable_headers) {
        if (matcher.matchesHeader(response)) return true;
      }
    }
    for (const std::string_view name : extra_headers_) {
      if (response.find(name) != nullptr) return true;
    }
  }
  if ((retry_on_ & kGrpcBits) == 0) return false;
  const auto grpc = base::parseDecimal(response.get(HeaderId::kGrpcStatus));
  return grpc && (retry_on_ & grpcBit(*grpc)) != 0;
}

bool RetryState::wantsAfterReset(ResetReason reason, bool request_started) const {
  if (reason == ResetReason::kOverflow) return false;
  if ((retry_on_ & (routing::kRetryOnReset | routing::kRetryOn5xx | routing::kRetryOnGatewayError)) != 0) return true;
  if ((retry_on_ & routing::kRetryOnResetBeforeRequest) != 0 && !request_started) return true;
  if ((retry_on_ & routing::kRetryOnRefusedStream) != 0 && reason == ResetReason::kRemoteRefusedStreamReset) return true;
  const bool connect = reason == ResetReason::kConnectionFailure || reason == ResetReason::kLocalConnectionFailure ||
                       reason == ResetReason::kConnectionTimeout;
  return connect && (retry_on_ & routing::kRetryOnConnectFailure) != 0;
}

RetryVerdict RetryState::afterHeaders(http::HeaderMap& response, uint32_t status) {
  const RetryVerdict verdict = decide(wantsAfterHeaders(response, status));
  reset_after_ms_.reset();
  if (verdict != RetryVerdict::kYes || policy_ == nullptr) return verdict;
  const int64_t now_s = cluster_->services().loop.wall() / 1'000'000'000;
  for (const auto& header : policy_->reset_headers) {
    const auto value = base::parseDecimal(response.get(header.name));
    if (!value) continue;
    uint64_t seconds = *value;
    if (header.format == routing::RetryPolicy::ResetFormat::kUnixTimestamp) {
      if (seconds < static_cast<uint64_t>(now_s)) continue;
      seconds -= static_cast<uint64_t>(now_s);
    }
    if (seconds == 0 || seconds * 1000 > policy_->rate_limited_max_interval_ms) continue;
    reset_after_ms_ = seconds * 1000;
    break;
  }
  return verdict;
}

RetryVerdict RetryState::afterReset(ResetReason reason, bool request_started) {
  reset_after_ms_.reset();
  return decide(wantsAfterReset(reason, request_started));
}

RetryVerdict RetryState::decide(bool wanted) {
  auto& stats = cluster_->stats();
  if (retried_ && !wanted) stats.inc(ClusterStat::upstream_rq_retry_success);
  release();
  if (!wanted) {
    retried_ = false;
    return RetryVerdict::kNo;
  }
  if (left_ == 0) {
    stats.inc(ClusterStat::upstream_rq_retry_limit_exceeded);
    return RetryVerdict::kLimitExceeded;
  }
  --left_;
  auto& breaker = cluster_->breaker(priority_);
  if (!breaker.retries.canCreate(breaker.retryLimit(cluster_->limitsOf(priority_)))) {
    stats.inc(ClusterStat::upstream_rq_retry_overflow);
    return RetryVerdict::kOverflow;
  }
  breaker.retries.acquire();
  holds_breaker_ = true;
  retried_ = true;
  stats.inc(ClusterStat::upstream_rq_retry);
  return RetryVerdict::kYes;
}

// Fully jittered exponential back-off, as Envoy's: [0, (2^n - 1) × base), at most the maximum.
uint64_t RetryState::backoffMs(uint64_t random) {
  auto& stats = cluster_->stats();
  if (reset_after_ms_) {
    stats.inc(ClusterStat::upstream_rq_retry_backoff_ratelimited);
    return *reset_after_ms_ + random % (*reset_after_ms_ / 2 + 1);
  }
  stats.inc(ClusterStat::upstream_rq_retry_backoff_exponential);
  const uint64_t base = policy_ == nullptr ? kDefaultBaseMs : policy_->base_interval_ms;
  const uint64_t max = policy_ == nullptr ? kDefaultBaseMs * 10 : policy_->max_interval_ms;
  backoff_round_ = std::min(backoff_round_ + 1, 30u);
  const uint64_t bound = std::min<uint64_t>(((1ull << backoff_round_) - 1) * base, std::max<uint64_t>(max, 1));
  return random % std::max<uint64_t>(bound, 1);
}

void RetryState::release() {
  if (std::exchange(holds_breaker_, false)) cluster_->breaker(priority_).retries.release();
}

}  // namespace nuncio::http_proxy
