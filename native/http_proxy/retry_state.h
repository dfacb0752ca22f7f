// RetryState: may this request be tried again, and when? Made only for requests whose route (or whose own x-envoy-retry-*
// headers) asks for retries. Part of the router; holds one unit of the cluster's retry breaker while a retry is under way.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/codec.h"
#include "routing/retry_policy.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::http_proxy {

enum class RetryVerdict : uint8_t { kYes, kNo, kOverflow, kLimitExceeded };

class RetryState {
 public:
  /** Null when nothing asks for retries. Takes the x-envoy-retry headers off the request in any case. */
  static std::optional<RetryState> make(const routing::RetryPolicy* policy, http::HeaderMap& headers,
                                        upstream::ClusterRuntime& cluster, upstream::Priority priority);
  RetryState(RetryState&& other) noexcept;
  RetryState& operator=(RetryState&&) = delete;
  ~RetryState() { release(); }

  bool enabled() const { return retry_on_ != 0; }
  RetryVerdict afterHeaders(http::HeaderMap& response, uint32_t status);
  RetryVerdict afterReset(http::ResetReason reason, bool request_started);
  /** Milliseconds to wait before the retry just granted. */
  uint64_t backoffMs(uint64_t random);
  const routing::RetryPolicy* policy() const { return policy_; }

 private:
  RetryState(const routing::RetryPolicy* policy, upstream::ClusterRuntime& cluster, upstream::Priority priority)
      : policy_(policy), cluster_(&cluster), priority_(priority) {}
  void readHeaders(http::HeaderMap& headers);
  bool wantsAfterHeaders(http::HeaderMap& response, uint32_t status) const;
  bool wantsAfterReset(http::ResetReason reason, bool request_started) const;
  RetryVerdict decide(bool wanted);
  void release();

  const routing::RetryPolicy* policy_;
  upstream::ClusterRuntime* cluster_;
  upstream::Priority priority_;
  uint32_t retry_on_ = 0;
  uint32_t left_ = 0;
  uint32_t backoff_round_ = 0;
  std::optional<uint64_t> reset_after_ms_;   // rate-limited back-off, from the last response
  bool holds_breaker_ = false;
  bool retried_ = false;
  std::vector<uint32_t> extra_codes_;        // from x-envoy-retriable-status-codes
  std::vector<std::string_view> extra_headers_;  // from x-envoy-retriable-header-names
};

}  // namespace nuncio::http_proxy
