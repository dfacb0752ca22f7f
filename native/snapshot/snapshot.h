// Snapshot: one version of everything that was configured: for each kind a table slot → part. Immutable and shared by
// all threads; what did not change is the same object in the old and the new snapshot, so what changed is cheap to find.
//
// Store: the plans by id and the current snapshot. Written by main under a mutex; a worker reads `current()` once per
// commit. It learns how to decode a kind from the table it is given, so that it depends on no kind.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "snapshot/table.h"

namespace nuncio::snapshot {

enum class Kind : uint8_t { kListener, kRouteTable, kCluster, kEndpoints, kRuntime, kSecret, kScript, kScopedRoutes, kExtensionConfig, kCount };
inline constexpr size_t kKindCount = static_cast<size_t>(Kind::kCount);

struct Snapshot {
  uint64_t version = 0;
  Table tables[kKindCount];

  const Table& of(Kind kind) const { return tables[static_cast<size_t>(kind)]; }
  const PartPtr& at(Kind kind, uint32_t slot) const { return of(kind)[slot]; }
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

struct Change {
  Kind kind;
  uint32_t slot;
  std::string id;  // empty: removed
};

using Decode = base::Result<PartPtr, std::string> (*)(std::string_view name, std::span<const uint8_t> bytes);

class Store {
 public:
  explicit Store(const Decode (&decoders)[kKindCount]) { std::copy(std::begin(decoders), std::end(decoders), decoders_); }

  /** Decodes and keeps a plan; a known id costs nothing. The error is a sentence for the operator. */
  [[nodiscard]] std::string put(Kind kind, std::string_view name, const std::string& id, std::span<const uint8_t> bytes);
  /** Makes the next snapshot. Every id must have been put. Plans no snapshot refers to any more are dropped. */
  [[nodiscard]] std::string commit(const std::vector<Change>& changes);
  SnapshotPtr current() const;
  /** The decoded plan with this id; null when unknown. */
  PartPtr find(Kind kind, const std::string& id) const;

 private:
  void forgetUnused();

  Decode decoders_[kKindCount];
  mutable std::mutex mutex_;
  SnapshotPtr current_ = std::make_shared<Snapshot>();                    // guarded by mutex_
  std::unordered_map<std::string, PartPtr> pending_[kKindCount];          // put and not yet committed
  std::unordered_map<std::string, std::weak_ptr<const Part>> known_[kKindCount];
  std::vector<std::string> placed_[kKindCount];             // by slot: the id of what stands there
  std::unordered_set<std::string> leaving_[kKindCount];     // replaced, or never placed: forgotten once nobody holds them
};

}  // namespace nuncio::snapshot
