#include "upstream/load_balancer.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "upstream/host_runtime.h"

namespace nuncio::upstream {
namespace {

bool equalWeights(const std::vector<HostRuntime*>& hosts) {
  return std::all_of(hosts.begin(), hosts.end(), [&](const HostRuntime* host) { return host->weight() == hosts[0]->weight(); });
}

/** Earliest deadline first: a host of weight w comes up w times as often as one of weight 1, evenly spread. */
class EdfSchedule {
 public:
  EdfSchedule(const std::vector<HostRuntime*>& hosts, base::Random& random) {
    for (HostRuntime* host : hosts) {
      // Start in the middle of things, so that many workers do not all begin with the heaviest host.
      const double fraction = static_cast<double>(random.next() >> 11) * 0x1.0p-53;
      push(host, static_cast<double>(host->weight()), fraction);
    }
  }
  template <class Weight>
  HostRuntime* next(Weight&& weight) {
    const Entry entry = queue_.top();
    queue_.pop();
    now_ = entry.deadline;
    push(entry.host, weight(*entry.host), 1.0);
    return entry.host;
  }

 private:
  struct Entry {
    double deadline;
    uint64_t order;
    HostRuntime* host;
    bool operator<(const Entry& other) const {
      return deadline != other.deadline ? deadline > other.deadline : order > other.order;
    }
  };
  void push(HostRuntime* host, double weight, double share) {
    queue_.push({now_ + share / std::max(weight, 1e-9), order_++, host});
  }
  std::priority_queue<Entry> queue_;
  double now_ = 0;
  uint64_t order_ = 0;
};

class RoundRobin final : public LoadBalancer {
 public:
  RoundRobin(std::vector<HostRuntime*> hosts, base::Random& random)
      : hosts_(std::move(hosts)), at_(hosts_.empty() ? 0 : random.below(hosts_.size())) {
    if (!hosts_.empty() && !equalWeights(hosts_)) weighted_ = std::make_unique<EdfSchedule>(hosts_, random);
  }
  HostRuntime* pick(const PickContext&) override {
    if (hosts_.empty()) return nullptr;
    if (weighted_ != nullptr) return weighted_->next([](const HostRuntime& host) { return double(host.weight()); });
    if (at_ >= hosts_.size()) at_ = 0;
    return hosts_[at_++];
  }

 private:
  std::vector<HostRuntime*> hosts_;
  size_t at_;
  std::unique_ptr<EdfSchedule> weighted_;
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
        full_scan_(cluster.full_scan) {
    if (!hosts_.empty() && !equalWeights(hosts_)) weighted_ = std::make_unique<EdfSchedule>(hosts_, random);
  }
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
  std::unique_ptr<EdfSchedule> weighted_;
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

}  // namespace nuncio::upstream
