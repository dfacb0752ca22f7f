// TokenBucket: `max` tokens at first, refilled evenly at a rate; taken by any thread without a lock. What is kept is the
// one point in time at which the bucket would have been empty.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace nuncio::base {

class TokenBucket {
 public:
  /** `tokens` each `interval_ns`; both more than 0. */
  TokenBucket(uint32_t max, uint32_t tokens, uint64_t interval_ns)
      : token_ns_(std::max<int64_t>(static_cast<int64_t>(interval_ns / tokens), 1)), max_(std::max<uint32_t>(max, 1)) {}

  /** One token, if there is one. `now_ns`: monotonic. */
  bool take(int64_t now_ns) {
    int64_t empty_at = empty_at_.load(std::memory_order_relaxed);
    for (;;) {
      const int64_t from = std::max(empty_at, now_ns - static_cast<int64_t>(max_) * token_ns_);
      if (now_ns - from < token_ns_) return false;
      if (empty_at_.compare_exchange_weak(empty_at, from + token_ns_, std::memory_order_relaxed)) return true;
    }
  }

 private:
  const int64_t token_ns_;
  const uint32_t max_;
  std::atomic<int64_t> empty_at_{INT64_MIN};
};

}  // namespace nuncio::base
