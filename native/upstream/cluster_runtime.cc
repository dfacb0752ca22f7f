#include "upstream/cluster_runtime.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "upstream/limits.h"

namespace nuncio::upstream {

ClusterRuntime::ClusterRuntime(WorkerServices& services, std::shared_ptr<const ClusterPart> part)
    : services_(services), part_(std::move(part)), stats_(services.stats.scope<stats::Cluster>(part_->plan.stat_name)),
      balancer_({*part_, stats_, services.stats, services.random}, part_->plan.locality_weighted),
      judges_hosts_(part_->plan.outlier.has_value() || part_->plan.health_checked) {
  if (part_->plan.original_dst) {
    original_dst_ = std::make_unique<OriginalDstHosts>(services_, *part_->plan.original_dst, services_.index + 1);
  }
  if (part_->plan.subset) subsets_ = std::make_unique<SubsetBalancer>(Balancing{*part_, stats_, services.stats, services.random}, *part_->plan.subset);
  if (part_->plan.zone_aware) {
    zones_ = std::make_unique<ZoneRouter>(Balancing{*part_, stats_, services.stats, services.random}, *part_->plan.zone_aware);
    balancer_.useZones(zones_.get());
  }
  makeTls();
  if (!part_->proxy_protocol) return;
  dropped_tlvs_ =
      services.stats.scope<stats::NamedCounter>(part_->stat_prefix + "upstream.proxyprotocol.v2_tlvs_exceed_max_length");
}

void ClusterRuntime::adoptRuntime(const snapshot::RuntimePart* runtime) {
  for (const Priority priority : {Priority::kDefault, Priority::kHigh}) {
    limits_[static_cast<size_t>(priority)] = upstream::limitsOf(*part_, priority, runtime);
  }
  if (zones_ != nullptr) [[unlikely]] {
    zones_->adoptRuntime(runtime);
    if (endpoints_ != nullptr) rebuild();
  }
  if (part_->plan.outlier) [[unlikely]] outlier_limits_ = upstream::outlierLimitsOf(*part_->plan.outlier, runtime);
}

void ClusterRuntime::makeTls() {
  tls::TlsStatsRef stats;  // one for all contexts of the cluster
  const auto make = [&](const tls::UpstreamConfigPtr& config) -> std::unique_ptr<tls::UpstreamTls> {
    if (config == nullptr) return nullptr;
    if (!stats) stats = base::makeLocal<tls::TlsStats>(services_.stats, part_->stat_prefix, "client_ssl_socket_factory");
    return std::make_unique<tls::UpstreamTls>(services_.tls, config, stats);
  };
  tls_ = make(part_->tls);
  for (const tls::UpstreamConfigPtr& config : part_->matched_tls) matched_tls_.push_back(make(config));
}

ClusterRuntime::~ClusterRuntime() {
  services_.stats.release(dropped_tlvs_);
  services_.stats.release(stats_);
  if (http1_stats_) services_.stats.release(http1_stats_);
  if (http2_stats_) services_.stats.release(http2_stats_);
  for (const auto& scope : responses_) services_.stats.release(scope);
}

stats::ResponsesScope& ClusterRuntime::responses(ResponseGroup group) {
  static constexpr std::string_view kNames[] = {".external", ".internal", ".canary", ".retry"};
  auto& scope = responses_[static_cast<size_t>(group)];
  if (!scope) {
    std::string name = part_->stat_prefix.substr(0, part_->stat_prefix.size() - 1);
    scope = services_.stats.scope<stats::Responses>(name.append(kNames[static_cast<size_t>(group)]));
  }
  return scope;
}

stats::Http1Scope ClusterRuntime::http1Stats() {
  if (!http1_stats_) http1_stats_ = services_.stats.scope<stats::Http1>(part_->stat_prefix + "http1");
  return http1_stats_;
}

stats::Http2Scope ClusterRuntime::http2Stats() {
  if (!http2_stats_) http2_stats_ = services_.stats.scope<stats::Http2>(part_->stat_prefix + "http2");
  return http2_stats_;
}


void ClusterRuntime::setEndpoints(std::shared_ptr<const EndpointsPart> endpoints) {
  const bool renews = part_->plan.close_on_host_set_change && endpoints_ != nullptr;
  endpoints_ = std::move(endpoints);
  std::unordered_map<const Host*, HostRef> next;
  if (endpoints_ != nullptr) {
    next.reserve(endpoints_->members.size());
    for (const Member& member : endpoints_->members) {
      const auto known = hosts_.find(member.host.get());
      if (known == hosts_.end()) {
        next.emplace(member.host.get(), base::makeLocal<HostRuntime>(member, services_.index));
      } else {
        known->second->update(member);
        next.emplace(member.host.get(), known->second);
      }
    }
  }
  for (auto& [host, runtime] : hosts_) {
    if (!next.contains(host)) runtime->drain();
  }
  hosts_ = std::move(next);
  rebuild();
  if (!renews) return;
  for (auto& [host, runtime] : hosts_) runtime->renewConnections();
}

void ClusterRuntime::followProxies(std::shared_ptr<const EndpointsPart> proxies) {
  proxies_ = std::move(proxies);
  if (endpoints_ != nullptr) rebuild();
}

/** The next that the request names, if it is one of ours. */
HostRuntime* ClusterRuntime::wantedHost(std::string_view& wanted) {
  while (!wanted.empty()) {
    const size_t comma = std::min(wanted.find(','), wanted.size());
    const std::string_view name = base::trim(wanted.substr(0, comma));
    wanted.remove_prefix(std::min(comma + 1, wanted.size()));
    const auto found = by_address_.find(name);
    if (found != by_address_.end()) return found->second;
  }
  return nullptr;
}

void ClusterRuntime::refresh() {
  for (auto& [host, runtime] : hosts_) runtime->followHealth(part_->plan.close_connections_on_health_failure);
  rebuild();
}

void ClusterRuntime::rebuild() {
  std::vector<HostRuntime*> hosts;
  if (endpoints_ != nullptr) {
    hosts.reserve(endpoints_->members.size());
    for (const Member& member : endpoints_->members) hosts.push_back(hosts_.at(member.host.get()).get());
  }
  const uint32_t priorities = endpoints_ == nullptr ? 0 : endpoints_->priorities;
  const uint32_t overprovisioning = endpoints_ == nullptr ? 140 : endpoints_->overprovisioning;
  by_address_.clear();
  if (part_->plan.override_host) {
    for (HostRuntime* host : hosts) by_address_.emplace(host->address().text(), host);
  }
  if (subsets_ != nullptr) return subsets_->rebuild(hosts, priorities, overprovisioning);
  if (zones_ != nullptr && endpoints_ != nullptr) zones_->rebuild(hosts, *endpoints_, proxies_.get());
  balancer_.rebuild(hosts, priorities, overprovisioning);
}

void ClusterRuntime::drain() {
  for (auto& [host, runtime] : hosts_) runtime->drain();
  if (original_dst_ != nullptr) original_dst_->drain();
}

}  // namespace nuncio::upstream
