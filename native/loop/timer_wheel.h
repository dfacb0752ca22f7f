// TimerWheel: timers of one worker, 1 ms ticks, four levels of 256 slots. Arming and cancelling cost a list insertion;
// nothing is allocated. A Timer belongs to whoever declares it and cancels itself when destroyed.
//
//   level 0: 256 × 1 ms │ level 1: 256 × 256 ms │ level 2: 256 × 65.5 s │ level 3: 256 × 4.66 h
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"

namespace nuncio::loop {

class TimerWheel;

class Timer : public base::ListNode<> {
 public:
  using Callback = void (*)(void* owner);
  Timer(Callback callback, void* owner) : callback_(callback), owner_(owner) {}

  /** Fires once, `delay_ms` from now (at least one tick); replaces an earlier arming. */
  void arm(TimerWheel& wheel, uint64_t delay_ms);
  void cancel() { unlink(); }
  bool armed() const { return linked(); }

 private:
  friend class TimerWheel;
  Callback callback_;
  void* owner_;
  uint64_t due_ = 0;  // tick
};

/** A timer that calls a member function: `loop::MemberTimer<&Stream::onIdle> idle_{this};` */
template <auto Method>
class MemberTimer;
template <class T, void (T::*Method)()>
class MemberTimer<Method> : public Timer {
 public:
  explicit MemberTimer(T* owner) : Timer([](void* self) { (static_cast<T*>(self)->*Method)(); }, owner) {}
};

class TimerWheel {
 public:
  explicit TimerWheel(uint64_t now_ms) : tick_(now_ms), now_(now_ms) {}

  /** What delays count from: the turn's clock, which runs ahead of what was fired while events are handled. */
  void setNow(uint64_t now_ms) { now_ = now_ms; }

  void insert(Timer& timer, uint64_t delay_ms);
  /** Fires everything due up to `now_ms`. */
  void advance(uint64_t now_ms);
  /** Milliseconds until something may be due (0 = now), or -1 when nothing is armed. May be early, never late. */
  int64_t nextInMs(uint64_t now_ms) const;

 private:
  static constexpr int kLevels = 4;
  static constexpr int kBits = 8;
  static constexpr uint64_t kSlots = 1 << kBits;
  using Slot = base::IntrusiveList<Timer>;

  void place(Timer& timer);
  void cascade(int level);
  void fireSlot(uint64_t slot);
  bool marked(int level, uint64_t slot) const { return (marks_[level][slot / 64] >> (slot % 64)) & 1; }
  void mark(int level, uint64_t slot) { marks_[level][slot / 64] |= 1ull << (slot % 64); }
  void unmark(int level, uint64_t slot) { marks_[level][slot / 64] &= ~(1ull << (slot % 64)); }
  bool levelEmpty(int level) const {
    return (marks_[level][0] | marks_[level][1] | marks_[level][2] | marks_[level][3]) == 0;
  }
  /** Slots from `from` (exclusive, cyclic) to the next marked one; kSlots + 1 when none. */
  uint64_t distanceToMark(int level, uint64_t from) const;

  uint64_t tick_;  // the last tick that was fired
  uint64_t now_;
  Slot slots_[kLevels][kSlots];
  uint64_t marks_[kLevels][kSlots / 64] = {};  // which slots may hold timers (a cancel leaves its mark)
};

inline void Timer::arm(TimerWheel& wheel, uint64_t delay_ms) { wheel.insert(*this, delay_ms); }

}  // namespace nuncio::loop
