#include "script/log_batches.h"

#include <utility>

#include "script/script_set.h"

namespace nuncio::script {

void LogBatches::add(uint32_t slot, std::string_view line) {
  if (slot >= batches_.size()) batches_.resize(slot + 1);
  Batch& batch = batches_[slot];
  if (batch.lines.size() + line.size() > kMost) {
    ++batch.dropped;
    return;
  }
  batch.lines.append(line);
  if (batch.lines.size() >= kEnough) {
    if (!TurnTask::linked()) loop_.atEndOfTurn(*this);
  } else if (!timer_.armed()) {
    timer_.arm(loop_.timers(), kWaitMs);
  }
}

void LogBatches::flush(uint32_t slot) {
  if (slot >= batches_.size() || batches_[slot].lines.empty()) return;
  const ProgramRef program = set_.at(slot);
  if (!program || !program->bound()) return;  // it may come back; the buffer has its bound
  const Batch batch = std::exchange(batches_[slot], Batch());
  program->run(Stage::kLog, batch.dropped, true, batch.lines);
}

void LogBatches::flushAll() {
  timer_.cancel();
  for (uint32_t slot = 0; slot < batches_.size(); ++slot) flush(slot);
}

}  // namespace nuncio::script
