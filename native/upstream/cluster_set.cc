#include "upstream/cluster_set.h"

#include <utility>

namespace nuncio::upstream {

using snapshot::Kind;

ClusterRuntime* ClusterSet::find(uint32_t slot) {
  if (slot < runtimes_.size() && runtimes_[slot]) [[likely]] return runtimes_[slot].get();
  return make(slot);
}

ClusterRuntime* ClusterSet::make(uint32_t slot) {
  if (snapshot_ == nullptr) return nullptr;
  const auto& part = snapshot_->at(Kind::kCluster, slot);
  const auto endpoints = std::static_pointer_cast<const EndpointsPart>(snapshot_->at(Kind::kEndpoints, slot));
  if (part == nullptr || endpoints == nullptr || !endpoints->warm) return nullptr;
  if (runtimes_.size() <= slot) runtimes_.resize(slot + 1);
  runtimes_[slot] = base::makeLocal<ClusterRuntime>(services_, std::static_pointer_cast<const ClusterPart>(part));
  runtimes_[slot]->adoptRuntime(static_cast<const snapshot::RuntimePart*>(snapshot_->at(Kind::kRuntime, 0).get()));
  if (const auto& zone = runtimes_[slot]->plan().zone_aware) [[unlikely]] {
    zoned_ = true;
    runtimes_[slot]->followProxies(
        std::static_pointer_cast<const EndpointsPart>(snapshot_->at(Kind::kEndpoints, zone->local_cluster_slot)));
  }
  runtimes_[slot]->setEndpoints(endpoints);
  return runtimes_[slot].get();
}

ClusterRuntime* ClusterSet::find(std::string_view name) {
  const auto slot = slotOf(name);
  return slot ? find(*slot) : nullptr;
}

std::optional<uint32_t> ClusterSet::slotOf(std::string_view name) {
  if (!names_valid_ && snapshot_ != nullptr) {
    names_.clear();
    snapshot_->of(Kind::kCluster).forEach([&](uint32_t slot, const snapshot::PartPtr& part) {
      names_.emplace(static_cast<const ClusterPart&>(*part).plan.name, slot);
    });
    names_valid_ = true;
  }
  const auto found = names_.find(name);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

void ClusterSet::refresh(uint32_t slot) {
  if (slot < runtimes_.size() && runtimes_[slot]) runtimes_[slot]->refresh();
  if (zoned_) [[unlikely]] proxiesChanged(slot);
}

/** Clusters whose requests go by zones look at the members of the local cluster. */
void ClusterSet::proxiesChanged(uint32_t slot) {
  for (const ClusterRef& runtime : runtimes_) {
    if (!runtime || !runtime->plan().zone_aware || runtime->plan().zone_aware->local_cluster_slot != slot) continue;
    runtime->followProxies(std::static_pointer_cast<const EndpointsPart>(snapshot_->at(Kind::kEndpoints, slot)));
  }
}

ClusterRef ClusterSet::candidate(uint32_t slot, const std::shared_ptr<const ClusterPart>& part) {
  if (slot < runtimes_.size() && runtimes_[slot] && &runtimes_[slot]->part() == part.get()) return runtimes_[slot];
  for (const ClusterRef& known : candidates_) {
    if (&known->part() == part.get()) return known;
  }
  constexpr size_t kMost = 256;
  if (candidates_.size() >= kMost) candidates_.clear();
  return candidates_.emplace_back(base::makeLocal<ClusterRuntime>(services_, part));
}

void ClusterSet::adopt(snapshot::SnapshotPtr snapshot) {
  candidates_.clear();
  static const snapshot::Snapshot kEmpty;
  const snapshot::SnapshotPtr before = std::exchange(snapshot_, std::move(snapshot));
  const snapshot::Snapshot& old = before == nullptr ? kEmpty : *before;
  // Removed, or other settings: the next request makes a new one.
  snapshot_->of(Kind::kCluster).forEachChange(old.of(Kind::kCluster), [&](uint32_t slot, const snapshot::PartPtr&) {
    names_valid_ = false;
    if (slot >= runtimes_.size() || !runtimes_[slot]) return;
    const ClusterRef runtime = std::exchange(runtimes_[slot], ClusterRef());
    runtime->drain();
  });
  const auto& values = snapshot_->at(Kind::kRuntime, 0);
  if (values != old.at(Kind::kRuntime, 0)) {
    for (const ClusterRef& runtime : runtimes_) {
      if (runtime) runtime->adoptRuntime(static_cast<const snapshot::RuntimePart*>(values.get()));
    }
  }
  snapshot_->of(Kind::kEndpoints).forEachChange(old.of(Kind::kEndpoints), [&](uint32_t slot, const snapshot::PartPtr& part) {
    if (part != nullptr && slot < runtimes_.size() && runtimes_[slot]) {
      runtimes_[slot]->setEndpoints(std::static_pointer_cast<const EndpointsPart>(part));
    }
    if (zoned_) [[unlikely]] proxiesChanged(slot);
  });
}

}  // namespace nuncio::upstream
