#include "upstream/load_balancer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>

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

/** Null when all weigh the same: no schedule is needed. */
std::unique_ptr<HostSchedule> scheduleOf(const std::vector<HostRuntime*>& hosts, base::Random& random) {
  if (hosts.empty() || equalWeights(hosts)) return nullptr;
  auto schedule = std::make_unique<HostSchedule>();
  for (HostRuntime* host : hosts) schedule->add(host, host->weight(), random);
  return schedule;
}

class RoundRobin final : public LoadBalancer {
 public:
  RoundRobin(std::vector<HostRuntime*> hosts, base::Random& random)
      : hosts_(std::move(hosts)), at_(hosts_.empty() ? 0 : random.below(hosts_.size())), weighted_(scheduleOf(hosts_, random)) {}
  HostRuntime* pick(const PickContext&) override {
    if (hosts_.empty()) return nullptr;
    if (weighted_ != nullptr) return weighted_->next([](const HostRuntime& host) { return double(host.weight()); });
    if (at_ >= hosts_.size()) at_ = 0;
    return hosts_[at_++];
  }

 private:
  std::vector<HostRuntime*> hosts_;
  size_t at_;
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
        weighted_(scheduleOf(hosts_, random)) {}
  HostRuntime* pick(const PickContext&) override {
    if (hosts_.empty()) return nullptr;
    if (weighted_ != nullptr) return weighted_->next([this](const HostRuntime& host) { return effectiveWeight(host); });
    return full_scan_ ? scan() : sample();
  }

 private:
  double effectiveWeight(const HostRuntime& host) const {
    const auto active = static_cast<double>(host.activeRequests() + 1);
    return host.weight() / (bias_ == 1.0 ? active : std::pow(active, bias_));
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
    default: return std::make_unique<RoundRobin>(std::move(hosts), random);
  }
}

std::unique_ptr<LoadBalancer> makeLocalityBalancer(const plan::Cluster& cluster, const std::vector<HostRuntime*>& all,
                                                   const std::vector<HostRuntime*>& usable, uint32_t overprovisioning,
                                                   base::Random& random) {
  struct Group {
    size_t total = 0;
    uint32_t weight = 0;
    std::vector<HostRuntime*> usable;
  };
  std::map<uint32_t, Group> groups;
  for (const HostRuntime* host : all) {
    Group& group = groups[host->member().locality];
    ++group.total;
    group.weight = host->member().locality_weight;
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
