// What most native filters share: factories without ceremony, statistics with names of their own, fractions that the
// runtime may override. Worker thread, factories apart.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "http_proxy/filter.h"
#include "http_proxy/filter_stream.h"
#include "http_proxy/worker_context.h"
#include "routing/fraction.h"

namespace nuncio::http_proxy {

/** A counter with a name of its own, printed from the time it is made. */
class FilterCounter {
 public:
  FilterCounter(stats::WorkerStats& stats, std::string_view name) : stats_(stats), scope_(stats.scope<stats::NamedCounter>(name)) {}
  FilterCounter(const FilterCounter&) = delete;
  FilterCounter& operator=(const FilterCounter&) = delete;
  ~FilterCounter() { stats_.release(scope_); }
  void inc(uint64_t n = 1) const { scope_.inc(stats::NamedCounterStat::value, n); }

 private:
  stats::WorkerStats& stats_;
  const stats::ScopeRef<stats::NamedCounter> scope_;
};

class FilterGauge {
 public:
  FilterGauge(stats::WorkerStats& stats, std::string_view name) : stats_(stats), scope_(stats.scope<stats::NamedGauge>(name)) {}
  FilterGauge(const FilterGauge&) = delete;
  FilterGauge& operator=(const FilterGauge&) = delete;
  ~FilterGauge() { stats_.release(scope_); }
  void inc() const { scope_.inc(stats::NamedGaugeStat::value); }
  void dec() const { scope_.dec(stats::NamedGaugeStat::value); }

 private:
  stats::WorkerStats& stats_;
  const stats::ScopeRef<stats::NamedGauge> scope_;
};

/** For names known only with the request: found, counted and let go again. */
inline void countOnce(WorkerContext& worker, std::string_view name, uint64_t n = 1) {
  const auto scope = worker.stats.scope<stats::NamedCounter>(name);
  scope.inc(stats::NamedCounterStat::value, n);
  worker.stats.release(scope);
}

/** The factory of a filter that needs its configuration only: `F(const Config&)`. */
template <class F, class Config>
class PlainFactory final : public FilterFactory {
 public:
  explicit PlainFactory(std::unique_ptr<const Config> config) : config_(std::move(config)) {}
  Filter* create(base::Arena& arena, WorkerContext&, FilterRuntime*) const override { return arena.make<F>(*config_); }

 private:
  const std::unique_ptr<const Config> config_;
};

/** The factory of a filter with a runtime: `Runtime(const FilterSite&, const Config&)`, `F(const Config&, Runtime&)`. */
template <class F, class Config, class Runtime>
class RuntimeFactory final : public FilterFactory {
 public:
  explicit RuntimeFactory(std::unique_ptr<const Config> config) : config_(std::move(config)) {}
  std::unique_ptr<FilterRuntime> makeRuntime(const FilterSite& site) const override {
    return std::make_unique<Runtime>(site, *config_);
  }
  Filter* create(base::Arena& arena, WorkerContext&, FilterRuntime* runtime) const override {
    return arena.make<F>(*config_, *static_cast<Runtime*>(runtime));
  }

 private:
  const std::unique_ptr<const Config> config_;
};

/** Does a request with this random number fall into the fraction, as the runtime may have it? */
inline bool covers(const routing::Fraction& fraction, uint64_t random, const WorkerContext& worker) {
  if (worker.runtime == nullptr) return fraction.covers(random, nullptr);
  const auto lookup = [&](std::string_view key) -> std::optional<routing::FractionValue> {
    const auto percent = worker.runtime->integer(key);
    return percent ? std::optional(routing::FractionValue{*percent, 100}) : std::nullopt;
  };
  const routing::FractionLookup look(lookup);
  return fraction.covers(random, &look);
}

}  // namespace nuncio::http_proxy
