// LogBatches: what access loggers in TypeScript have not been given yet: for each logger lines of JSON, a line an entry.
// A request pays for the line; JavaScript is called for many at once: when a turn has left enough of them, or some
// milliseconds later. What does not fit into a logger's buffer is dropped and counted. Owned by the ScriptSet; worker
// thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "access_log/logger.h"
#include "loop/loop.h"
#include "loop/timer_wheel.h"

namespace nuncio::script {

class ScriptSet;

class LogBatches final : public access_log::EntrySink, private loop::TurnTask {
 public:
  LogBatches(ScriptSet& set, loop::Loop& loop) : set_(set), loop_(loop) {}

  /** `line` ends in a line break. */
  void add(uint32_t slot, std::string_view line) override;
  /** Gives a logger what waits for it. */
  void flush(uint32_t slot);
  void flushAll();

 private:
  struct Batch {
    std::string lines;
    uint32_t dropped = 0;
  };
  static constexpr size_t kEnough = 32 << 10;
  static constexpr size_t kMost = 1 << 20;  // while JavaScript is away, or slower than the requests
  static constexpr uint64_t kWaitMs = 100;

  void onEndOfTurn() override { flushAll(); }

  ScriptSet& set_;
  loop::Loop& loop_;
  std::vector<Batch> batches_;  // by the program's slot
  loop::MemberTimer<&LogBatches::flushAll> timer_{this};
};

}  // namespace nuncio::script
