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
  // A hook closed its connection, and the hook for that is called inside it.
  if (activity.open()) [[unlikely]] return set_.host()->run({stage, index_, handle, end_stream}, chunk);
  activity.begin(stage, slot_);
  const bool timed = runs_++ % kTimedOf == 0 && times_ != nullptr;
  const int64_t began = timed ? base::monotonicNs() : 0;
  const Outcome outcome = set_.host()->run({stage, index_, handle, end_stream}, chunk);
  // One that took the thread down has not come back: main names it.
  if (outcome == Outcome::kGone) return outcome;
  activity.end();
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
  if (activity_.open()) activity_.end();  // the last call of the thread before
  host_ = &host;
  ++host_number_;
  if (!waiting_.empty()) host.wantEndOfTurn();
}

// ---------------------------------------------------------------- heads

void ScriptSet::runHeads(Stage stage, std::span<HeadRun> runs) {
  if (host_ == nullptr || activity_.open()) [[unlikely]] {
    for (HeadRun& run : runs) run.outcome = host_ == nullptr ? Outcome::kGone : host_->run({stage, run.program, run.handle, 0}, {});
    return;
  }
  for (size_t i = 1; i < runs.size(); ++i) activity_.slots[i].store(runs[i].slot, std::memory_order_relaxed);
  activity_.begin(stage, runs.front().slot);
  host_->runHeads(stage, runs);
  const auto gone = [](const HeadRun& run) { return run.outcome == Outcome::kGone; };
  // One that took the thread down has not come back: main names it.
  if (std::any_of(runs.begin(), runs.end(), gone)) return;
  activity_.end();
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
  for (size_t lead = 0, next = 0; lead < runs.size(); lead = next) {
    for (next = lead + 1; next < runs.size() && !runs[next].leads; ++next) {
      if (HttpFilter* filter = streams_.find(runs[next].handle)) filter->headRanAhead(runs[next].outcome);
    }
    if (HttpFilter* filter = streams_.find(runs[lead].handle)) filter->headRan(runs[lead].outcome);
  }
}

void ScriptSet::flush() {
  urgent_.unlink();
  // The thread is going; what waits is for the next one.
  if (activity_.open()) [[unlikely]] return;
  // What comes to wait meanwhile is for the next turn.
  for (size_t left = waiting_.size(); left != 0 && host_ != nullptr;) {
    size_t taken = 0;
    const size_t count = gather(runs_, taken);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(taken));
    left -= taken;
    if (count == 0) continue;
    const std::span<HeadRun> runs = std::span(runs_).first(count);
    runHeads(Stage::kRequestHeaders, runs);
    settle(runs);
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
