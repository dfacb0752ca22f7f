#include "loop/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace nuncio::loop {

void TimerWheel::insert(Timer& timer, uint64_t delay_ms) {
  constexpr uint64_t kLongest = (1ull << (kLevels * kBits)) - 1;
  const uint64_t due = std::max(tick_, now_) + std::clamp<uint64_t>(delay_ms, 1, kLongest);
  // A timer that is only put off stays where it is and moves on when its old time comes: idle timers are put off with
  // every message, and this makes that one store.
  const bool put_off = timer.linked() && due >= timer.due_;
  timer.due_ = due;
  if (!put_off) place(timer);
}

void TimerWheel::place(Timer& timer) {
  const uint64_t left = timer.due_ > tick_ ? timer.due_ - tick_ : 0;
  int level = 0;
  while (level < kLevels - 1 && left >= (1ull << (kBits * (level + 1)))) ++level;
  const uint64_t slot = (timer.due_ >> (kBits * level)) % kSlots;
  slots_[level][slot].pushBack(&timer);
  mark(level, slot);
}

void TimerWheel::advance(uint64_t now_ms) {
  while (tick_ < now_ms) {
    // Jump over empty stretches of level 0, stopping at each wrap, where a higher level cascades down.
    const uint64_t here = tick_ % kSlots;
    const uint64_t to_wrap = kSlots - here;
    const uint64_t step = std::min({distanceToMark(0, here), to_wrap, now_ms - tick_});
    tick_ += step;
    if (tick_ % kSlots == 0) cascade(1);
    fireSlot(tick_ % kSlots);
  }
}

void TimerWheel::cascade(int level) {
  if (level >= kLevels) return;
  const uint64_t slot = (tick_ >> (kBits * level)) % kSlots;
  if (slot == 0) cascade(level + 1);
  if (!marked(level, slot)) return;
  unmark(level, slot);
  Slot& list = slots_[level][slot];
  while (Timer* timer = list.popFront()) place(*timer);
}

void TimerWheel::fireSlot(uint64_t slot) {
  if (!marked(0, slot)) return;
  unmark(0, slot);
  Slot& list = slots_[0][slot];
  while (Timer* timer = list.front()) {
    timer->unlink();
    if (timer->due_ > tick_) {  // put off meanwhile
      place(*timer);
    } else {
      timer->callback_(timer->owner_);
    }
  }
}

uint64_t TimerWheel::distanceToMark(int level, uint64_t from) const {
  for (uint64_t step = 1; step <= kSlots;) {
    const uint64_t slot = (from + step) % kSlots;
    const uint64_t word = marks_[level][slot / 64] >> (slot % 64);
    if (word != 0) return step + static_cast<uint64_t>(std::countr_zero(word));
    step += 64 - slot % 64;
  }
  return kSlots + 1;
}

int64_t TimerWheel::nextInMs(uint64_t now_ms) const {
  uint64_t best = UINT64_MAX;
  const uint64_t near = distanceToMark(0, tick_ % kSlots);
  if (near <= kSlots) best = tick_ + near;
  for (int level = 1; level < kLevels; ++level) {
    if (levelEmpty(level)) continue;
    const uint64_t here = tick_ >> (kBits * level);
    const uint64_t slots = std::min(distanceToMark(level, here % kSlots), kSlots);
    best = std::min(best, (here + slots) << (kBits * level));
  }
  if (best == UINT64_MAX) return -1;
  return best <= now_ms ? 0 : static_cast<int64_t>(best - now_ms);
}

}  // namespace nuncio::loop
