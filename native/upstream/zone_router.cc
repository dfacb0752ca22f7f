#include "upstream/zone_router.h"

#include <algorithm>
#include <map>
#include <utility>

#include "generated/plan.h"
#include "upstream/host_runtime.h"

namespace nuncio::upstream {
namespace {

using stats::ClusterStat;

constexpr uint64_t kWhole = 10'000;

/** Hosts in one place. */
struct PlaceCount {
  uint64_t healthy = 0;  // number or weight
  std::vector<HostRuntime*> usable;
};
using Places = std::map<LocalityName, PlaceCount>;

/** Of the first priority alone. `hosts`: empty, or as many as there are members. */
Places placesOf(const EndpointsPart& part, std::span<HostRuntime* const> hosts, bool by_weight) {
  Places places;
  for (size_t i = 0; i < part.members.size(); ++i) {
    const Member& member = part.members[i];
    if (member.priority != 0) continue;
    PlaceCount& place = places[part.localities[member.locality]];
    if (!member.usable()) continue;
    place.healthy += by_weight ? member.weight : 1;
    if (!hosts.empty()) place.usable.push_back(hosts[i]);
  }
  return places;
}

uint64_t total(const Places& places) {
  uint64_t sum = 0;
  for (const auto& [name, place] : places) sum += place.healthy;
  return sum;
}

uint64_t share(uint64_t part, uint64_t all) { return all == 0 ? 0 : kWhole * part / all; }

}  // namespace

void ZoneRouter::adoptRuntime(const snapshot::RuntimePart* runtime) {
  enabled_ = least_ = std::nullopt;
  if (runtime == nullptr || runtime->values.empty()) return;
  enabled_ = runtime->integer("upstream.zone_routing.enabled");
  least_ = runtime->integer("upstream.zone_routing.min_cluster_size");
}

void ZoneRouter::rebuild(std::span<HostRuntime* const> hosts, const EndpointsPart& own, const EndpointsPart* proxies) {
  zones_.clear();
  room_.clear();
  state_ = State::kOff;
  if (proxies == nullptr) return;
  with_.stats.inc(ClusterStat::lb_recalculate_zone_structures);
  const LocalityName here{plan_.region, plan_.zone, plan_.sub_zone};
  Places places = placesOf(own, hosts, plan_.by_weight);
  const Places fleet = placesOf(*proxies, {}, plan_.by_weight);
  if (places.size() < 2 || (!plan_.force_min_size && fleet.size() < 2)) return;
  if (!fleet.contains(here)) return with_.stats.inc(ClusterStat::lb_local_cluster_not_ok);
  size_t healthy = 0;
  for (const auto& [name, place] : places) healthy += place.usable.size();
  if (healthy < least_.value_or(plan_.min_cluster_size)) return with_.stats.inc(ClusterStat::lb_zone_cluster_too_small);

  const uint64_t all_hosts = total(places), all_proxies = total(fleet);
  const auto add = [&](const LocalityName& name, PlaceCount& place) {
    Zone zone;
    zone.usable = place.usable.size();
    const auto same = fleet.find(name);
    if (!place.usable.empty()) {
      zone.share = share(place.healthy, all_hosts);
      zone.proxies = same == fleet.end() ? 0 : share(same->second.healthy, all_proxies);
      zone.balancer = makeLoadBalancer(with_.part.plan, std::move(place.usable), with_.random);
    }
    zones_.push_back(std::move(zone));
  };
  const auto own_place = places.find(here);
  const bool has_own = own_place != places.end();
  if (has_own) add(here, own_place->second);
  for (auto& [name, place] : places) {
    if (!(name == here)) add(name, place);
  }
  size_t eligible = 0, carried = 0;
  for (const Member& member : proxies->members) {
    if (member.priority != 0 || member.excluded()) continue;
    ++eligible;
    if (member.usable() || member.degraded()) ++carried;
  }
  proxies_panic_ = (eligible == 0 ? 0 : 100 * carried / eligible) < with_.part.plan.healthy_panic_threshold;
  shareOut(has_own);
}

void ZoneRouter::shareOut(bool has_own) {
  const Zone& own = zones_[0];
  const bool forced = has_own && plan_.force_min_size && own.usable >= *plan_.force_min_size;
  if (forced || (has_own && own.share > 0 && own.share >= own.proxies)) {
    state_ = State::kDirect;
    return;
  }
  state_ = State::kResidual;
  stay_ = has_own && own.proxies > 0 ? own.share * kWhole / own.proxies : 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < zones_.size(); ++i) {
    const bool takes = !(i == 0 && has_own) && zones_[i].share > zones_[i].proxies;
    if (takes) sum += zones_[i].share - zones_[i].proxies;
    room_.push_back(sum);
  }
}

LoadBalancer* ZoneRouter::choose() {
  if (with_.random.below(100) >= std::min<uint64_t>(100, enabled_.value_or(plan_.enabled_percent))) return nullptr;
  if (proxies_panic_) {
    with_.stats.inc(ClusterStat::lb_local_cluster_not_ok);
    return nullptr;
  }
  return chooseZone();
}

LoadBalancer* ZoneRouter::chooseZone() {
  if (state_ == State::kDirect) {
    with_.stats.inc(ClusterStat::lb_zone_routing_all_directly);
    return zones_[0].balancer.get();
  }
  if (with_.random.below(kWhole) < stay_) {
    with_.stats.inc(ClusterStat::lb_zone_routing_sampled);
    return zones_[0].balancer.get();
  }
  with_.stats.inc(ClusterStat::lb_zone_routing_cross_zone);
  if (room_.back() == 0) {  // by rounding
    with_.stats.inc(ClusterStat::lb_zone_no_capacity_left);
    return zones_[with_.random.below(zones_.size())].balancer.get();
  }
  const uint64_t ticket = with_.random.below(room_.back());
  const auto zone = std::upper_bound(room_.begin(), room_.end(), ticket);
  return zones_[static_cast<size_t>(zone - room_.begin())].balancer.get();
}

}  // namespace nuncio::upstream
