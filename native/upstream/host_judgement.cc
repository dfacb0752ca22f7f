#include "upstream/host_judgement.h"

namespace nuncio::upstream::judgement {
namespace {

bool isGatewayError(uint32_t code) { return code >= 502 && code <= 504; }

/** One more error in a row: told when there are exactly as many as the cluster bears, as further ones come until it is dealt with. */
void lengthen(std::atomic<uint32_t>& run, uint32_t limit, HostNews news, ClusterRuntime& cluster, const HostRuntime& host) {
  const uint32_t length = run.fetch_add(1, std::memory_order_relaxed) + 1;
  const auto tell = cluster.services().tell;
  if (length != limit || tell == nullptr) return;
  if (!tell(news, cluster.plan().name, host.host())) run.store(limit - 1, std::memory_order_relaxed);  // the next one tells
}

void end(std::atomic<uint32_t>& run) {
  if (run.load(std::memory_order_relaxed) != 0) run.store(0, std::memory_order_relaxed);
}

}  // namespace

void status(ClusterRuntime& cluster, HostRuntime& host, uint32_t code) {
  const auto& outlier = cluster.plan().outlier;
  if (!outlier) return;
  ErrorRuns& runs = host.shared()->runs;
  host.counters().answers.add();
  if (code < 500 || code > 599) {
    host.counters().good_answers.add();
    end(runs.server);
    end(runs.gateway);
    return;
  }
  if (isGatewayError(code)) {
    lengthen(runs.gateway, cluster.outlierLimits().consecutive_gateway, HostNews::kGatewayErrors, cluster, host);
  } else {
    end(runs.gateway);
  }
  lengthen(runs.server, cluster.outlierLimits().consecutive_5xx, HostNews::kServerErrors, cluster, host);
}

void reached(ClusterRuntime& cluster, HostRuntime& host, bool final) {
  const auto& outlier = cluster.plan().outlier;
  if (!outlier) return;
  if (!outlier->split_local_origin) {
    if (final) status(cluster, host, 200);
    return;
  }
  host.counters().attempts.add();
  host.counters().good_attempts.add();
  end(host.shared()->runs.local);
}

void unreached(ClusterRuntime& cluster, HostRuntime& host, uint32_t code) {
  const auto& outlier = cluster.plan().outlier;
  if (!outlier) return;
  if (!outlier->split_local_origin) return status(cluster, host, code);
  host.counters().attempts.add();
  lengthen(host.shared()->runs.local, cluster.outlierLimits().consecutive_local_origin, HostNews::kLocalErrors, cluster, host);
}

void immediateFailure(ClusterRuntime& cluster, HostRuntime& host) {
  if (!cluster.plan().health_checked) return;
  if (const auto tell = cluster.services().tell; tell != nullptr) tell(HostNews::kImmediateFailure, cluster.plan().name, host.host());
}

}  // namespace nuncio::upstream::judgement
