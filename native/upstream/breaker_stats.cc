#include "upstream/breaker_stats.h"

#include <string>

#include "upstream/limits.h"

namespace nuncio::upstream {
namespace {

using OpenStat = stats::CircuitBreakerStat;
using RemainingStat = stats::CircuitBreakerRemainingStat;

void publishOpen(stats::CircuitBreakerScope scope, CircuitBreaker& breaker, const plan::Thresholds& limits) {
  // A gauge nobody ever wrote counts as unused; so does that of a resource nobody ever took.
  const auto set = [&](OpenStat stat, const Resource& resource, uint64_t max) {
    if (resource.used()) scope.set(stat, resource.canCreate(max) ? 0 : 1);
  };
  set(OpenStat::cx_open, breaker.connections, limits.max_connections);
  set(OpenStat::cx_pool_open, breaker.pools, limits.max_pools);
  set(OpenStat::rq_open, breaker.requests, limits.max_requests);
  set(OpenStat::rq_pending_open, breaker.pending, limits.max_pending);
  set(OpenStat::rq_retry_open, breaker.retries, breaker.retryLimit(limits));
}

void publishRemaining(stats::CircuitBreakerRemainingScope scope, CircuitBreaker& breaker, const plan::Thresholds& limits) {
  const auto set = [&](RemainingStat stat, const Resource& resource, uint64_t max) {
    const uint64_t count = resource.count();
    scope.set(stat, max > count ? max - count : 0);
  };
  set(RemainingStat::remaining_cx, breaker.connections, limits.max_connections);
  set(RemainingStat::remaining_cx_pools, breaker.pools, limits.max_pools);
  set(RemainingStat::remaining_pending, breaker.pending, limits.max_pending);
  set(RemainingStat::remaining_retries, breaker.retries, limits.max_retries);
  set(RemainingStat::remaining_rq, breaker.requests, limits.max_requests);
}

void publish(const std::string& name, CircuitBreaker& breaker, const plan::Thresholds& limits, stats::Registry& statistics) {
  if (breaker.pool_ended.load(std::memory_order_relaxed) && !breaker.pools.used()) {
    const auto scope = statistics.shared<stats::CircuitBreaker>(name);
    scope.set(OpenStat::cx_pool_open, 0);
    statistics.releaseShared(scope);
  }
  if (breaker.connections.used() || breaker.pending.used()) {
    const auto scope = statistics.shared<stats::CircuitBreaker>(name);
    publishOpen(scope, breaker, limits);
    statistics.releaseShared(scope);
  }
  if (!limits.track_remaining) return;
  const auto scope = statistics.shared<stats::CircuitBreakerRemaining>(name);
  publishRemaining(scope, breaker, limits);
  statistics.releaseShared(scope);
}

}  // namespace

void publishBreakers(const ClusterPart& cluster, const snapshot::RuntimePart* runtime, stats::Registry& statistics) {
  const std::string prefix = cluster.plan.stat_name + ".circuit_breakers.";
  CircuitBreakers& breakers = *cluster.breakers;
  publish(prefix + "default", breakers[Priority::kDefault], limitsOf(cluster, Priority::kDefault, runtime), statistics);
  publish(prefix + "high", breakers[Priority::kHigh], limitsOf(cluster, Priority::kHigh, runtime), statistics);
}

}  // namespace nuncio::upstream
