// ClusterRuntime: what one worker keeps for one cluster: its hosts with their pools, load balancers by priority, stats.
// Made when a request first asks for the cluster; follows updates of the cluster and of its members. A cluster whose
// settings changed gets a new runtime, and the old one drains. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/local_ref.h"
#include "snapshot/runtime_part.h"
#include "stats/registry.h"
#include "upstream/cluster_part.h"
#include "upstream/host_runtime.h"
#include "upstream/load_balancer.h"
#include "upstream/original_dst.h"
#include "upstream/priority_balancer.h"
#include "upstream/subset_balancer.h"
#include "upstream/zone_router.h"
#include "upstream/worker_services.h"

namespace nuncio::upstream {

/** Response codes are also counted under a sub-prefix: `cluster.<name>.external.upstream_rq_200`. */
enum class ResponseGroup : uint8_t { kExternal, kInternal, kCanary, kRetry, kCount };

class ClusterRuntime : public base::LocalCounted {
 public:
  ClusterRuntime(WorkerServices& services, std::shared_ptr<const ClusterPart> part);
  ~ClusterRuntime();

  const ClusterPart& part() const { return *part_; }
  const plan::Cluster& plan() const { return part_->plan; }
  const EndpointsPart* endpoints() const { return endpoints_.get(); }
  WorkerServices& services() { return services_; }
  stats::ClusterScope& stats() { return stats_; }
  stats::ResponsesScope& responses(ResponseGroup group);
  /** Of the codecs; made with the first of them. */
  stats::Http1Scope http1Stats();
  stats::Http2Scope http2Stats();
  /** Of a host with this Member::transport_socket; null: it is spoken to in clear text. */
  tls::UpstreamTls* tls(uint32_t transport_socket) {
    if (transport_socket == 0 || transport_socket > matched_tls_.size()) [[likely]] return tls_.get();
    return matched_tls_[transport_socket - 1].get();
  }
  /** What holds now, the runtime's words included. */
  const plan::Thresholds& limitsOf(Priority priority) const { return limits_[static_cast<size_t>(priority)]; }
  /** So many errors in a row are told to main; the runtime's words included. Of a cluster with outlier detection. */
  const plan::OutlierDetection& outlierLimits() const { return outlier_limits_; }
  /** The layered runtime is another one; null: it has no values. */
  void adoptRuntime(const snapshot::RuntimePart* runtime);
  CircuitBreaker& breaker(Priority priority) { return (*part_->breakers)[priority]; }

  /** TLVs did not fit into a PROXY header. */
  void countDroppedTlvs() { dropped_tlvs_.inc(stats::NamedCounterStat::value); }

  /** Takes over a new list of members; hosts that stay keep their pools. */
  void setEndpoints(std::shared_ptr<const EndpointsPart> endpoints);
  /** With zone-aware routing: the proxies this one is among. Null: they are not known. */
  void followProxies(std::shared_ptr<const EndpointsPart> proxies);
  /** Main decided anew on the health of hosts. */
  void refresh();
  /** Somebody wants to know how requests to hosts end: outlier detection, or health checks that a header can fail. */
  bool judgesHosts() const { return judges_hosts_; }
  /** The host for one attempt; null: none is usable. */
  HostRuntime* choose(const PickContext& context) {
    if (context.wanted != nullptr) [[unlikely]] {
      if (HostRuntime* host = wantedHost(*context.wanted)) return host;
    }
    if (subsets_ != nullptr) [[unlikely]] return subsets_->choose(context);
    if (original_dst_ != nullptr) [[unlikely]] return original_dst_->choose(context.destination);
    return balancer_.choose(context);
  }
  /** Of part().filters; the HTTP proxy makes it when it first needs it. */
  std::unique_ptr<ClusterFiltersRuntime>& filters() { return filters_; }
  /** The cluster is gone or replaced: every host drains. */
  void drain();

 private:
  void makeTls();
  void rebuild();
  HostRuntime* wantedHost(std::string_view& wanted);

  WorkerServices& services_;
  std::shared_ptr<const ClusterPart> part_;
  plan::Thresholds limits_[2];
  plan::OutlierDetection outlier_limits_;
  std::shared_ptr<const EndpointsPart> endpoints_;
  stats::ClusterScope stats_;
  stats::ScopeRef<stats::NamedCounter> dropped_tlvs_;  // with a PROXY transport
  stats::ResponsesScope responses_[static_cast<size_t>(ResponseGroup::kCount)];  // made on first use
  stats::Http1Scope http1_stats_;
  stats::Http2Scope http2_stats_;
  std::unordered_map<const Host*, HostRef> hosts_;
  std::shared_ptr<const EndpointsPart> proxies_;  // of the local cluster
  std::unique_ptr<ZoneRouter> zones_;  // beside `balancer_`, with zone-aware routing
  std::unordered_map<std::string_view, HostRuntime*> by_address_;  // filled where requests may name their host
  PriorityBalancer balancer_;
  std::unique_ptr<SubsetBalancer> subsets_;  // in place of `balancer_`, for a cluster with subsets
  std::unique_ptr<OriginalDstHosts> original_dst_;  // in place of `balancer_`, for an ORIGINAL_DST cluster
  std::unique_ptr<tls::UpstreamTls> tls_;
  std::vector<std::unique_ptr<tls::UpstreamTls>> matched_tls_;  // null entries: clear text
  std::unique_ptr<ClusterFiltersRuntime> filters_;
  const bool judges_hosts_;
};
using ClusterRef = base::LocalRef<ClusterRuntime>;

}  // namespace nuncio::upstream
