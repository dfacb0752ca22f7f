#include "upstream/subset_balancer.h"

#include <algorithm>
#include <utility>

#include "generated/plan.h"

namespace nuncio::upstream {
namespace {

using stats::ClusterStat;

/** As many criteria are looked at; configurations have one or two. */
constexpr size_t kMaxCriteria = 32;

const plan::SubsetValue* valueOf(const HostRuntime& host, std::string_view key) {
  for (const plan::SubsetValue& value : host.member().subset_values) {
    if (value.key == key) return &value;
  }
  return nullptr;
}

}  // namespace

SubsetBalancer::SubsetBalancer(const Balancing& with, const plan::SubsetLb& plan) : with_(with), plan_(plan) {
  if (std::none_of(plan.selectors.begin(), plan.selectors.end(), [](const auto& selector) { return selector.single_host; })) return;
  duplicates_ = with.worker_stats.scope<stats::NamedGauge>(with.part.stat_prefix + "lb_subsets_single_host_per_subset_duplicate");
}

SubsetBalancer::~SubsetBalancer() {
  with_.stats.inc(ClusterStat::lb_subsets_active, uint64_t{0} - active_);
  if (!duplicates_) return;
  duplicates_.dec(stats::NamedGaugeStat::value, doubles_);
  with_.worker_stats.release(duplicates_);
}

// ---------------------------------------------------------------- hosts into subsets

void SubsetBalancer::rebuild(std::span<HostRuntime* const> hosts, uint32_t priorities, uint32_t overprovisioning) {
  shape_ = {priorities, overprovisioning};
  const uint64_t active_before = active_, doubles_before = doubles_;
  active_ = doubles_ = 0;
  root_ = Node();
  for (HostRuntime* host : hosts) {
    for (const plan::SubsetSelector& selector : plan_.selectors) place(selector, 0, root_, *host);
  }
  finish(root_, hosts);
  with_.stats.inc(ClusterStat::lb_subsets_active, active_ - active_before);
  if (duplicates_) duplicates_.inc(stats::NamedGaugeStat::value, doubles_ - doubles_before);
  if (active_ > active_before) with_.stats.inc(ClusterStat::lb_subsets_created, active_ - active_before);
  if (active_ < active_before) with_.stats.inc(ClusterStat::lb_subsets_removed, active_before - active_);
  std::vector<HostRuntime*> defaults;
  for (HostRuntime* host : hosts) {
    if (inDefaultSubset(*host)) defaults.push_back(host);
  }
  default_ = balancerOf(defaults, hosts);
  any_ = balancerOf(hosts, hosts);
}

void SubsetBalancer::place(const plan::SubsetSelector& selector, size_t key, Node& node, HostRuntime& host) {
  if (key == selector.keys.size()) {
    if (!node.subset) node.subset.emplace();
    if (selector.single_host) {
      if (!node.subset->hosts.empty()) ++doubles_;
      if (node.subset->hosts.empty()) node.subset->hosts.push_back(&host);
      return;
    }
    if (!node.subset->balancer) node.subset->balancer = std::make_unique<PriorityBalancer>(with_, false);
    node.subset->hosts.push_back(&host);
    return;
  }
  const plan::SubsetValue* value = valueOf(host, selector.keys[key]);
  if (value == nullptr) return;
  auto& values = node.next[selector.keys[key]];
  if (!plan_.list_as_any || !value->list) return place(selector, key + 1, values[value->value], host);
  for (const std::string& element : value->elements) place(selector, key + 1, values[element], host);
}

void SubsetBalancer::finish(Node& node, std::span<HostRuntime* const> all) {
  if (node.subset) {
    ++active_;
    if (node.subset->balancer) node.subset->balancer = balancerOf(node.subset->hosts, all);
  }
  for (auto& [key, values] : node.next) {
    for (auto& [value, next] : values) finish(next, all);
  }
}

std::unique_ptr<PriorityBalancer> SubsetBalancer::balancerOf(std::span<HostRuntime* const> hosts,
                                                             std::span<HostRuntime* const> all) const {
  const bool by_locality = plan_.locality_weight_aware && with_.part.plan.locality_weighted;
  auto balancer = std::make_unique<PriorityBalancer>(with_, by_locality);
  LocalityScale scale;
  if (by_locality && plan_.scale_locality_weight) {
    std::vector<double> totals;
    for (const HostRuntime* host : all) {
      const uint32_t locality = host->member().locality;
      if (locality >= totals.size()) totals.resize(locality + 1);
      ++totals[locality];
    }
    scale.resize(totals.size());
    for (const HostRuntime* host : hosts) scale[host->member().locality] += 1 / totals[host->member().locality];
  }
  balancer->rebuild(hosts, shape_.priorities, shape_.overprovisioning, scale.empty() ? nullptr : &scale);
  return balancer;
}

bool SubsetBalancer::inDefaultSubset(const HostRuntime& host) const {
  return std::all_of(plan_.default_subset.begin(), plan_.default_subset.end(), [&](const plan::SubsetCriterion& wanted) {
    const plan::SubsetValue* value = valueOf(host, wanted.key);
    if (value == nullptr) return false;
    if (!plan_.list_as_any || !value->list) return value->value == wanted.value;
    return std::find(value->elements.begin(), value->elements.end(), wanted.value) != value->elements.end();
  });
}

// ---------------------------------------------------------------- requests to subsets

HostRuntime* SubsetBalancer::choose(const PickContext& context) {
  const bool lists = plan_.fallback_list && context.criteria != nullptr && context.criteria->has_fallback_list;
  if (!lists) return chooseOnce(context);
  for (const routing::SubsetCriteria& over : context.criteria->fallback_list) {
    routing::SubsetCriterion merged[kMaxCriteria];
    size_t count = 0;
    const auto base = context.criteria->values;
    size_t lower = 0;
    const auto add = [&](const routing::SubsetCriterion& one) {
      if (count < kMaxCriteria) merged[count++] = one;
    };
    for (const routing::SubsetCriterion& upper : over.values) {
      while (lower < base.size() && base[lower].key < upper.key) add(base[lower++]);
      if (lower < base.size() && base[lower].key == upper.key) ++lower;
      add(upper);
    }
    while (lower < base.size()) add(base[lower++]);
    const routing::SubsetCriteria criteria{{merged, count}, {}, false};
    PickContext attempt = context;
    attempt.criteria = &criteria;
    if (HostRuntime* host = chooseOnce(attempt)) return host;
  }
  return context.criteria->fallback_list.empty() ? chooseOnce(context) : nullptr;
}

HostRuntime* SubsetBalancer::chooseOnce(const PickContext& context) {
  if (context.criteria == nullptr) return standIn(context);
  if (const Subset* subset = find(context.criteria->values)) {
    with_.stats.inc(ClusterStat::lb_subsets_selected);
    return subset->balancer == nullptr ? subset->hosts.front() : subset->balancer->choose(context);
  }
  const plan::SubsetSelector* selector = selectorOf(context.criteria->values);
  if (selector == nullptr) return standIn(context);
  switch (static_cast<SelectorFallback>(selector->fallback)) {
    case SelectorFallback::kNone: return nullptr;
    case SelectorFallback::kAny: return any_->choose(context);
    case SelectorFallback::kDefaultSubset: return default_->choose(context);
    case SelectorFallback::kFewerKeys: {
      routing::SubsetCriterion kept[kMaxCriteria];
      size_t count = 0;
      for (const routing::SubsetCriterion& one : context.criteria->values) {
        const bool keep = std::find(selector->fallback_keys.begin(), selector->fallback_keys.end(), one.key) != selector->fallback_keys.end();
        if (keep && count < kMaxCriteria) kept[count++] = one;
      }
      if (count == context.criteria->values.size()) return standIn(context);
      const routing::SubsetCriteria fewer{{kept, count}, {}, false};
      PickContext again = context;
      again.criteria = count == 0 ? nullptr : &fewer;
      return chooseOnce(again);
    }
    case SelectorFallback::kInherited: break;
  }
  return standIn(context);
}

HostRuntime* SubsetBalancer::standIn(const PickContext& context) {
  const auto fallback = static_cast<Fallback>(plan_.fallback);
  if (fallback == Fallback::kNone) return nullptr;
  if (HostRuntime* host = (fallback == Fallback::kAny ? any_ : default_)->choose(context)) {
    with_.stats.inc(ClusterStat::lb_subsets_fallback);
    return host;
  }
  if (!plan_.panic_mode_any) return nullptr;
  HostRuntime* host = any_->choose(context);
  if (host != nullptr) with_.stats.inc(ClusterStat::lb_subsets_fallback_panic);
  return host;
}

/** Both are sorted by key, so that one walk is enough. Null: no such subset. */
const SubsetBalancer::Subset* SubsetBalancer::find(std::span<const routing::SubsetCriterion> criteria) const {
  const Node* node = &root_;
  for (const routing::SubsetCriterion& one : criteria) {
    const auto values = node->next.find(one.key);
    if (values == node->next.end()) {
      if (plan_.allow_redundant_keys) continue;
      return nullptr;
    }
    const auto next = values->second.find(one.value);
    if (next == values->second.end()) return nullptr;
    node = &next->second;
  }
  return node->subset && !node->subset->hosts.empty() ? &*node->subset : nullptr;
}

/** The selector with just these keys. */
const plan::SubsetSelector* SubsetBalancer::selectorOf(std::span<const routing::SubsetCriterion> criteria) const {
  for (const plan::SubsetSelector& selector : plan_.selectors) {
    const bool same = std::equal(selector.keys.begin(), selector.keys.end(), criteria.begin(), criteria.end(),
                                 [](const std::string& key, const routing::SubsetCriterion& one) { return key == one.key; });
    if (same && selector.fallback != 0) return &selector;
  }
  return nullptr;
}

}  // namespace nuncio::upstream
