// What the router does when an attempt fails: another one, or the answer that says so.
#include "http_proxy/router.h"

#include <utility>

#include "http_proxy/reset_text.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;

void Router::onUpstreamReset(ResetReason reason, std::string_view transport) {
  auto& arena = stream_.arena();
  const bool started = attempt_ != nullptr && attempt_->wroteHead();
  if (reason != ResetReason::kOverflow) judgeFailure(503);
  if (retriesAfterReset(reason, started)) return retry();
  chargeFailure(reason == ResetReason::kProtocolError ? 502 : 503);
  if (!transport.empty()) stream_.info().upstream_transport_failure = arena.copy(transport);  // else there was none
  const std::string_view why = resetText(reason);
  const std::string_view body = arena.concat("upstream connect error or disconnect/reset before headers. ",
                                             is_retry_ ? "retried and the latest " : "", "reset reason: ", why);
  const std::string_view prefix =
      response_started_ ? "upstream_reset_after_response_started{" : "upstream_reset_before_response_started{";
  const std::string_view details = withoutSpaces(arena, arena.concat(prefix, why, transport.empty() ? "" : "|", transport, "}"));
  giveUp(reason == ResetReason::kProtocolError ? 502 : 503, body, details, flagOf(reason), reason == ResetReason::kOverflow);
}

/** What came of wanting a retry, counted for virtual cluster and route; the cluster's counters are the RetryState's. */
RetryVerdict Router::noted(RetryVerdict verdict) {
  using Stat = stats::VirtualClusterStat;
  switch (verdict) {
    case RetryVerdict::kYes: countRequest(Stat::upstream_rq_retry); break;
    case RetryVerdict::kOverflow: countRequest(Stat::upstream_rq_retry_overflow); break;
    case RetryVerdict::kLimitExceeded: countRequest(Stat::upstream_rq_retry_limit_exceeded); break;
    case RetryVerdict::kNo:
      if (is_retry_) countRequest(Stat::upstream_rq_retry_success);
      break;
  }
  return verdict;
}

/** May the attempt that failed be made again? If so it is accounted for. */
bool Router::retriesAfterReset(ResetReason reason, bool started) {
  if (response_started_ || !retry_) return false;
  switch (noted(retry_->afterReset(reason, started))) {
    case RetryVerdict::kYes: break;
    case RetryVerdict::kNo: return false;
    case RetryVerdict::kLimitExceeded: stream_.replyFlag(ResponseFlag::kUpstreamRetryLimitExceeded); return false;
    case RetryVerdict::kOverflow: stream_.replyFlag(ResponseFlag::kUpstreamOverflow); return false;
  }
  if (upstream::HostRuntime* host = attempt_->knownHost()) host->counters().rq_error.add();
  return true;
}

void Router::retry() {
  is_retry_ = true;
  retry_is_timeout_ = false;
  attempt_->~UpstreamRequest();
  attempt_ = nullptr;
  const uint64_t delay = retry_->backoffMs(stream_.worker().random_source.next());
  backoff_timer_.arm(stream_.worker().services.loop.timers(), delay);
}

void Router::onBackoffOver() {
  stream_.info().upstream_attempts = ++attempts_;
  upstream::HostRuntime* host = chooseHost();
  if (host == nullptr || !hasPool(*host)) return noHealthyUpstream();
  const routing::VirtualHost* vhost = route_->virtual_host;
  http::HeaderMap& headers = *headers_;
  if (vhost != nullptr && vhost->include_attempt_count) {
    headers.set(HeaderId::kXEnvoyAttemptCount, stream_.arena().decimal(attempts_));
  }
  if (vhost != nullptr && vhost->include_is_timeout_retry_header) {
    headers.set(HeaderId::kXEnvoyIsTimeoutRetry, retry_is_timeout_ ? "true" : "false");
  }
  if (request_end_ns_ != 0) {
    setExpectedTimeout(headers, (stream_.worker().services.loop.now() - request_end_ns_) / 1'000'000);
  }
  attempt_ = stream_.arena().make<UpstreamRequest>(*this, *host);
  const bool has_body = body_ && !body_->empty();
  UpstreamRequest* attempt = attempt_;
  if (request_ended_) attempt->armPerTryTimeout();
  if (has_body) {
    size_t left = body_->size();
    // The body first into the attempt's own queue: starting may fail, and then nothing more may be said to it.
    body_->forEach([&](std::string_view piece) {
      left -= piece.size();
      attempt->sendData(piece, request_ended_ && left == 0 && trailers_ == nullptr);
    });
  }
  if (!has_body && request_ended_ && !head_only_ && trailers_ == nullptr) attempt->sendData({}, true);
  if (trailers_ != nullptr) attempt->sendTrailers(*trailers_);
  attempt->start(headers, head_only_);
}

void Router::noHealthyUpstream() {
  chargeCode(503, nullptr);
  abandoned_ = true;
  global_timer_.cancel();
  stream_.reply(
      {.status = 503, .body = "no healthy upstream", .details = "no_healthy_upstream", .flag = ResponseFlag::kNoHealthyUpstream,
       .route_mutations = true});
}

void Router::giveUp(uint16_t status, std::string_view body, std::string_view details, std::optional<ResponseFlag> flag,
                    bool overloaded) {
  abandoned_ = true;
  global_timer_.cancel();
  if (flag) stream_.replyFlag(*flag);
  const bool tell = overloaded && !config_.suppress_envoy_headers;
  stream_.reply(
      {.status = status, .body = body, .details = details, .route_mutations = true,
       .extra = tell ? HeaderId::kXEnvoyOverloaded : HeaderId::kUnknown});
}

}  // namespace nuncio::http_proxy
