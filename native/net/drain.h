// DrainState: should connections be asked to go? Process-wide (health check failed, drain_listeners) or of one listener
// (removed, replaced). Set by main, read by workers; relaxed atomics.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace nuncio::net {

struct DrainTiming {
  int64_t drain_ms = 600'000;   // --drain-time-s
  bool gradual = true;          // --drain-strategy
};

class DrainState {
 public:
  explicit DrainState(const DrainTiming& timing, const DrainState* parent = nullptr) : timing_(timing), parent_(parent) {}

  void begin(int64_t now_ns) {
    int64_t none = 0;
    since_ns_.compare_exchange_strong(none, now_ns, std::memory_order_relaxed);
  }
  void setHealthFailed(bool failed) { health_failed_.store(failed, std::memory_order_relaxed); }
  bool healthFailed() const {
    return health_failed_.load(std::memory_order_relaxed) || (parent_ != nullptr && parent_->healthFailed());
  }
  bool begun() const { return since_ns_.load(std::memory_order_relaxed) != 0; }
  bool draining() const { return since_ns_.load(std::memory_order_relaxed) != 0 || (parent_ != nullptr && parent_->draining()); }

  /** For one response: end the connection after it? Gradual: with a probability that rises to 1 over the drain time. */
  bool shouldClose(int64_t now_ns, uint64_t random) const {
    if (health_failed_.load(std::memory_order_relaxed)) return true;
    const int64_t since = since_ns_.load(std::memory_order_relaxed);
    if (since != 0 && passes(now_ns - since, random)) return true;
    return parent_ != nullptr && parent_->shouldClose(now_ns, random);
  }

 private:
  bool passes(int64_t elapsed_ns, uint64_t random) const {
    if (!timing_.gradual) return true;
    const int64_t total_ms = std::max<int64_t>(timing_.drain_ms, 1);
    return static_cast<int64_t>(random % static_cast<uint64_t>(total_ms)) < elapsed_ns / 1'000'000;
  }

  const DrainTiming& timing_;
  const DrainState* parent_;
  std::atomic<int64_t> since_ns_{0};
  std::atomic<bool> health_failed_{false};
};

}  // namespace nuncio::net
