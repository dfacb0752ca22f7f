// ScriptSet: the filters in TypeScript of one worker: the programs of the current snapshot by slot, the filters of streams
// and connections by handle, and what access loggers have not seen yet. Owned by the Worker, its thread only.
//
//   filter chain ─ slot ─▶ Program (this version's) ◀─ LocalRef ─ HttpFilter of each stream ◀─ handle ─ JavaScript
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/local_ref.h"
#include "script/handle_table.h"
#include "script/head_run.h"
#include "script/header_names.h"
#include "script/host.h"
#include "script/log_batches.h"
#include "script/script_part.h"
#include "snapshot/snapshot.h"

namespace nuncio::script {

class ConnectionGuest;
class HttpFilter;
class ScriptSet;

/**
 * Which hook the worker's thread is in, for a watchdog on the main thread: `calls` is odd while JavaScript runs, and never the same again. A
 * call that took the thread down stays open until the next thread comes. Where a call runs several hooks, JavaScript leaves here which it is
 * at. Written by the worker's thread only.
 */
struct Activity {
  static constexpr uint32_t kStride = 256;
  std::atomic<uint64_t> calls{0};
  std::atomic<uint32_t> stage{0};
  std::atomic<uint32_t> steps{0};  // a multiple of kStride at the begin of a call; and one more than the place in `slots`
  std::array<std::atomic<uint32_t>, kMostHeadRuns> slots{};  // of the call's hooks
  static_assert(kMostHeadRuns < kStride);

  void begin(Stage of, uint32_t first_slot) {
    slots[0].store(first_slot, std::memory_order_relaxed);
    stage.store(static_cast<uint32_t>(of), std::memory_order_relaxed);
    steps.store((steps.load(std::memory_order_relaxed) / kStride + 1) * kStride, std::memory_order_relaxed);
    calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void end() { calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  bool open() const { return calls.load(std::memory_order_relaxed) % 2 != 0; }
  /** Hooks of the call that have begun, of those that JavaScript counts. */
  uint32_t begun() const { return steps.load(std::memory_order_relaxed) % kStride; }
  uint32_t slot() const {
    const uint32_t count = begun();
    return slots[count == 0 || count > kMostHeadRuns ? 0 : count - 1].load(std::memory_order_relaxed);
  }
};
// JavaScript writes to it as 32-bit words.
static_assert(offsetof(Activity, steps) == 12 && std::atomic<uint32_t>::is_always_lock_free);

/** One version of a filter in this worker, kept by the snapshot and by the streams that began with it. */
class Program : public base::LocalCounted {
 public:
  /** `slot`: where the snapshot has it. */
  Program(ScriptSet& set, snapshot::PartPtr part, uint32_t slot);
  ~Program();

  std::string_view name() const { return script().plan.name; }
  bool failsOpen() const { return script().plan.fail_open; }
  bool has(Stage stage) const { return (hooks_ >> static_cast<uint32_t>(stage) & 1) != 0; }
  /** It has no hooks but those of requests. */
  bool seesRequestsAlone() const {
    constexpr uint32_t kOfRequest = 1u << static_cast<uint32_t>(Stage::kResponseHeaders);
    return hooks_ != 0 && hooks_ < kOfRequest;
  }
  const snapshot::PartPtr& part() const { return part_; }
  Outcome run(Stage stage, uint32_t handle, bool end_stream, std::string_view chunk);
  /** Looks its JavaScript up in the host that is there now. */
  void bind();
  bool bound() const;
  uint32_t slot() const { return slot_; }
  /** Its number in the host. */
  uint32_t index() const { return index_; }

 private:
  // A clock costs as much as a small hook: one call in so many is timed.
  static constexpr uint32_t kTimedOf = 16;
  const ScriptPart& script() const { return static_cast<const ScriptPart&>(*part_); }

  ScriptSet& set_;
  const snapshot::PartPtr part_;
  const uint32_t slot_;
  uint64_t host_ = 0;   // the host its index belongs to; 0: none
  uint32_t index_ = 0;
  uint32_t hooks_ = 0;
  uint32_t runs_ = 0;
  stats::Scope* times_ = nullptr;
};
using ProgramRef = base::LocalRef<Program>;

class ScriptSet {
 public:
  explicit ScriptSet(loop::Loop& loop) : log_batches_(*this, loop), loop_(loop), urgent_(*this) {}

  /** Follows what `now` differs in from `before`, the snapshot adopted last. */
  void adopt(const snapshot::Snapshot& before, const snapshot::Snapshot& now);
  /** The program in a slot; empty: none. */
  ProgramRef at(uint32_t slot) const { return slot < programs_.size() ? programs_[slot] : ProgramRef(); }

  /** JavaScript is there (again); its programs come one by one. */
  void attach(Host& host);
  /** A program was built: those of the snapshot that had none find it. */
  void bind();
  /** It goes: whoever waits for it fails by its policy. */
  void detach();
  Host* host() { return host_; }

  // ---- hooks of heads
  /** Now. Stops being possible inside another hook: then each is called by itself. */
  void runHeads(Stage stage, std::span<HeadRun> runs);
  /** At the end of the turn, with those of other streams: HttpFilter::headRan follows. False: not now. */
  bool awaitHead(uint32_t handle);
  /** Runs what waits. Called by the host at the end of a turn. */
  void flush();
  HeaderNames& headerNames() { return header_names_; }
  Activity& activity() { return activity_; }
  uint64_t hostNumber() const { return host_ == nullptr ? 0 : host_number_; }

  // ---- by handle; when there is none left, the stream or connection is refused
  HandleTable<HttpFilter>& streams() { return streams_; }
  HandleTable<ConnectionGuest>& connections() { return connections_; }
  LogBatches& logBatches() { return log_batches_; }

 private:
  // A crossing is shared by so many; more would wait for no further gain.
  static constexpr size_t kEnough = 32;
  /** Enough wait: they run when the event is over. */
  struct Urgent final : loop::TurnTask {
    explicit Urgent(ScriptSet& owner) : set(owner) {}
    void onEndOfTurn() override { set.flush(); }
    ScriptSet& set;
  };
  size_t gather(std::span<HeadRun> runs, size_t& taken);
  void settle(std::span<HeadRun> runs);

  std::vector<ProgramRef> programs_;  // by slot
  HandleTable<HttpFilter> streams_;
  HandleTable<ConnectionGuest> connections_;
  LogBatches log_batches_;
  HeaderNames header_names_;
  std::vector<uint32_t> waiting_;  // handles of filters whose heads wait
  std::array<HeadRun, kMostHeadRuns> runs_;  // while they run
  loop::Loop& loop_;
  Urgent urgent_;
  Activity activity_;
  Host* host_ = nullptr;
  uint64_t host_number_ = 0;
};

}  // namespace nuncio::script
