// Scope: the statistics of one thing (a cluster, a listener, ...) in one worker: an array of cells, and histograms and
// response codes made when first touched. ScopeRef: its typed face, a pointer wide, for the request path.
//
// Written by one worker only; the main thread reads with relaxed loads and adds the workers up. Made, found and
// freed by the Registry.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "stats/histogram.h"
#include "stats/kinds.h"
#include "stats/response_codes.h"

namespace nuncio::stats {

/** What a gauge cell holds: the value shifted left by one, and a low bit that says it was ever written (`usedonly`). */
struct GaugeCell {
  static constexpr uint64_t kUsed = 1;
  static uint64_t encode(uint64_t value) { return value << 1 | kUsed; }
  static int64_t value(uint64_t cell) { return static_cast<int64_t>(cell) >> 1; }
  static bool used(uint64_t cell) { return (cell & kUsed) != 0; }
};

class Scope {
 public:
  static Scope* make(Kind kind, std::string_view name, bool shared);
  static void destroy(Scope* scope);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Kind kind() const { return kind_; }
  std::string_view name() const { return name_; }
  bool shared() const { return shared_; }

  std::atomic<uint64_t>& cell(size_t index) { return cells()[index]; }
  const std::atomic<uint64_t>& cell(size_t index) const { return cells()[index]; }

  Histogram& histogram(size_t index) {
    Histogram* made = histograms()[index].load(std::memory_order_relaxed);
    return made != nullptr ? *made : makeHistogram(index);
  }
  /** Null until it has its first value. Any thread. */
  const Histogram* findHistogram(size_t index) const { return histograms()[index].load(std::memory_order_acquire); }

  ResponseCodes& responseCodes() {
    ResponseCodes* made = response_codes_.load(std::memory_order_relaxed);
    return made != nullptr ? *made : makeResponseCodes();
  }
  const ResponseCodes* findResponseCodes() const { return response_codes_.load(std::memory_order_acquire); }

 private:
  friend class Registry;
  using Cell = std::atomic<uint64_t>;
  using HistogramSlot = std::atomic<Histogram*>;

  Scope(Kind kind, std::string_view name, bool shared) : kind_(kind), shared_(shared), name_(name) {}
  ~Scope();
  Histogram& makeHistogram(size_t index);
  ResponseCodes& makeResponseCodes();

  // One block of memory: Scope, cells, histogram slots.
  Cell* cells() { return reinterpret_cast<Cell*>(this + 1); }
  const Cell* cells() const { return reinterpret_cast<const Cell*>(this + 1); }
  HistogramSlot* histograms() { return reinterpret_cast<HistogramSlot*>(cells() + templateOf(kind_).stats.size()); }
  const HistogramSlot* histograms() const {
    return reinterpret_cast<const HistogramSlot*>(cells() + templateOf(kind_).stats.size());
  }

  const Kind kind_;
  const bool shared_;              // process-wide: `set` only, by any thread
  uint32_t leases_ = 0;            // guarded by the registry's mutex
  std::string name_;
  std::atomic<ResponseCodes*> response_codes_{nullptr};
};

/** The typed face of a scope. Copies freely; valid as long as the WorkerStats lease it came from. */
template <class K>
class ScopeRef {
 public:
  using Stat = typename K::Stat;
  using HistogramName = typename K::Histogram;

  ScopeRef() = default;
  explicit ScopeRef(Scope* scope) : scope_(scope) {}
  explicit operator bool() const { return scope_ != nullptr; }
  Scope* scope() const { return scope_; }

  /** Counter or gauge up by n. */
  void inc(Stat stat, uint64_t n = 1) const {
    std::atomic<uint64_t>& cell = at(stat);
    const uint64_t before = cell.load(std::memory_order_relaxed);
    cell.store(isGauge(stat) ? (before + (n << 1)) | GaugeCell::kUsed : before + n, std::memory_order_relaxed);
  }
  /** Gauge down by n. Workers are added up, so one worker's part may go below zero. */
  void dec(Stat gauge, uint64_t n = 1) const {
    std::atomic<uint64_t>& cell = at(gauge);
    cell.store((cell.load(std::memory_order_relaxed) - (n << 1)) | GaugeCell::kUsed, std::memory_order_relaxed);
  }
  void set(Stat gauge, uint64_t value) const {
    at(gauge).store(GaugeCell::encode(value), std::memory_order_relaxed);
  }
  void record(HistogramName histogram, uint64_t value) const {
    scope_->histogram(static_cast<size_t>(histogram)).record(value);
  }
  /** Counts an answer: `upstream_rq_completed`, `upstream_rq_<c>xx`, `upstream_rq_<code>`. */
  void response(unsigned code) const {
    inc(Stat::upstream_rq_completed);
    scope_->responseCodes().charge(code);
  }

  /** What this worker counted; for tests and for decisions on one's own numbers. */
  uint64_t counter(Stat stat) const { return at(stat).load(std::memory_order_relaxed); }
  int64_t gauge(Stat stat) const { return GaugeCell::value(at(stat).load(std::memory_order_relaxed)); }

 private:
  static constexpr bool isGauge(Stat stat) { return K::typeOf(stat) == Type::kGauge; }
  std::atomic<uint64_t>& at(Stat stat) const { return scope_->cell(static_cast<size_t>(stat)); }

  Scope* scope_ = nullptr;
};

using ListenerScope = ScopeRef<Listener>;
using ListenerWorkerScope = ScopeRef<ListenerWorker>;
using ListenerHttpScope = ScopeRef<ListenerHttp>;
using HttpScope = ScopeRef<Http>;
using RouterScope = ScopeRef<Router>;
using TracingScope = ScopeRef<Tracing>;
using ClusterScope = ScopeRef<Cluster>;
using CircuitBreakerScope = ScopeRef<CircuitBreaker>;
using CircuitBreakerRemainingScope = ScopeRef<CircuitBreakerRemaining>;
using ResponsesScope = ScopeRef<Responses>;
using TcpScope = ScopeRef<Tcp>;
using VirtualClusterScope = ScopeRef<VirtualCluster>;
using Http1Scope = ScopeRef<Http1>;
using Http2Scope = ScopeRef<Http2>;
using DispatcherScope = ScopeRef<Dispatcher>;

}  // namespace nuncio::stats
