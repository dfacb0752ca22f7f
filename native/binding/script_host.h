// ScriptHost: the JavaScript of one worker thread: calls its one dispatch function, with a callback scope that is opened by
// the first call of a turn and closed at the end of the turn, where promises then settle. Made by `scriptHost()` in the
// worker's environment, gone with it.
#pragma once

#include <node_api.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/shared_cells.h"
#include "binding/head_frame.h"
#include "loop/loop.h"
#include "script/head_run.h"
#include "script/header_names.h"
#include "script/host.h"
#include "script/outgoing_calls.h"
#include "script/script_set.h"
#include "worker/worker.h"

namespace nuncio::binding {

class ScriptHost final : public script::Host, private loop::TurnTask {
 public:
  /** `run_heads` is called with the values that were read ahead; the rest stands in the frame. */
  ScriptHost(napi_env env, Worker& worker, napi_value dispatch, napi_value run_heads);
  ~ScriptHost();
  ScriptHost(const ScriptHost&) = delete;
  ScriptHost& operator=(const ScriptHost&) = delete;

  script::Outcome run(const script::Call& call, std::string_view chunk) override;
  void runHeads(script::Stage stage, std::span<script::HeadRun> runs) override;
  void wantEndOfTurn() override;
  std::optional<script::Built> find(const std::string& id) override;

  void registerProgram(std::string id, script::Built built) {
    if (ahead_.size() <= built.index) ahead_.resize(built.index + 1);
    ahead_[built.index] = {};
    programs_[std::move(id)] = {built, false};
    worker_.scripts().bind();
  }
  bool isProgramUsed(const std::string& id) const {
    const auto found = programs_.find(id);
    return found != programs_.end() && found->second.used;
  }
  void forgetProgram(const std::string& id) { programs_.erase(id); }
  script::HttpFilter* filter(uint32_t handle) { return worker_.scripts().streams().find(handle); }
  Worker& worker() { return worker_; }
  script::OutgoingCalls& calls() { return calls_; }
  /** The memory JavaScript reads its calls from. */
  script::Call& call() { return call_; }
  HeadFrame& frame() { return frame_; }
  /** Takes over the headers that JavaScript wrote into the frame. */
  void takeWrites() {
    if (frame_.write[taken_].kind != HeadFrame::kNone) [[unlikely]] applyWrites();
  }
  /** From now on the program's hook for this head gets the value of this header with the call. */
  void readAhead(uint32_t program, bool response, uint32_t name);
  /** JavaScript has called, and native code may call it back: it has its own scopes, none may be left open in it. */
  class FromJavaScript {
   public:
    explicit FromJavaScript(ScriptHost& host) : host_(host) { ++host_.callers_; }
    ~FromJavaScript() {
      --host_.callers_;
      host_.touched();
    }
    FromJavaScript(const FromJavaScript&) = delete;
    FromJavaScript& operator=(const FromJavaScript&) = delete;

   private:
    ScriptHost& host_;
  };

  script::HeaderNames& names() { return worker_.scripts().headerNames(); }

  // ---- statistics and cells that filters opened, by number
  struct Stat {
    stats::Scope* scope;
    char kind;  // 'c'ounter, 'g'auge, 'h'istogram
  };
  std::vector<Stat> stats;
  std::vector<std::atomic<int64_t>*> cells;
  std::vector<base::TokenBucket*> buckets;

 private:
  void onEndOfTurn() override;
  /** What was written meanwhile must go out: this turn is to have an end. */
  void touched();
  script::Outcome invoke(const script::Call& call, std::string_view chunk, napi_value function, napi_value self);
  void invokeHeads(script::Stage stage, std::span<script::HeadRun> runs, napi_value function, napi_value self);
  void cutShort(std::span<script::HeadRun> runs);
  void readValues(const script::HeadRun& run, HeadFrame::Entry& entry, bool response);
  void applyWrites();
  std::string_view writtenText(const HeadFrame::Write& write, base::Arena& arena) const;
  void threadEnds();
  void openScope();
  void closeScope();

  napi_env env_;
  Worker& worker_;
  napi_ref dispatch_ = nullptr;
  napi_ref resource_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_handle_scope turn_handles_ = nullptr;
  napi_callback_scope scope_ = nullptr;
  napi_ref heads_ = nullptr;
  napi_value function_ = nullptr;   // these and undefined, in the turn's handle scope
  napi_value heads_function_ = nullptr;
  napi_value self_ = nullptr;
  uint32_t callers_ = 0;  // calls from JavaScript that are under way
  bool gone_ = false;     // the environment takes no more calls
  bool ending_ = false;   // the turn is: its end follows
  script::Call call_{};
  HeadFrame frame_;
  uint32_t taken_ = 0;  // of its writes
  std::span<const script::HeadRun> runs_;  // of the call that is under way: what its entries are about

  // ---- what hooks of heads were seen to read
  struct Ahead {
    static constexpr size_t kMost = 8;
    uint32_t count = 0;
    std::array<const script::HeaderName*, kMost> names{};
  };
  std::vector<std::array<Ahead, 2>> ahead_;  // by program; request and response
  std::array<napi_value, script::kMostHeadRuns * Ahead::kMost> values_;
  std::array<std::string_view, script::kMostHeadRuns * Ahead::kMost> texts_;  // of values_
  uint32_t value_count_ = 0;
  struct Known {
    script::Built built;
    bool used;  // a snapshot took it up
  };
  std::unordered_map<std::string, Known> programs_;
  script::OutgoingCalls calls_{*this, worker_.context().asyncClient()};
};

}  // namespace nuncio::binding
