#include "upstream/hash_balancer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <string>

#include "base/murmur2.h"
#include "base/xxhash64.h"
#include "generated/plan.h"
#include "upstream/circuit_breaker.h"
#include "upstream/host_runtime.h"

namespace nuncio::upstream {
namespace {

/** A host and its share of all requests. */
struct Share {
  HostRuntime* host;
  double weight;
};

/** Shares that add up to 1. Locality by locality their weights count first; those of weight 0 get nothing. */
std::vector<Share> sharesOf(const std::vector<HostRuntime*>& hosts, bool by_locality, const LocalityScale* scale) {
  std::vector<Share> shares;
  shares.reserve(hosts.size());
  std::map<uint32_t, std::pair<double, std::vector<HostRuntime*>>> groups;
  double sum = 0;
  for (HostRuntime* host : hosts) {
    const uint32_t index = by_locality ? host->member().locality : 0;
    const double weight = by_locality ? localityWeight(*host, scale) : 1;
    auto [group, added] = groups.try_emplace(index, weight, std::vector<HostRuntime*>());
    if (added) sum += weight;
    group->second.second.push_back(host);
  }
  for (const auto& [index, group] : groups) {
    const auto& [weight, members] = group;
    if (weight == 0) continue;
    uint64_t total = 0;
    for (const HostRuntime* host : members) total += host->weight();
    for (HostRuntime* host : members) shares.push_back({host, host->weight() * (weight / sum) / static_cast<double>(total)});
  }
  return shares;
}

std::string_view keyOf(const HostRuntime& host, bool use_hostname) {
  if (!host.member().hash_key.empty()) return host.member().hash_key;
  return use_hostname && !host.host().hostname.empty() ? std::string_view(host.host().hostname) : host.address().text();
}

/** Consistent hashing with bounded loads: no host carries more than its share of what is under way, times a factor. */
class LoadBound {
 public:
  LoadBound(uint32_t percent, const CircuitBreakers& breakers) : percent_(percent), breakers_(breakers) {}
  void take(const std::vector<Share>& shares) {
    if (percent_ != 0) shares_ = shares;
  }

  /** `chosen`, or in its place another that has room: tried in an order that hangs on the hash alone. */
  HostRuntime* relieve(HostRuntime* chosen, uint64_t hash) {
    if (percent_ == 0 || chosen == nullptr) [[likely]] return chosen;
    const auto own = std::find_if(shares_.begin(), shares_.end(), [&](const Share& share) { return share.host == chosen; });
    if (own == shares_.end()) return chosen;
    double least = overload(*own);
    if (least <= 1.0) return chosen;
    HostRuntime* best = chosen;
    order_.resize(shares_.size());
    std::iota(order_.begin(), order_.end(), 0u);
    std::mt19937 random(static_cast<uint32_t>(hash));
    for (uint32_t i = 0; i < order_.size(); ++i) {
      std::swap(order_[i], order_[i + below(random, static_cast<uint32_t>(order_.size()) - i)]);
      const Share& other = shares_[order_[i]];
      if (other.host == chosen) continue;
      const double load = overload(other);
      if (load <= 1.0) return other.host;
      if (load < least) {
        least = load;
        best = other.host;
      }
    }
    return best;
  }

 private:
  static uint32_t below(std::mt19937& random, uint32_t bound) {
    uint32_t x = bound;
    while (x >= bound) x = static_cast<uint32_t>(random() / ((uint64_t{std::mt19937::max()} + 1) / bound));
    return x;
  }
  double overload(const Share& share) const {
    const uint64_t all = breakers_.of[0].requests.count() + breakers_.of[1].requests.count();
    const uint64_t total_slots = ((all + 1) * percent_ + 99) / 100;
    const double slots = std::max(std::ceil(static_cast<double>(total_slots) * share.weight), 1.0);
    uint64_t active = 0;
    for (const HostCounters& counters : share.host->host().counters) active += counters.rq_active.get();
    return static_cast<double>(active) / slots;
  }

  const uint32_t percent_;
  const CircuitBreakers& breakers_;
  std::vector<Share> shares_;
  std::vector<uint32_t> order_;
};

/** What both have in common: a table, made when it is first asked for. */
class HashBalancer : public LoadBalancer {
 public:
  HashBalancer(const HashBalancing& balancing, std::vector<HostRuntime*> hosts)
      : options_(*balancing.cluster.hash_lb),
        hosts_(std::move(hosts)),
        by_locality_(balancing.by_locality),
        random_(balancing.random),
        bound_(options_.balance_factor, balancing.breakers) {
    if (balancing.scale != nullptr) scale_ = *balancing.scale;
  }
  HostRuntime* pick(const PickContext& context) final {
    if (hosts_.empty()) return nullptr;
    if (!made_) {
      // Only now: of the sets of a priority (all, healthy, degraded) most are never asked.
      std::vector<Share> shares = sharesOf(hosts_, by_locality_, scale_.empty() ? nullptr : &scale_);
      bound_.take(shares);
      build(std::move(shares), options_);
      made_ = true;
    }
    const uint64_t hash = context.hash.has_value() ? *context.hash : random_.next();
    return bound_.relieve(find(hash, context.attempt), hash);
  }

 protected:
  virtual void build(std::vector<Share> shares, const plan::HashLb& options) = 0;
  virtual HostRuntime* find(uint64_t hash, uint32_t attempt) const = 0;

 private:
  const plan::HashLb& options_;  // of the cluster's plan, which lives longer
  const std::vector<HostRuntime*> hosts_;
  const bool by_locality_;
  LocalityScale scale_;
  bool made_ = false;
  base::Random& random_;
  LoadBound bound_;
};

/** Ketama: each host stands at many places of a ring; a hash belongs to the next place. */
class RingHash final : public HashBalancer {
 public:
  using HashBalancer::HashBalancer;

 private:
  struct Place {
    uint64_t hash;
    HostRuntime* host;
  };

  // The lightest host gets a whole number of places, and the ring at least the wanted size; a running sum rounds the others.
  void build(std::vector<Share> shares, const plan::HashLb& options) override {
    if (shares.empty()) return;
    const auto lighter = [](const Share& a, const Share& b) { return a.weight < b.weight; };
    const double least = std::min_element(shares.begin(), shares.end(), lighter)->weight;
    const double scale = std::min(std::ceil(least * static_cast<double>(options.min_ring_size)) / least,
                                  static_cast<double>(options.max_ring_size));
    ring_.reserve(static_cast<size_t>(std::ceil(scale)));
    double placed = 0, wanted = 0;
    std::string key;
    for (const Share& share : shares) {
      wanted += scale * share.weight;
      key.assign(keyOf(*share.host, options.use_hostname)).push_back('_');
      const size_t prefix = key.size();
      for (uint64_t i = 0; placed < wanted; ++i, ++placed) {
        key.resize(prefix);
        key += std::to_string(i);
        ring_.push_back({options.murmur ? base::murmurHash2(key) : base::xxHash64(key), share.host});
      }
    }
    std::sort(ring_.begin(), ring_.end(), [](const Place& a, const Place& b) { return a.hash < b.hash; });
  }

  HostRuntime* find(uint64_t hash, uint32_t attempt) const override {
    if (ring_.empty()) return nullptr;
    const auto place = std::lower_bound(ring_.begin(), ring_.end(), hash, [](const Place& a, uint64_t b) { return a.hash < b; });
    const auto at = static_cast<size_t>(place - ring_.begin()) % ring_.size();
    return ring_[(at + attempt) % ring_.size()].host;
  }

  std::vector<Place> ring_;
};

/** Maglev: a table whose slots the hosts take in turn, each in an order of its own. */
class Maglev final : public HashBalancer {
 public:
  using HashBalancer::HashBalancer;

 private:
  struct Row {
    std::string_view key;
    HostRuntime* host;
    double weight;
    uint64_t offset, skip, next = 0;
    double target = 0;
  };

  void build(std::vector<Share> shares, const plan::HashLb& options) override {
    if (shares.empty()) return;
    const uint64_t size = options.table_size;
    std::vector<Row> rows;
    rows.reserve(shares.size());
    double heaviest = 0;
    for (const Share& share : shares) {
      const std::string_view key = keyOf(*share.host, options.use_hostname);
      rows.push_back({key, share.host, share.weight, base::xxHash64(key) % size, base::xxHash64(key, 1) % (size - 1) + 1});
      heaviest = std::max(heaviest, share.weight);
    }
    // The order of turns must not hang on the order of hosts.
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
    table_.assign(size, nullptr);
    uint64_t filled = 0;
    for (uint32_t turn = 1; filled < size; ++turn) {
      for (size_t i = 0; i < rows.size() && filled < size; ++i) {
        Row& row = rows[i];
        if (turn * row.weight < row.target) continue;  // a lighter host sits out
        row.target += heaviest;
        uint64_t slot = (row.offset + row.skip * row.next) % size;
        while (table_[slot] != nullptr) slot = (row.offset + row.skip * ++row.next) % size;
        table_[slot] = row.host;
        ++row.next;
        ++filled;
      }
    }
  }

  HostRuntime* find(uint64_t hash, uint32_t attempt) const override {
    if (table_.empty()) return nullptr;
    if (attempt > 0) hash ^= ~uint64_t{0} - attempt + 1;
    return table_[hash % table_.size()];
  }

  std::vector<HostRuntime*> table_;
};

}  // namespace

bool hashes(const plan::Cluster& cluster) {
  return cluster.hash_lb.has_value() && (cluster.lb == plan::Cluster::Lb::RING_HASH || cluster.lb == plan::Cluster::Lb::MAGLEV);
}

std::unique_ptr<LoadBalancer> makeHashBalancer(const HashBalancing& balancing, std::vector<HostRuntime*> hosts) {
  if (balancing.cluster.lb == plan::Cluster::Lb::RING_HASH) return std::make_unique<RingHash>(balancing, std::move(hosts));
  return std::make_unique<Maglev>(balancing, std::move(hosts));
}

}  // namespace nuncio::upstream
