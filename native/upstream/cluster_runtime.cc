#include "upstream/cluster_runtime.h"

#include <algorithm>
#include <utility>

#include "upstream/hash_balancer.h"

namespace nuncio::upstream {

ClusterRuntime::ClusterRuntime(WorkerServices& services, std::shared_ptr<const ClusterPart> part)
    : services_(services), part_(std::move(part)), stats_(services.stats.scope<stats::Cluster>(part_->plan.stat_name)) {
  makeTls();
  if (!part_->proxy_protocol) return;
  dropped_tlvs_ =
      services.stats.scope<stats::NamedCounter>(part_->stat_prefix + "upstream.proxyprotocol.v2_tlvs_exceed_max_length");
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

void ClusterRuntime::rebuild() {
  priorities_.clear();
  priorities_.resize(endpoints_ == nullptr ? 0 : endpoints_->priorities);
  if (endpoints_ != nullptr) {
    for (const Member& member : endpoints_->members) {
      PriorityState& state = priorities_[member.priority];
      HostRuntime* host = hosts_.at(member.host.get()).get();
      state.all.hosts.push_back(host);
      if (!member.excluded()) ++state.eligible;
      if (member.usable()) state.healthy.hosts.push_back(host);
      if (member.degraded()) state.degraded.hosts.push_back(host);
    }
  }
  for (PriorityState& state : priorities_) {
    fill(state.all, state);
    fill(state.healthy, state);
    fill(state.degraded, state);
  }
  computeLoads();
}

void ClusterRuntime::fill(HostSet& set, const PriorityState& state) const {
  const plan::Cluster& plan = part_->plan;
  if (hashes(plan)) {
    set.balancer = makeHashBalancer(plan, set.hosts, plan.locality_weighted, services_.random);
    return;
  }
  set.balancer = plan.locality_weighted ? makeLocalityBalancer(plan, state.all.hosts, set.hosts, endpoints_->overprovisioning, services_.random)
                                        : makeLoadBalancer(plan, set.hosts, services_.random);
}

// Envoy's arithmetic (docs: "Priority levels", "Degraded endpoints"): a priority's health is its share of usable hosts
// times the over-provisioning factor, at most 100; load goes to the first priorities as far as their health carries it.
void ClusterRuntime::computeLoads() {
  std::vector<uint32_t> health, degraded;
  uint32_t total = 0;
  for (const PriorityState& state : priorities_) {
    const size_t hosts = state.eligible;
    const auto share = [&](size_t part) {
      if (hosts == 0) return 0u;
      return static_cast<uint32_t>(std::min<uint64_t>(100, endpoints_->overprovisioning * part / hosts));
    };
    health.push_back(share(state.healthy.hosts.size()));
    degraded.push_back(share(state.degraded.hosts.size()));
    total += health.back() + degraded.back();
  }
  const uint32_t availability = std::min(total, 100u);
  uint32_t left = 100;
  const auto take = [&](uint32_t share) {
    const uint32_t load = availability == 0 ? 0 : std::min(left, share * 100 / availability);
    left -= load;
    return load;
  };
  for (size_t i = 0; i < priorities_.size(); ++i) priorities_[i].healthy_load = take(health[i]);
  for (size_t i = 0; i < priorities_.size(); ++i) priorities_[i].degraded_load = take(degraded[i]);
  for (size_t i = 0; left > 0 && availability > 0 && i < priorities_.size(); ++i) {  // rounding: to the first that has any
    if (priorities_[i].healthy_load > 0) {
      priorities_[i].healthy_load += std::exchange(left, 0);
    } else if (priorities_[i].degraded_load > 0) {
      priorities_[i].degraded_load += std::exchange(left, 0);
    }
  }
  computePanic(availability);
  simple_ = priorities_.size() == 1 && !priorities_[0].panic && priorities_[0].healthy_load == 100;
}

void ClusterRuntime::computePanic(uint32_t availability) {
  if (availability == 100) return;
  bool everywhere = true;
  size_t all_hosts = 0;
  for (PriorityState& state : priorities_) {
    const size_t hosts = state.eligible;
    const size_t usable = state.healthy.hosts.size() + state.degraded.hosts.size();
    state.panic = (hosts == 0 ? 0 : 100 * usable / hosts) < part_->plan.healthy_panic_threshold;
    everywhere = everywhere && state.panic;
    all_hosts += state.all.hosts.size();
  }
  if (!everywhere || all_hosts == 0) return;
  uint32_t left = 100;  // total panic: load by number of hosts
  for (PriorityState& state : priorities_) {
    state.healthy_load = static_cast<uint32_t>(100 * state.all.hosts.size() / all_hosts);
    state.degraded_load = 0;
    left -= state.healthy_load;
  }
  for (PriorityState& state : priorities_) {
    if (!state.all.hosts.empty()) {
      state.healthy_load += left;
      break;
    }
  }
}

const ClusterRuntime::PriorityState* ClusterRuntime::choosePriority(const PickContext& context, bool& degraded) {
  // One hash, one priority.
  const bool bound = context.hash.has_value() && hashes(part_->plan);
  const auto ticket = static_cast<uint32_t>(bound ? *context.hash % 100 : services_.random.below(100));
  uint32_t sum = 0;
  for (const PriorityState& state : priorities_) {
    sum += state.healthy_load;
    if (ticket < sum) return &state;
  }
  degraded = true;
  for (const PriorityState& state : priorities_) {
    sum += state.degraded_load;
    if (ticket < sum) return &state;
  }
  degraded = false;
  return priorities_.empty() ? nullptr : &priorities_.front();
}

HostRuntime* ClusterRuntime::choose(const PickContext& context) {
  if (simple_) [[likely]] return pickFrom(priorities_[0].healthy, context);
  bool degraded = false;
  auto* state = const_cast<PriorityState*>(choosePriority(context, degraded));
  if (state == nullptr) return nullptr;
  if (!state->panic) return pickFrom(degraded ? state->degraded : state->healthy, context);
  stats_.inc(stats::ClusterStat::lb_healthy_panic);
  return part_->plan.fail_traffic_on_panic ? nullptr : pickFrom(state->all, context);
}

HostRuntime* ClusterRuntime::pickFrom(HostSet& set, const PickContext& context) {
  HostRuntime* host = set.balancer->pick(context);
  if (context.avoid == nullptr) return host;
  PickContext again = context;
  while (again.attempt < context.attempts && host != nullptr && (*context.avoid)(*host)) {
    ++again.attempt;
    host = set.balancer->pick(again);
  }
  return host;
}

void ClusterRuntime::drain() {
  for (auto& [host, runtime] : hosts_) runtime->drain();
}

}  // namespace nuncio::upstream
