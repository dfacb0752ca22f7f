// SubsetBalancer: sorts a cluster's hosts by their metadata into the subsets that its selectors name, and picks from the
// one that a request's criteria lead to, or from what the fallback says (Envoy: subset load balancing). Rebuilt when the
// hosts change. Worker thread only.
//
//   criteria ─▶ node by node: key, value ─▶ subset with hosts? pick : fallback of the selector ─▶ fallback of the cluster
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "upstream/priority_balancer.h"

namespace nuncio::upstream {

class SubsetBalancer {
 public:
  /** `plan` outlives it. */
  SubsetBalancer(const Balancing& with, const plan::SubsetLb& plan);
  ~SubsetBalancer();
  SubsetBalancer(const SubsetBalancer&) = delete;
  SubsetBalancer& operator=(const SubsetBalancer&) = delete;

  void rebuild(std::span<HostRuntime* const> hosts, uint32_t priorities, uint32_t overprovisioning);
  /** The host for one attempt; null: none is usable, or no subset fits and nothing stands in for it. */
  HostRuntime* choose(const PickContext& context);

 private:
  enum class Fallback : uint32_t { kNone, kAny, kDefaultSubset };
  enum class SelectorFallback : uint32_t { kInherited, kNone, kAny, kDefaultSubset, kFewerKeys };
  /** Hosts with the same values. */
  struct Subset {
    std::vector<HostRuntime*> hosts;
    std::unique_ptr<PriorityBalancer> balancer;  // null: `hosts` is the one host of a selector that allows one
  };
  /** What leads on from the values of some keys: the next key, its values. */
  struct Node {
    std::map<std::string, std::map<std::string, Node, std::less<>>, std::less<>> next;
    std::optional<Subset> subset;
  };
  struct Shape {
    uint32_t priorities = 0, overprovisioning = 140;
  };

  void place(const plan::SubsetSelector& selector, size_t key, Node& node, HostRuntime& host);
  void finish(Node& node, std::span<HostRuntime* const> all);
  std::unique_ptr<PriorityBalancer> balancerOf(std::span<HostRuntime* const> hosts, std::span<HostRuntime* const> all) const;
  bool inDefaultSubset(const HostRuntime& host) const;
  HostRuntime* chooseOnce(const PickContext& context);
  HostRuntime* standIn(const PickContext& context);
  const Subset* find(std::span<const routing::SubsetCriterion> criteria) const;
  const plan::SubsetSelector* selectorOf(std::span<const routing::SubsetCriterion> criteria) const;

  const Balancing with_;
  const plan::SubsetLb& plan_;
  Shape shape_;
  Node root_;
  uint64_t active_ = 0;   // subsets
  uint64_t doubles_ = 0;  // hosts that came too late for a subset of one
  stats::ScopeRef<stats::NamedGauge> duplicates_;  // `doubles_`, where a selector asks for it
  std::unique_ptr<PriorityBalancer> default_;  // hosts of the default subset, when something may fall back on them
  std::unique_ptr<PriorityBalancer> any_;      // and all hosts
};

}  // namespace nuncio::upstream
