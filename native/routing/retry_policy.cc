#include "routing/retry_policy.h"

#include "generated/plan.h"

namespace nuncio::routing {

base::Result<RetryPolicy, std::string> RetryPolicy::make(const plan::RetryPolicy& plan) {
  RetryPolicy policy;
  for (const std::string& word : plan.retry_on) {
    // An unknown word is ignored, as Envoy does.
    policy.retry_on |= parseRetryOn(word).bits | parseRetryGrpcOn(word).bits;
  }
  auto headers = http::makeFieldMatchers(plan.retriable_headers);
  if (!headers.ok()) return std::move(headers.error());
  policy.retriable_headers = std::move(headers.value());
  auto request_headers = http::makeFieldMatchers(plan.retriable_request_headers);
  if (!request_headers.ok()) return std::move(request_headers.error());
  policy.retriable_request_headers = std::move(request_headers.value());
  policy.num_retries = plan.num_retries;
  policy.per_try_timeout_ms = plan.per_try_timeout_ms;
  policy.per_try_idle_timeout_ms = plan.per_try_idle_timeout_ms;
  policy.base_interval_ms = plan.base_interval_ms;
  policy.max_interval_ms = plan.max_interval_ms;
  policy.host_selection_attempts = plan.host_selection_attempts;
  policy.rate_limited_max_interval_ms = plan.rate_limited_max_interval_ms;
  policy.avoid_previous_hosts = plan.avoid_previous_hosts;
  policy.previous_priorities = plan.previous_priorities;
  policy.omit_canary_hosts = plan.omit_canary_hosts;
  policy.retriable_status_codes = plan.retriable_status_codes;
  for (size_t i = 0; i < plan.reset_header_names.size(); ++i) {
    const bool unix_time = i < plan.reset_header_formats.size() && plan.reset_header_formats[i] == 1;
    policy.reset_headers.push_back({plan.reset_header_names[i], unix_time ? ResetFormat::kUnixTimestamp : ResetFormat::kSeconds});
  }
  return policy;
}

}  // namespace nuncio::routing
