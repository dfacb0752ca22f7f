// CircuitBreaker: how much of a cluster is in use, for one priority: connections, pending requests, requests, retries.
// Process-wide as in Envoy: atomics shared by all workers; the object survives updates of its cluster. Limits come from
// the plan at each question, so an update takes effect at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "plan/plan_types.h"

namespace nuncio::upstream {

class Resource {
 public:
  bool canCreate(uint64_t max) const { return count_.load(std::memory_order_relaxed) < max; }
  void acquire() {
    count_.fetch_add(1, std::memory_order_relaxed);
    if (!used()) used_.store(true, std::memory_order_relaxed);
  }
  void release() { count_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  /** Was it ever acquired? */
  bool used() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
  std::atomic<bool> used_{false};
};

struct CircuitBreaker {
  Resource connections;
  Resource pools;      // of HTTP connections, while they have any or want one
  Resource pending;
  Resource requests;
  Resource retries;
  std::atomic<bool> pool_ended{false};  // kHigh: an HTTP pool of any priority was left without connections and requests

  /** Retries allowed now: the fixed limit, or the budget's share of what is in flight. */
  uint64_t retryLimit(const plan::Thresholds& limits) const {
    if (!limits.retry_budget_percent) return limits.max_retries;
    const uint64_t in_flight = requests.count() + pending.count();
    const auto share = static_cast<uint64_t>(*limits.retry_budget_percent / 100.0 * static_cast<double>(in_flight));
    return std::max<uint64_t>(share, limits.retry_min_concurrency);
  }
};

enum class Priority : uint8_t { kDefault, kHigh };

struct CircuitBreakers {
  CircuitBreaker of[2];
  CircuitBreaker& operator[](Priority priority) { return of[static_cast<size_t>(priority)]; }
};

}  // namespace nuncio::upstream
