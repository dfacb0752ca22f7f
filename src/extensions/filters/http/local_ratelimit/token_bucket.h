// TokenBucket: tokens that come back at a steady rate, over all workers; one atomic number: the time from which on the
// bucket has been filling. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace nuncio::ext::ratelimit {

class TokenBucket {
 public:
  /** `per_token_ns`: how long one token takes to come back. */
  TokenBucket(uint64_t max_tokens, double per_token_ns) : full_ns_(static_cast<double>(max_tokens) * per_token_ns), per_token_ns_(per_token_ns) {}

  bool take(int64_t now_ns) {
    const auto now = static_cast<double>(now_ns);
    double since = since_.load(std::memory_order_relaxed);
    for (;;) {
      const double from = std::max(since, now - full_ns_);
      // A millionth of a token is lost to rounding.
      if (now - from < per_token_ns_ * 0.999999) return false;
      if (since_.compare_exchange_weak(since, from + per_token_ns_, std::memory_order_relaxed)) return true;
    }
  }

 private:
  const double full_ns_;
  const double per_token_ns_;
  std::atomic<double> since_{-1e300};  // the beginning of time: full
};

}  // namespace nuncio::ext::ratelimit
