// What the local rate limits of listeners and of network filter chains share: a bucket of connections for all workers.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "base/token_bucket.h"
#include "generated/plan.h"
#include "http_proxy/worker_context.h"

namespace nuncio::ext {

/** Made from the plan, shared by all workers. */
struct ConnectionRate {
  explicit ConnectionRate(plan::ConnectionRateLimit settings)
      : plan(std::move(settings)),
        bucket(std::max(plan.max_tokens, 1u), nsPerToken(plan)) {}

  static double nsPerToken(const plan::ConnectionRateLimit& plan) {
    return static_cast<double>(std::max<uint64_t>(plan.fill_interval_ns / std::max(plan.tokens_per_fill, 1u), 1));
  }

  plan::ConnectionRateLimit plan;
  mutable base::TokenBucket bucket;
};

/** One worker's part. */
class ConnectionRateRuntime {
 public:
  ConnectionRateRuntime(WorkerContext& worker, const ConnectionRate& rate)
      : worker_(worker), rate_(rate), stats_(worker.stats.scope<stats::ConnectionRate>(rate.plan.stat_scope)) {}
  ~ConnectionRateRuntime() { worker_.stats.release(stats_); }
  ConnectionRateRuntime(const ConnectionRateRuntime&) = delete;
  ConnectionRateRuntime& operator=(const ConnectionRateRuntime&) = delete;

  /** May one more connection come? Counted when not. */
  bool admits() const {
    const plan::ConnectionRateLimit& plan = rate_.plan;
    const bool enabled =
        plan.runtime_key.empty() ? plan.enabled : worker_.runtimeInteger(plan.runtime_key, plan.enabled ? 1 : 0) != 0;
    if (!enabled || rate_.bucket.take(worker_.services.loop.now())) return true;
    stats_.inc(stats::ConnectionRateStat::rate_limited);
    return false;
  }

 private:
  WorkerContext& worker_;
  const ConnectionRate& rate_;
  const stats::ScopeRef<stats::ConnectionRate> stats_;
};

}  // namespace nuncio::ext
