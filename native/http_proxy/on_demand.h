// OnDemand: the streams of one worker that wait for configuration to be fetched: virtual hosts (VHDS), the route table of a
// scope (SRDS), clusters (ODCDS). Part of the WorkerContext, worker thread only.
//
//   stream ─ wait() ─▶ first of its key: main is asked ─▶ … ─▶ commit ─▶ main: settled ─▶ settle() ─▶ all who wait go on
//
// Main says "settled" whether or not something came; the stream then looks for itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/intrusive_list.h"

namespace nuncio::http_proxy {

enum class DemandKind : uint8_t { kVirtualHost, kScope, kCluster };

/** How asking ended. */
enum class DemandEnd : uint8_t { kCame, kMissing, kTimeout };

/** What is wanted: a virtual host of the route table in a slot, a scope of the set in a slot, a cluster by a source's slot. */
struct DemandKey {
  DemandKind kind;
  uint32_t slot;
  std::string name;

  bool operator==(const DemandKey&) const = default;
};

struct DemandHash {
  size_t operator()(const DemandKey& key) const {
    return std::hash<std::string_view>()(key.name) * 31 + key.slot * 3 + static_cast<size_t>(key.kind);
  }
};

class OnDemand {
 public:
  static constexpr size_t kMaxKeys = 4096;  // wanted at once; what comes beyond that is as if it did not exist

  /** Who waits. It leaves the table by being destroyed, or by being settled. */
  class Waiter : public base::ListNode<> {
   public:
    virtual void onSettled(DemandEnd end) = 0;

   protected:
    ~Waiter() = default;
  };

  /** Tells main. False: it does not listen, or is too busy. Set by the worker's owner; any worker may call it. */
  bool (*ask)(const DemandKey& key) = nullptr;

  /** False: nobody will answer. */
  bool wait(DemandKey key, Waiter& waiter);
  /** Everybody who waits for the key goes on. */
  void settle(const DemandKey& key, DemandEnd end);
  /** Keys that were not taken because there were too many. */
  uint64_t overflows() const { return overflows_; }

 private:
  std::unordered_map<DemandKey, base::IntrusiveList<Waiter>, DemandHash> waiting_;
  uint64_t overflows_ = 0;
};

}  // namespace nuncio::http_proxy
