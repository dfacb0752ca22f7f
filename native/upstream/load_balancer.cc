#include "upstream/load_balancer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>

#include "base/clock.h"
#include "generated/plan.h"
#include "upstream/host_runtime.h"

namespace nuncio::upstream {
namespace {

bool equalWeights(const std::vector<HostRuntime*>& hosts) {
  return std::all_of(hosts.begin(), hosts.end(), [&](const HostRuntime* host) { return host->weight() == hosts[0]->weight(); });
}

/** Earliest deadline first: an item of weight w comes up w times as often as one of weight 1, evenly spread. */
template <class Item>
class EdfSchedule {
 public:
  /** Starts in the middle of things, so that many workers do not all begin with the heaviest. */
  void add(Item* item, double weight, base::Random& random) {
    push(item, weight, static_cast<double>(random.next() >> 11) * 0x1.0p-53);
  }
  template <class Weight>
  Item* next(Weight&& weight) {
    const Entry entry = queue_.top();
    queue_.pop();
    now_ = entry.deadline;
    push(entry.item, weight(*entry.item), 1.0);
    return entry.item;
  }

 private:
  struct Entry {
    double deadline;
    uint64_t order;
    Item* item;
    bool operator<(const Entry& other) const {
      return deadline != other.deadline ? deadline > other.deadline : order > other.order;
    }
  };
  void push(Item* item, double weight, double share) {
    queue_.push({now_ + share / std::max(weight, 1e-9), order_++, item});
  }
  std::priority_queue<Entry> queue_;
  double now_ = 0;
  uint64_t order_ = 0;
};

using HostSchedule = EdfSchedule<HostRuntime>;

/** Envoy's slow start: a host that came a short while ago has only a part of its weight. */
class SlowStart {
 public:
  explicit SlowStart(const std::optional<plan::SlowStart>& plan) {
    if (!plan) return;
    window_ns_ = int64_t{plan->window_ms} * 1'000'000;
    exponent_ = 1.0 / (plan->aggression > 0 ? plan->aggression : 1.0);
    least_ = plan->min_weight_percent / 100.0;
  }
  /** Is a host of these in its window? */
  bool concerns(const std::vector<HostRuntime*>& hosts) const {
    if (window_ns_ == 0) return false;
    const int64_t now = base::monotonicNs();
    return std::any_of(hosts.begin(), hosts.end(), [&](const HostRuntime* host) { return now - host->host().serving_since_ns < window_ns_; });
  }
  double of(const HostRuntime& host) const {
    if (window_ns_ == 0) [[likely]] return 1.0;
    const int64_t age = base::monotonicNs() - host.host().serving_since_ns;
    if (age >= window_ns_) return 1.0;
    const double share = static_cast<double>(std::max<int64_t>(age, 1'000'000)) / static_cast<double>(window_ns_);
    return std::max(exponent_ == 1.0 ? share : std::pow(share, exponent_), least_);
  }

 private:
  int64_t window_ns_ = 0;
  double exponent_ = 1.0, least_ = 0;
};

/** Null when all weigh the same: no schedule is needed. */
std::unique_ptr<HostSchedule> scheduleOf(const std::vector<HostRuntime*>& hosts, const SlowStart& slow, base::Random& random) {
  if (hosts.empty() || (equalWeights(hosts) && !slow.concerns(hosts))) return nullptr;
  auto schedule = std::make_unique<HostSchedule>();
  for (HostRuntime* host : hosts) schedule->add(host, host->weight() * slow.of(*host), random);
  return schedule;
}

class RoundRobin final : public LoadBalancer {
 public:
  RoundRobin(const plan::Cluster& cluster, std::vector<HostRuntime*> hosts, base::Random& random)
      : hosts_(std::move(hosts)),
        at_(hosts_.empty() ? 0 : random.below(hosts_.size())),
        slow_(cluster.slow_start),
        weighted_(scheduleOf(hosts_, slow_, random)) {}
  HostRuntime* pick(const PickContext&) override {
    if (hosts_.empty()) return nullptr;
    if (weighted_ != nullptr) return weighted_->next([this](const HostRuntime& host) { return host.weight() * slow_.of(host); });
    if (at_ >= hosts_.size()) at_ = 0;
    return hosts_[at_++];
  }

 private:
  std::vector<HostRuntime*> hosts_;
  size_t at_;
  const SlowStart slow_;
  std::unique_ptr<HostSchedule> weighted_;
};

class RandomChoice final : public LoadBalancer {
 public:
  RandomChoice(std::vector<HostRuntime*> hosts, base::Random& random) : hosts_(std::move(hosts)), random_(random) {}
  HostRuntime* pick(const PickContext&) override {
    return hosts_.empty() ? nullptr : hosts_[random_.below(hosts_.size())];
  }

 private:
  std::vector<HostRuntime*> hosts_;
  base::Random& random_;
};

/** Equal weights: the least loaded of N random choices. Otherwise EDF over weight / (active + 1)^bias, as Envoy. */
class LeastRequest final : public LoadBalancer {
 public:
  LeastRequest(const plan::Cluster& cluster, std::vector<HostRuntime*> hosts, base::Random& random)
      : hosts_(std::move(hosts)),
        random_(random),
        choices_(std::max(cluster.choice_count, 2u)),
        bias_(cluster.active_request_bias),
        full_scan_(cluster.full_scan),
        slow_(cluster.slow_start),
        weighted_(scheduleOf(hosts_, slow_, random)) {}
  HostRuntime* pick(const PickContext&) override {
    if (hosts_.empty()) return nullptr;
    if (weighted_ != nullptr) return weighted_->next([this](const HostRuntime& host) { return effectiveWeight(host); });
    return full_scan_ ? scan() : sample();
  }

 private:
  double effectiveWeight(const HostRuntime& host) const {
    const auto active = static_cast<double>(host.activeRequests() + 1);
    return slow_.of(host) * host.weight() / (bias_ == 1.0 ? active : std::pow(active, bias_));
  }
  HostRuntime* sample() {
    HostRuntime* best = nullptr;
    for (uint32_t i = 0; i < choices_; ++i) {
      HostRuntime* candidate = hosts_[random_.below(hosts_.size())];
      if (best == nullptr || candidate->activeRequests() < best->activeRequests()) best = candidate;
    }
    return best;
  }
  HostRuntime* scan() {
    HostRuntime* best = nullptr;
    uint64_t ties = 0;
    for (HostRuntime* candidate : hosts_) {
      if (best == nullptr || candidate->activeRequests() < best->activeRequests()) {
        best = candidate;
        ties = 1;
      } else if (candidate->activeRequests() == best->activeRequests() && random_.below(++ties) == 0) {
        best = candidate;
      }
    }
    return best;
  }

  std::vector<HostRuntime*> hosts_;
  base::Random& random_;
  uint32_t choices_;
  double bias_;
  bool full_scan_;
  const SlowStart slow_;
  std::unique_ptr<HostSchedule> weighted_;
};

class LocalityWeighted final : public LoadBalancer {
 public:
  void add(std::unique_ptr<LoadBalancer> balancer, double weight, base::Random& random) {
    localities_.push_back(std::make_unique<Locality>(std::move(balancer), weight));
    schedule_.add(localities_.back().get(), weight, random);
  }
  bool empty() const { return localities_.empty(); }
  HostRuntime* pick(const PickContext& context) override {
    return schedule_.next([](const Locality& locality) { return locality.weight; })->balancer->pick(context);
  }

 private:
  struct Locality {
    Locality(std::unique_ptr<LoadBalancer> hosts, double share) : balancer(std::move(hosts)), weight(share) {}
    std::unique_ptr<LoadBalancer> balancer;
    double weight;
  };
  std::vector<std::unique_ptr<Locality>> localities_;
  EdfSchedule<Locality> schedule_;
};

}  // namespace

std::unique_ptr<LoadBalancer> makeLoadBalancer(const plan::Cluster& cluster, std::vector<HostRuntime*> hosts,
                                               base::Random& random) {
  switch (cluster.lb) {
    case plan::Cluster::Lb::LEAST_REQUEST: return std::make_unique<LeastRequest>(cluster, std::move(hosts), random);
    case plan::Cluster::Lb::RANDOM: return std::make_unique<RandomChoice>(std::move(hosts), random);
    default: return std::make_unique<RoundRobin>(cluster, std::move(hosts), random);
  }
}

double localityWeight(const HostRuntime& host, const LocalityScale* scale) {
  const double weight = host.member().locality_weight;
  if (scale == nullptr || weight == 0) return weight;
  return std::max(1.0, std::round(weight * (*scale)[host.member().locality]));
}

std::unique_ptr<LoadBalancer> makeLocalityBalancer(const plan::Cluster& cluster, const std::vector<HostRuntime*>& all,
                                                   const std::vector<HostRuntime*>& usable, uint32_t overprovisioning,
                                                   const LocalityScale* scale, base::Random& random) {
  struct Group {
    size_t total = 0;
    double weight = 0;
    std::vector<HostRuntime*> usable;
  };
  std::map<uint32_t, Group> groups;
  for (const HostRuntime* host : all) {
    Group& group = groups[host->member().locality];
    ++group.total;
    group.weight = localityWeight(*host, scale);
  }
  for (HostRuntime* host : usable) groups[host->member().locality].usable.push_back(host);
  auto balancer = std::make_unique<LocalityWeighted>();
  for (auto& [index, group] : groups) {
    if (group.weight == 0 || group.usable.empty()) continue;
    const double availability = overprovisioning / 100.0 * static_cast<double>(group.usable.size()) / static_cast<double>(group.total);
    balancer->add(makeLoadBalancer(cluster, std::move(group.usable), random), group.weight * std::min(1.0, availability), random);
  }
  if (balancer->empty()) return makeLoadBalancer(cluster, {}, random);
  return balancer;
}

}  // namespace nuncio::upstream
