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
  runtimes_[slot]->setEndpoints(endpoints);
  return runtimes_[slot].get();
}

ClusterRuntime* ClusterSet::find(std::string_view name) {
  if (!names_valid_ && snapshot_ != nullptr) {
    names_.clear();
    const auto& parts = snapshot_->parts[static_cast<size_t>(Kind::kCluster)];
    for (uint32_t slot = 0; slot < parts.size(); ++slot) {
      if (parts[slot] != nullptr) names_.emplace(static_cast<const ClusterPart&>(*parts[slot]).plan.name, slot);
    }
    names_valid_ = true;
  }
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : find(found->second);
}

void ClusterSet::adopt(snapshot::SnapshotPtr snapshot) {
  names_valid_ = false;
  snapshot_ = std::move(snapshot);
  for (uint32_t slot = 0; slot < runtimes_.size(); ++slot) {
    ClusterRef& runtime = runtimes_[slot];
    if (!runtime) continue;
    const auto& part = snapshot_->at(Kind::kCluster, slot);
    const auto endpoints = std::static_pointer_cast<const EndpointsPart>(snapshot_->at(Kind::kEndpoints, slot));
    if (part.get() != static_cast<const snapshot::Part*>(&runtime->part())) {  // removed, or other settings: the next request makes a new one
      runtime->drain();
      runtime.reset();
    } else if (endpoints != nullptr && endpoints.get() != runtime->endpoints()) {
      runtime->setEndpoints(endpoints);
    }
  }
}

}  // namespace nuncio::upstream
