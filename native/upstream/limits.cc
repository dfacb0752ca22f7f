#include "upstream/limits.h"

#include <algorithm>
#include <string>

namespace nuncio::upstream {

plan::Thresholds limitsOf(const ClusterPart& cluster, Priority priority, const snapshot::RuntimePart* runtime) {
  plan::Thresholds limits = cluster.limits[static_cast<size_t>(priority)];
  if (runtime == nullptr || runtime->values.empty()) return limits;
  const std::string prefix =
      "circuit_breakers." + cluster.plan.name + (priority == Priority::kDefault ? ".default." : ".high.");
  const auto take = [&](const char* name, auto& limit) {
    if (const auto value = runtime->integer(prefix + name)) limit = static_cast<std::remove_reference_t<decltype(limit)>>(*value);
  };
  take("max_connections", limits.max_connections);
  take("max_pending_requests", limits.max_pending);
  take("max_requests", limits.max_requests);
  take("max_retries", limits.max_retries);
  take("max_connection_pools", limits.max_pools);
  if (limits.retry_budget_percent) {
    take("retry_budget.budget_percent", *limits.retry_budget_percent);
    take("retry_budget.min_retry_concurrency", limits.retry_min_concurrency);
  }
  return limits;
}

plan::OutlierDetection outlierLimitsOf(const plan::OutlierDetection& configured, const snapshot::RuntimePart* runtime) {
  plan::OutlierDetection limits = configured;
  if (runtime == nullptr || runtime->values.empty()) return limits;
  const auto take = [&](std::string_view key, uint32_t& limit) {
    if (const auto value = runtime->integer(key)) limit = static_cast<uint32_t>(std::min<uint64_t>(*value, UINT32_MAX));
  };
  take("outlier_detection.consecutive_5xx", limits.consecutive_5xx);
  take("outlier_detection.consecutive_gateway_failure", limits.consecutive_gateway);
  take("outlier_detection.consecutive_local_origin_failure", limits.consecutive_local_origin);
  return limits;
}

}  // namespace nuncio::upstream
