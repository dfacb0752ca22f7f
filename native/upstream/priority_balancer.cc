#include "upstream/priority_balancer.h"

#include <algorithm>
#include <utility>

#include "upstream/hash_balancer.h"
#include "upstream/zone_router.h"

namespace nuncio::upstream {

void PriorityBalancer::rebuild(std::span<HostRuntime* const> hosts, uint32_t priorities, uint32_t overprovisioning,
                               const LocalityScale* scale) {
  overprovisioning_ = overprovisioning;
  priorities_.clear();
  priorities_.resize(priorities);
  for (HostRuntime* host : hosts) {
    const Member& member = host->member();
    PriorityState& state = priorities_[member.priority];
    state.all.hosts.push_back(host);
    if (!member.excluded()) ++state.eligible;
    if (member.usable()) state.healthy.hosts.push_back(host);
    if (member.degraded()) state.degraded.hosts.push_back(host);
  }
  for (PriorityState& state : priorities_) {
    fill(state.all, state, scale);
    fill(state.healthy, state, scale);
    fill(state.degraded, state, scale);
  }
  computeLoads();
}

void PriorityBalancer::fill(HostSet& set, const PriorityState& state, const LocalityScale* scale) const {
  const plan::Cluster& plan = with_.part.plan;
  if (hashes(plan)) {
    set.balancer = makeHashBalancer({plan, *with_.part.breakers, with_.random, by_locality_, scale}, set.hosts);
  } else if (by_locality_) {
    set.balancer = makeLocalityBalancer(plan, state.all.hosts, set.hosts, overprovisioning_, scale, with_.random);
  } else {
    set.balancer = makeLoadBalancer(plan, set.hosts, with_.random);
  }
}

// Envoy's arithmetic (docs: "Priority levels", "Degraded endpoints"): a priority's health is its share of usable hosts
// times the over-provisioning factor, at most 100; load goes to the first priorities as far as their health carries it.
void PriorityBalancer::computeLoads() {
  std::vector<uint32_t> health, degraded;
  uint32_t total = 0;
  for (const PriorityState& state : priorities_) {
    const size_t hosts = state.eligible;
    const auto share = [&](size_t part) {
      if (hosts == 0) return 0u;
      return static_cast<uint32_t>(std::min<uint64_t>(100, overprovisioning_ * part / hosts));
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
  const bool zoned = zones_ != nullptr && zones_->active();
  simple_ = priorities_.size() == 1 && !priorities_[0].panic && priorities_[0].healthy_load == 100 && !zoned;
}

void PriorityBalancer::computePanic(uint32_t availability) {
  if (availability == 100) return;
  bool everywhere = true;
  size_t all_hosts = 0;
  for (PriorityState& state : priorities_) {
    const size_t hosts = state.eligible;
    const size_t usable = state.healthy.hosts.size() + state.degraded.hosts.size();
    state.panic = (hosts == 0 ? 0 : 100 * usable / hosts) < with_.part.plan.healthy_panic_threshold;
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

const PriorityBalancer::PriorityState* PriorityBalancer::choosePriority(const PickContext& context, bool& degraded) {
  // One hash, one priority.
  const bool bound = context.hash.has_value() && hashes(with_.part.plan);
  const auto ticket = static_cast<uint32_t>(bound ? *context.hash % 100 : with_.random.below(100));
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

HostRuntime* PriorityBalancer::choose(const PickContext& context) {
  if (simple_) [[likely]] return pickFrom(*priorities_[0].healthy.balancer, context);
  bool degraded = false;
  auto* state = const_cast<PriorityState*>(choosePriority(context, degraded));
  if (state == nullptr) return nullptr;
  if (!state->panic) {
    if (degraded) return pickFrom(*state->degraded.balancer, context);
    const bool zoned = zones_ != nullptr && zones_->active() && state == priorities_.data();
    LoadBalancer* zone = zoned ? zones_->choose() : nullptr;
    return pickFrom(zone == nullptr ? *state->healthy.balancer : *zone, context);
  }
  with_.stats.inc(stats::ClusterStat::lb_healthy_panic);
  return with_.part.plan.fail_traffic_on_panic ? nullptr : pickFrom(*state->all.balancer, context);
}

HostRuntime* PriorityBalancer::pickFrom(LoadBalancer& balancer, const PickContext& context) {
  HostRuntime* host = balancer.pick(context);
  if (context.avoid == nullptr) return host;
  PickContext again = context;
  while (again.attempt < context.attempts && host != nullptr && (*context.avoid)(*host)) {
    ++again.attempt;
    host = balancer.pick(again);
  }
  return host;
}

}  // namespace nuncio::upstream
