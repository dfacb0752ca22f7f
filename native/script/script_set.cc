#include "script/script_set.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "script/connection_guest.h"
#include "script/http_filter.h"

namespace nuncio::script {

// ---------------------------------------------------------------- Program

Program::Program(ScriptSet& set, snapshot::PartPtr part, uint32_t slot) : set_(set), part_(std::move(part)), slot_(slot) {
  bind();
}

Program::~Program() {
  if (host_ != 0 && host_ == set_.hostNumber()) set_.host()->run({Stage::kRelease, index_, 0, 0}, {});
}

void Program::bind() {
  host_ = 0;
  if (set_.host() == nullptr) return;
  const auto built = set_.host()->find(script().plan.program);
  if (!built) return;
  host_ = set_.hostNumber();
  index_ = built->index;
  hooks_ = built->hooks;
  times_ = built->times;
}

bool Program::bound() const { return host_ != 0 && host_ == set_.hostNumber(); }

Outcome Program::run(Stage stage, uint32_t handle, bool end_stream, std::string_view chunk) {
  if (!bound()) return Outcome::kGone;
  Activity& activity = set_.activity();
  const uint64_t calls = activity.calls.load(std::memory_order_relaxed);
  // A hook closed its connection, and the hook for that is called inside it.
  if (calls % 2 != 0) [[unlikely]] return set_.host()->run({stage, index_, handle, end_stream}, chunk);
  activity.slot.store(slot_, std::memory_order_relaxed);
  activity.stage.store(static_cast<uint32_t>(stage), std::memory_order_relaxed);
  activity.calls.store(calls + 1, std::memory_order_release);
  const bool timed = runs_++ % kTimedOf == 0 && times_ != nullptr;
  const int64_t began = timed ? base::monotonicNs() : 0;
  const Outcome outcome = set_.host()->run({stage, index_, handle, end_stream}, chunk);
  // One that took the thread down has not come back: main names it.
  if (outcome == Outcome::kGone) return outcome;
  activity.calls.store(calls + 2, std::memory_order_release);
  if (timed) times_->histogram(0).record(static_cast<uint64_t>(base::monotonicNs() - began) / 1000);
  return outcome;
}

// ---------------------------------------------------------------- ScriptSet

void ScriptSet::adopt(const snapshot::Snapshot& before, const snapshot::Snapshot& now) {
  constexpr auto kScript = snapshot::Kind::kScript;
  now.of(kScript).forEachChange(before.of(kScript), [&](uint32_t slot, const snapshot::PartPtr& part) {
    if (programs_.size() <= slot) programs_.resize(slot + 1);
    log_batches_.flush(slot);  // for the version that was in use when they were made
    programs_[slot] = part == nullptr ? ProgramRef() : base::makeLocal<Program>(*this, part, slot);
  });
}

void ScriptSet::attach(Host& host) {
  const uint64_t calls = activity_.calls.load(std::memory_order_relaxed);
  if (calls % 2 != 0) activity_.calls.store(calls + 1, std::memory_order_release);  // the last one of the thread before
  host_ = &host;
  ++host_number_;
  if (!waiting_.empty()) host.wantEndOfTurn();
}

// ---------------------------------------------------------------- heads

void ScriptSet::runHeads(Stage stage, std::span<HeadRun> runs) {
  const uint64_t calls = activity_.calls.load(std::memory_order_relaxed);
  if (host_ == nullptr || calls % 2 != 0) [[unlikely]] {
    for (HeadRun& run : runs) run.outcome = host_ == nullptr ? Outcome::kGone : host_->run({stage, run.program, run.handle, 0}, {});
    return;
  }
  activity_.slot.store(runs.front().slot, std::memory_order_relaxed);
  activity_.stage.store(static_cast<uint32_t>(stage), std::memory_order_relaxed);
  activity_.calls.store(calls + 1, std::memory_order_release);
  host_->runHeads(stage, runs);
  const auto gone = [](const HeadRun& run) { return run.outcome == Outcome::kGone; };
  // One that took the thread down has not come back: main names it.
  if (std::any_of(runs.begin(), runs.end(), gone)) return;
  activity_.calls.store(calls + 2, std::memory_order_release);
}

bool ScriptSet::awaitHead(uint32_t handle) {
  if (host_ == nullptr) return false;
  waiting_.push_back(handle);
  if (waiting_.size() == 1) host_->wantEndOfTurn();
  if (waiting_.size() == kEnough) loop_.afterThisEvent(urgent_);
  return true;
}

/** The runs of the first streams that wait, as many as there is room for. `taken`: how many of those that wait were looked at. */
size_t ScriptSet::gather(std::span<HeadRun> runs, size_t& taken) {
  size_t count = 0;
  taken = 0;
  for (const uint32_t handle : waiting_) {
    if (runs.size() - count < HttpFilter::kMostTogether) break;
    ++taken;
    if (HttpFilter* filter = streams_.find(handle)) count += filter->headRuns(runs.subspan(count));
  }
  return count;
}

/** What was said goes to the filters: to those that follow first, for the chain comes to them when the one before goes on. */
void ScriptSet::settle(std::span<HeadRun> runs) {
  for (const HeadRun& run : runs) {
    HttpFilter* filter = run.leads ? nullptr : streams_.find(run.handle);
    if (filter != nullptr) filter->headRanAhead(run.outcome);
  }
  for (const HeadRun& run : runs) {
    HttpFilter* filter = run.leads ? streams_.find(run.handle) : nullptr;
    if (filter != nullptr) filter->headRan(run.outcome);
  }
}

void ScriptSet::flush() {
  urgent_.unlink();
  // The thread is going; what waits is for the next one.
  if (activity_.calls.load(std::memory_order_relaxed) % 2 != 0) [[unlikely]] return;
  // What comes to wait meanwhile is for the next turn.
  for (size_t left = waiting_.size(); left != 0 && host_ != nullptr;) {
    HeadRun runs[kMostHeadRuns];
    size_t taken = 0;
    const size_t count = gather(runs, taken);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(taken));
    left -= taken;
    if (count == 0) continue;
    runHeads(Stage::kRequestHeaders, {runs, count});
    settle({runs, count});
  }
  if (!waiting_.empty() && host_ != nullptr) host_->wantEndOfTurn();
}

void ScriptSet::bind() {
  for (const ProgramRef& program : programs_) {
    if (program && !program->bound()) program->bind();
  }
}

void ScriptSet::detach() {
  host_ = nullptr;
  // Failing one may end others, and those that end leave the table.
  streams_.forEach([](HttpFilter& filter) { filter.onHostGone(); });
  connections_.forEach([](ConnectionGuest& guest) { guest.onHostGone(); });
}

}  // namespace nuncio::script
