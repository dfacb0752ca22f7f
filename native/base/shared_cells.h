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

#include "base/token_bucket.h"

namespace nuncio::base {

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
