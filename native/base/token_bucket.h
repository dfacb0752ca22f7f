// TokenBucket: tokens that come back at a steady rate up to a number; taken by any thread without a lock. What is kept is
// the one point in time from which on the bucket has been filling.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace nuncio::base {

class TokenBucket {
 public:
  /** How long one token takes to come back when none ever does: about thirty years. */
  static constexpr double kNeverNs = 1e18;

  /** Empty for ever, until configure(). */
  TokenBucket() = default;
  /** Full at first. `per_token_ns`: how long one token takes to come back; more than 0. */
  TokenBucket(double max_tokens, double per_token_ns) { configure(max_tokens, per_token_ns); }
  TokenBucket(const TokenBucket&) = delete;
  TokenBucket& operator=(const TokenBucket&) = delete;

  /** Other bounds from now on; what was taken stays taken. */
  void configure(double max_tokens, double per_token_ns) {
    per_token_ns_.store(per_token_ns, std::memory_order_relaxed);
    full_ns_.store(max_tokens * per_token_ns, std::memory_order_relaxed);
  }

  /** False: there are not that many, and none was taken. `now_ns`: monotonic. */
  bool take(int64_t now_ns, double tokens = 1) {
    const auto now = static_cast<double>(now_ns);
    const double cost = tokens * per_token_ns_.load(std::memory_order_relaxed);
    const double oldest = now - full_ns_.load(std::memory_order_relaxed);
    double since = since_.load(std::memory_order_relaxed);
    for (;;) {
      const double from = std::max(since, oldest);
      // A millionth of a token is lost to rounding.
      if (now - from < cost * 0.999999) return false;
      if (since_.compare_exchange_weak(since, from + cost, std::memory_order_relaxed)) return true;
    }
  }

  /** Whole tokens that are there. */
  uint64_t remaining(int64_t now_ns) const {
    const double tokens = filledNs(now_ns) / per_token_ns_.load(std::memory_order_relaxed);
    return static_cast<uint64_t>(tokens + 0.000001);
  }
  /** How long it takes until there is one; 0: there is. */
  double nextTokenNs(int64_t now_ns) const {
    const double missing = per_token_ns_.load(std::memory_order_relaxed) - filledNs(now_ns);
    return remaining(now_ns) > 0 ? 0 : missing;
  }

 private:
  double filledNs(int64_t now_ns) const {
    const auto now = static_cast<double>(now_ns);
    const double full = full_ns_.load(std::memory_order_relaxed);
    return std::min(now - since_.load(std::memory_order_relaxed), full);
  }

  std::atomic<double> full_ns_{0};
  std::atomic<double> per_token_ns_{kNeverNs};
  std::atomic<double> since_{-1e300};  // the beginning of time: full
};

}  // namespace nuncio::base
