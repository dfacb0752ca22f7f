// Registry: every scope of every worker, so that the main thread can read them all. One for the process. Its mutex is
// taken when a scope is found, made or dropped, and for the copy of one list of pointers when main reads; never for a
// request.
//
// WorkerStats: one worker's way in. Used by its worker only.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stats/scope.h"

namespace nuncio::stats {

class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /** A process-wide scope, for gauges that are only ever `set` (circuit breakers). Lives until dropped by name. */
  template <class K>
  ScopeRef<K> shared(std::string_view name) {
    return ScopeRef<K>(acquire(kSharedOwner, K::kKind, name));
  }
  template <class K>
  void releaseShared(ScopeRef<K> scope) {
    if (scope) release(*scope.scope());
  }

  /**
   * Main thread: all scopes of a kind, several for one name when several workers have it. Valid until the next `drop`.
   */
  std::vector<const Scope*> scopes(Kind kind) const;
  /** Main thread: the scopes of one name. */
  std::vector<const Scope*> scopes(Kind kind, std::string_view name) const;

  /**
   * Main thread: forget a name that the configuration no longer has (a removed cluster). Freed at once where no worker
   * holds a lease, else by the `drop` or `sweep` after the last release. A name that is leased again is kept.
   */
  void drop(Kind kind, std::string_view name);
  /** Main thread, now and then: frees dropped scopes whose leases have ended. */
  void sweep();

 private:
  friend class WorkerStats;
  static constexpr int kSharedOwner = -1;
  struct Entry {
    Scope* scope;
    int owner;
  };
  struct Family {
    std::vector<Entry> entries;
    bool dropped = false;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using ByName = std::unordered_map<std::string, Family, TextHash, std::equal_to<>>;

  Scope* acquire(int owner, Kind kind, std::string_view name);
  void release(Scope& scope);
  static bool freeUnleased(Family& family);  // true when nothing is left

  mutable std::mutex mutex_;
  ByName names_[kKinds];
  size_t dropped_ = 0;  // families waiting for their leases to end
};

/** The process's one registry; made at first use, before any worker. */
Registry& processRegistry();

class WorkerStats {
 public:
  /** `worker`: its index, 0 and up. */
  WorkerStats(Registry& registry, int worker) : registry_(registry), worker_(worker) {}
  WorkerStats(const WorkerStats&) = delete;
  WorkerStats& operator=(const WorkerStats&) = delete;

  /**
   * Finds or makes the scope and takes a lease on it; the name is made safe here (see sanitizeName). On adoption of
   * a plan or first touch, not for every request.
   */
  template <class K>
  ScopeRef<K> scope(std::string_view name) {
    return ScopeRef<K>(registry_.acquire(worker_, K::kKind, name));
  }
  /** Gives a lease back (when a cluster's runtime ends). The values stay until main drops the name. */
  template <class K>
  void release(ScopeRef<K> scope) {
    if (scope) registry_.release(*scope.scope());
  }
  Registry& registry() { return registry_; }

 private:
  Registry& registry_;
  const int worker_;
};

/** A name as a part of a stat's name: "://", ":/", ":" and NUL become "_". */
std::string sanitizeName(std::string_view name);

}  // namespace nuncio::stats
