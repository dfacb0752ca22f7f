// Host: one endpoint of a cluster, shared by all workers and kept across snapshots by cluster name and address, so that
// its counters and state survive updates. Immutable but for its counters (one cell a worker, single writer, read by main),
// its health, which main decides and workers read when they are told that it changed, and the runs of errors that all
// workers count together for outlier detection.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace nuncio::upstream {

/** A counter only its worker writes; relaxed, so that main may read it. */
class Cell {
 public:
  void add(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void sub() { value_.store(value_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct alignas(64) HostCounters {
  Cell cx_total, cx_active, cx_connect_fail;
  Cell rq_total, rq_active, rq_pending, rq_success, rq_error, rq_timeout;
  Cell answers, good_answers;    // for outlier detection: of the upstream
  Cell attempts, good_attempts;  // and of ours to reach it, where the two are told apart
};

/** What main says of a host's health; the bits are those of src/upstream/health/host-flags.ts. */
namespace host_flag {
inline constexpr uint32_t kFailedActiveCheck = 1, kFailedOutlierCheck = 2, kDegradedActiveCheck = 4;
inline constexpr uint32_t kPendingActiveCheck = 8, kExcludedByImmediateFailure = 16;
inline constexpr uint32_t kFailed = kFailedActiveCheck | kFailedOutlierCheck;
inline constexpr uint32_t kOfOutlierDetection = kFailedOutlierCheck;  // the others are of active checks
inline constexpr uint32_t kExcluded = kPendingActiveCheck | kExcludedByImmediateFailure;
}  // namespace host_flag

/** Errors in a row, over all workers; relaxed. */
struct ErrorRuns {
  std::atomic<uint32_t> server{0};   // 5xx
  std::atomic<uint32_t> gateway{0};  // 502, 503, 504
  std::atomic<uint32_t> local{0};    // could not be reached
};

struct Host {
  const uint64_t id = nextId();  // of this process; what is a member again after it was none may be another host
  net::Address address;
  std::string hostname;          // config's hostname, or the DNS name
  std::vector<net::Address> more_addresses;
  std::vector<HostCounters> counters;  // [worker]
  std::atomic<int64_t> serving_since_ns{base::monotonicNs()};  // for slow start
  std::atomic<uint32_t> flags{0};      // host_flag; relaxed
  ErrorRuns runs;

  Host(net::Address host_address, std::string host_name, size_t workers)
      : address(host_address), hostname(std::move(host_name)), counters(workers) {}

 private:
  static uint64_t nextId() {
    static std::atomic<uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }
};
using HostPtr = std::shared_ptr<Host>;

}  // namespace nuncio::upstream
