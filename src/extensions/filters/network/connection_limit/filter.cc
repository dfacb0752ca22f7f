// envoy.filters.network.connection_limit: so many connections may use the filter chain at once, over all workers; the ones
// above are closed, at once or after a delay that keeps eager clients from coming back too soon.
#include <atomic>
#include <memory>
#include <utility>

#include "generated/plan.h"
#include "http_proxy/network_filter_entry.h"
#include "http_proxy/worker_context.h"
#include "loop/timer_wheel.h"

namespace nuncio::ext {
namespace limit {
namespace {

using nuncio::tcp::ReadFilter;
using nuncio::tcp::ReadFilterHost;
using nuncio::tcp::ReadVerdict;
using Stat = stats::ConnectionLimitStat;

struct Config {
  plan::ConnectionLimit plan;
  mutable std::atomic<uint64_t> active{0};  // of all workers
};

class Runtime final : public nuncio::tcp::ReadFilterRuntime {
 public:
  Runtime(WorkerContext& worker_context, const Config& settings)
      : config(settings),
        worker(worker_context),
        stats(worker.stats.scope<stats::ConnectionLimit>(settings.plan.stat_prefix)) {}
  ~Runtime() override { worker.stats.release(stats); }
  std::unique_ptr<ReadFilter> create(const ReadFilterHost& host) override;

  const Config& config;
  WorkerContext& worker;
  const stats::ScopeRef<stats::ConnectionLimit> stats;
};

class Filter final : public ReadFilter {
 public:
  Filter(Runtime& runtime, const ReadFilterHost& host) : runtime_(runtime), host_(host) {}
  ~Filter() override { leave(); }

  ReadVerdict onNewConnection() override;
  /** What a client says that waits for its end is thrown away. */
  ReadVerdict onData(std::string_view& data, bool) override {
    if (!refused_) return ReadVerdict::kContinue;
    data = {};
    return ReadVerdict::kStop;
  }
  void onClosed(net::CloseCause) override { leave(); }

 private:
  bool enabled() const {
    const plan::ConnectionLimit& plan = runtime_.config.plan;
    return plan.runtime_key.empty() ? plan.enabled : runtime_.worker.runtimeInteger(plan.runtime_key, plan.enabled ? 1 : 0) != 0;
  }
  void leave();
  void close() { host_.close("over_connection_limit"); }

  Runtime& runtime_;
  const ReadFilterHost& host_;
  bool counted_ = false;
  bool refused_ = false;
  loop::MemberTimer<&Filter::close> delay_{this};
};

std::unique_ptr<ReadFilter> Runtime::create(const ReadFilterHost& host) { return std::make_unique<Filter>(*this, host); }

ReadVerdict Filter::onNewConnection() {
  if (!enabled()) return ReadVerdict::kContinue;
  const plan::ConnectionLimit& plan = runtime_.config.plan;
  std::atomic<uint64_t>& active = runtime_.config.active;
  for (uint64_t now = active.load(std::memory_order_relaxed); now < plan.max_connections;) {
    if (!active.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) continue;
    counted_ = true;
    runtime_.stats.inc(Stat::active_connections);
    return ReadVerdict::kContinue;
  }
  refused_ = true;
  runtime_.stats.inc(Stat::limited_connections);
  if (plan.delay_ms == 0) {
    close();
  } else {
    delay_.arm(host_.loop().timers(), plan.delay_ms);
  }
  return ReadVerdict::kStop;
}

void Filter::leave() {
  delay_.cancel();
  if (!std::exchange(counted_, false)) return;
  runtime_.config.active.fetch_sub(1, std::memory_order_relaxed);
  runtime_.stats.dec(Stat::active_connections);
}

class Factory final : public nuncio::tcp::ReadFilterFactory {
 public:
  explicit Factory(plan::ConnectionLimit plan) { config_.plan = std::move(plan); }
  std::unique_ptr<nuncio::tcp::ReadFilterRuntime> makeRuntime(WorkerContext& worker,
                                                              const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>(worker, config_);
  }
  bool takesData() const override { return false; }

 private:
  Config config_;
};

base::Result<nuncio::tcp::ReadFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::ConnectionLimit plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the connection limit");
  return nuncio::tcp::ReadFilterFactoryPtr(std::make_unique<Factory>(std::move(plan)));
}

}  // namespace
}  // namespace limit

namespace network {
extern const nuncio::tcp::NetworkFilterEntry connection_limit;
const nuncio::tcp::NetworkFilterEntry connection_limit = {"envoy.filters.network.connection_limit", nullptr, &limit::make};
}  // namespace network

}  // namespace nuncio::ext
