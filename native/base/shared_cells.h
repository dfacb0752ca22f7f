// SharedCells: counters and token buckets that all workers share, found by name. Process-wide; the table is guarded by a
// mutex and used when a filter is made, the cells are atomics. Cells live until exit: their names come from the
// configuration, and are few.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace nuncio::base {

/** Tokens flow in with time: the bucket keeps the moment at which it was empty, and taking moves that moment on. */
class TokenBucket {
 public:
  /** Whoever opens the bucket last says how large it is. */
  void configure(double per_second, double burst) {
    per_second_.store(per_second, std::memory_order_relaxed);
    burst_.store(burst, std::memory_order_relaxed);
  }
  /** `now_ns`: monotonic. False: there are not that many, and none was taken. */
  bool take(double tokens, int64_t now_ns) {
    const double rate = per_second_.load(std::memory_order_relaxed);
    const double burst = burst_.load(std::memory_order_relaxed);
    int64_t empty = empty_ns_.load(std::memory_order_relaxed);
    for (;;) {
      const double filled = started_.load(std::memory_order_relaxed) ? static_cast<double>(now_ns - empty) / 1e9 * rate : burst;
      const double have = filled < burst ? filled : burst;
      if (have < tokens) return false;
      const double left = have - tokens;
      const int64_t next = rate > 0 ? now_ns - static_cast<int64_t>(left / rate * 1e9) : empty;
      if (!empty_ns_.compare_exchange_weak(empty, next, std::memory_order_relaxed)) continue;
      started_.store(true, std::memory_order_relaxed);
      return true;
    }
  }

 private:
  std::atomic<double> per_second_{0};
  std::atomic<double> burst_{0};
  std::atomic<int64_t> empty_ns_{0};
  std::atomic<bool> started_{false};
};

class SharedCells {
 public:
  std::atomic<int64_t>& counter(std::string_view name) { return find(counters_, name); }
  TokenBucket& bucket(std::string_view name) { return find(buckets_, name); }

 private:
  template <class T>
  using Table = std::map<std::string, std::unique_ptr<T>, std::less<>>;

  template <class T>
  T& find(Table<T>& table, std::string_view name) {
    std::lock_guard lock(mutex_);
    const auto known = table.find(name);
    if (known != table.end()) return *known->second;
    return *table.emplace(std::string(name), std::make_unique<T>()).first->second;
  }

  std::mutex mutex_;
  Table<std::atomic<int64_t>> counters_;
  Table<TokenBucket> buckets_;
};

}  // namespace nuncio::base
