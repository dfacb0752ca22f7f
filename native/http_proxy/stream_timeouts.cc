// How long a stream may take: idle, as a whole, until its head is there, and until the client took what was left for it.
#include <algorithm>
#include <utility>

#include "http/grpc_timeout.h"
#include "http_proxy/stream.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;
using stats::HttpStat;

void Stream::armIdleTimer() {
  if (idle_timeout_ms_ != 0 && !complete_) idle_timer_.arm(runtime_.worker.services.loop.timers(), idle_timeout_ms_);
}

void Stream::setIdleTimeout(uint32_t timeout_ms) {
  idle_timeout_ms_ = timeout_ms;
  idle_timer_.cancel();
  armIdleTimer();
}

/** The route's word on how long the stream may last; a grpc-timeout counts where the route takes it. */
void Stream::limitDuration(const routing::ClusterAction& action) {
  const auto asked = http::grpcTimeoutMs(request_headers_->get(HeaderId::kGrpcTimeout));
  if (!asked || !action.grpc_timeout_header_max_ms) {
    const uint32_t most = action.max_stream_duration_ms.value_or(0);
    if (action.max_stream_duration_ms) armMaxDuration(most);
    if (most != 0 && grpc_) request_headers_->set(HeaderId::kGrpcTimeout, http::grpcTimeoutText(arena_, most));
    return;
  }
  uint64_t limit = *asked;
  const uint32_t most = *action.grpc_timeout_header_max_ms;
  if (most != 0 && limit > most) limit = most;
  if (const uint32_t offset = action.grpc_timeout_header_offset_ms.value_or(0); offset != 0) limit -= std::min<uint64_t>(limit, offset);
  request_headers_->set(HeaderId::kGrpcTimeout, http::grpcTimeoutText(arena_, limit));
  armMaxDuration(static_cast<uint32_t>(std::clamp<uint64_t>(limit, 1, UINT32_MAX)));
}

Stream::RareTimers& Stream::rareTimers() {
  if (rare_timers_ == nullptr) rare_timers_ = arena_.make<RareTimers>(this);
  return *rare_timers_;
}

void Stream::armMaxDuration(uint32_t timeout_ms) {
  if (rare_timers_ != nullptr) rare_timers_->max_duration.cancel();
  if (timeout_ms != 0) rareTimers().max_duration.arm(runtime_.worker.services.loop.timers(), timeout_ms);
}

void Stream::onIdleTimeout() {
  if (flushing_) {
    runtime_.http2().inc(stats::Http2Stat::tx_flush_timeout);
    std::exchange(encoder_, nullptr)->reset(ResetReason::kLocalReset);
    return onCodecDone();
  }
  runtime_.http.inc(HttpStat::downstream_rq_idle_timeout);
  const uint16_t status = request_complete_ ? 504 : 408;
  reply({.status = status, .body = "stream timeout", .details = "stream_idle_timeout", .flag = ResponseFlag::kStreamIdleTimeout});
}

void Stream::onRequestTimeout() {
  runtime_.http.inc(HttpStat::downstream_rq_timeout);
  reply({.status = 408, .body = "request timeout", .details = "request_overall_timeout"});
}

void Stream::onHeadersTimeout() {
  runtime_.http.inc(HttpStat::downstream_rq_header_timeout);
  close_connection_ = true;
  reply({.status = 408, .body = "request header timeout", .details = "request_header_timeout"});
}

void Stream::onMaxDuration() {
  runtime_.http.inc(HttpStat::downstream_rq_max_duration_reached);
  const uint16_t status = request_complete_ ? 504 : 408;
  reply({.status = status, .body = "downstream duration timeout", .details = "max_duration_timeout",
         .grpc_status = 4});  // DEADLINE_EXCEEDED
}

}  // namespace nuncio::http_proxy
