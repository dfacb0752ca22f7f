// ClusterSet: the clusters of one worker: slot → runtime, made on first use, following the worker's snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "snapshot/snapshot.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::upstream {

class ClusterSet {
 public:
  explicit ClusterSet(WorkerServices& services) : services_(services) {}

  /** The cluster in a slot; null when it does not exist or is not warm yet (Envoy: "no cluster"). */
  ClusterRuntime* find(uint32_t slot);
  /** By name, for cluster_header. Null as above. */
  ClusterRuntime* find(std::string_view name);
  /** Where a name is in the current snapshot, warm or not. */
  std::optional<uint32_t> slotOf(std::string_view name);
  /** Main decided anew on the health of hosts of this cluster. */
  void refresh(uint32_t slot);
  /** With this very plan, be it in use or on its way into `slot`: for connections beside those of traffic. */
  ClusterRef candidate(uint32_t slot, const std::shared_ptr<const ClusterPart>& part);
  /** Follows a new snapshot: runtimes that exist are updated, replaced or drained. */
  void adopt(snapshot::SnapshotPtr snapshot);

 private:
  ClusterRuntime* make(uint32_t slot);
  void proxiesChanged(uint32_t slot);

  WorkerServices& services_;
  snapshot::SnapshotPtr snapshot_;
  std::vector<ClusterRef> runtimes_;
  std::vector<ClusterRef> candidates_;  // since the last adoption; who uses one holds it
  std::unordered_map<std::string_view, uint32_t> names_;  // into the snapshot's plans; built on first use
  bool names_valid_ = false;
  bool zoned_ = false;  // some runtime, once made, routes by zones
};

}  // namespace nuncio::upstream
