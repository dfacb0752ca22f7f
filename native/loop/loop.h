// Loop: the event loop of one worker: one epoll set, one timer wheel, work to do at the end of a turn. It knows nothing
// of Node; worker/ decides who blocks where (see `embedded`). One thread at a time.
//
//   turn = wait ─▶ clock ─▶ events, each followed by `afterEvent` ─▶ timers ─▶ end of turn (deferred frees)
//
// Within a turn what ends work goes first, and of what begins work a bounded number follows; the rest waits for the next turn,
// in order. So answers are not queued behind requests: fewer streams are under way at a time, whose memory and upstream
// connections are then still in the processor's caches when the answer comes.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "loop/timer_wheel.h"

namespace nuncio::loop {

/** Something with a file descriptor in the loop. Registered by pointer; must be removed before it goes. */
class EventHandler {
 public:
  virtual void onEvents(uint32_t events) = 0;

 protected:
  ~EventHandler() = default;
};

/** Something that wants a call at the end of the turn it was scheduled in. */
struct TurnTag;
class TurnTask : public base::ListNode<TurnTag> {
 public:
  virtual void onEndOfTurn() = 0;

 protected:
  ~TurnTask() = default;
};

class Loop {
 public:
  /** When, within a turn, the events of a file descriptor are handled. */
  enum class Order : uint8_t {
    kFirst,
    kLast,  // it mostly brings new work: a client's connection
  };

  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  void add(int fd, uint32_t events, EventHandler& handler, Order order = Order::kFirst);
  void modify(int fd, uint32_t events, EventHandler& handler, Order order = Order::kFirst);
  /** Also drops events that were fetched but not yet delivered to `handler`. */
  void remove(int fd, EventHandler& handler);

  /** One turn: waits at most `timeout_ms` (-1: until something happens). Returns the number of events that were fetched. */
  int turn(int timeout_ms);
  /** Timers and end-of-turn work after something ran outside `turn` (JavaScript, mail). */
  void settle();
  /** How long a turn may block: the next timer, or 0 when work is waiting. -1: for ever. */
  int timeout() const;

  int64_t now() const { return now_ns_; }          // monotonic, cached
  int64_t wall() const { return now_ns_ + wall_offset_ns_; }
  uint64_t nowMs() const { return static_cast<uint64_t>(now_ns_ / 1'000'000); }
  TimerWheel& timers() { return timers_; }
  void refreshClock();

  void atEndOfTurn(TurnTask& task) { tasks_.pushBack(&task); }
  /** As soon as the event that is being delivered is done with; outside of one: at the end of the turn. */
  void afterThisEvent(TurnTask& task) { soon_.pushBack(&task); }
  /**
   * Called after every event that was delivered (`more`: others of this turn follow, for which output may wait) and at the turn's
   * end: the worker sends what was written and frees what was given up.
   */
  using AfterEvent = void (*)(void* argument, bool more);
  void setAfterEvent(AfterEvent call, void* argument) { after_event_ = call, after_argument_ = argument; }
  int epollFd() const { return epoll_fd_; }

 private:
  static constexpr uint32_t kMaxEvents = 256;
  static constexpr uint32_t kMostLast = 32;  // of what begins work, in one turn
  void deliver(const epoll_event& event, bool more);
  void endOfTurn();
  void runSoon();

  int epoll_fd_;
  int64_t now_ns_ = base::monotonicNs();
  int64_t wall_offset_ns_ = base::wallNs() - now_ns_;
  int64_t wall_checked_ns_ = now_ns_;
  TimerWheel timers_{static_cast<uint64_t>(now_ns_ / 1'000'000)};
  base::IntrusiveList<TurnTask, TurnTag> tasks_;
  base::IntrusiveList<TurnTask, TurnTag> soon_;
  AfterEvent after_event_ = nullptr;
  void* after_argument_ = nullptr;
  epoll_event events_[kMaxEvents];
  uint32_t event_count_ = 0;
  uint32_t event_at_ = 0;
  epoll_event last_[kMaxEvents];  // a ring of what waits for its place in this turn, or the next
  uint32_t last_at_ = 0;
  uint32_t last_count_ = 0;
};

}  // namespace nuncio::loop
