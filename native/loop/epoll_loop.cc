#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/check.h"
#include "loop/loop.h"

namespace nuncio::loop {
namespace {

constexpr uint64_t kLastBit = 1;  // beside the handler's address

uint64_t tagged(EventHandler& handler, Loop::Order order) {
  return reinterpret_cast<uint64_t>(&handler) | (order == Loop::Order::kLast ? kLastBit : 0);
}
bool isLast(const epoll_event& event) { return (event.data.u64 & kLastBit) != 0; }
EventHandler* handlerOf(const epoll_event& event) { return reinterpret_cast<EventHandler*>(event.data.u64 & ~kLastBit); }

/** With hundreds of connections the next one's memory is in no near cache; it comes while this event is handled. */
void prefetch(const void* handler) {
  constexpr int kLines = 5, kLine = 64;
  for (int i = 0; i < kLines; ++i) __builtin_prefetch(static_cast<const char*>(handler) + i * kLine, 1);
}

}  // namespace

Loop::Loop() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_fd_ >= 0); }

Loop::~Loop() { close(epoll_fd_); }

void Loop::add(int fd, uint32_t events, EventHandler& handler, Order order) {
  epoll_event event{events, {.u64 = tagged(handler, order)}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::modify(int fd, uint32_t events, EventHandler& handler, Order order) {
  epoll_event event{events, {.u64 = tagged(handler, order)}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::remove(int fd, EventHandler& handler) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  const auto drop = [&](epoll_event& event) {
    if (handlerOf(event) == &handler) event.data.u64 = 0;
  };
  for (uint32_t i = event_at_; i < event_count_; ++i) drop(events_[i]);
  for (uint32_t i = 0; i < last_count_; ++i) drop(last_[(last_at_ + i) % kMaxEvents]);
}

int Loop::turn(int timeout_ms) {
  const int room = static_cast<int>(kMaxEvents - last_count_);  // never 0: kMostLast went in the turn before
  const int count = std::max(epoll_wait(epoll_fd_, events_, room, last_count_ == 0 ? timeout_ms : 0), 0);  // -1: EINTR
  event_count_ = static_cast<uint32_t>(count);
  refreshClock();
  for (event_at_ = 0; event_at_ < event_count_;) {
    const epoll_event& event = events_[event_at_++];
    if (isLast(event)) {
      last_[(last_at_ + last_count_++) % kMaxEvents] = event;
      continue;
    }
    const bool more = event_at_ < event_count_;
    if (more) prefetch(handlerOf(events_[event_at_]));
    deliver(event, more || last_count_ != 0);
  }
  event_count_ = event_at_ = 0;
  for (uint32_t left = std::min(last_count_, kMostLast); left > 0; --left) {
    const epoll_event event = last_[last_at_];
    last_at_ = (last_at_ + 1) % kMaxEvents;
    if (--last_count_ != 0) prefetch(handlerOf(last_[last_at_]));
    deliver(event, left > 1);
  }
  endOfTurn();
  return count;
}

/** `more`: others of this turn follow. */
void Loop::deliver(const epoll_event& event, bool more) {
  EventHandler* handler = handlerOf(event);
  if (handler == nullptr) return;
  handler->onEvents(event.events);
  if (!soon_.empty()) [[unlikely]] {
    runSoon();
    more = false;  // what it wrote has waited already
  }
  if (after_event_ != nullptr) after_event_(after_argument_, more);
}

void Loop::runSoon() {
  while (TurnTask* task = soon_.popFront()) task->onEndOfTurn();
}

void Loop::settle() {
  refreshClock();
  endOfTurn();
}

void Loop::endOfTurn() {
  timers_.advance(nowMs());
  runSoon();
  if (after_event_ != nullptr) after_event_(after_argument_, false);
  // A task may schedule others, and itself again; those wait for the next turn, which then does not block.
  base::IntrusiveList<TurnTask, TurnTag> now;
  while (TurnTask* task = tasks_.popFront()) now.pushBack(task);
  while (TurnTask* task = now.popFront()) {
    task->onEndOfTurn();
    if (after_event_ != nullptr) after_event_(after_argument_, false);
  }
}

int Loop::timeout() const {
  if (last_count_ != 0 || !const_cast<Loop*>(this)->tasks_.empty()) return 0;
  const int64_t next = timers_.nextInMs(nowMs());
  return next < 0 ? -1 : static_cast<int>(std::min<int64_t>(next, INT_MAX));
}

void Loop::refreshClock() {
  now_ns_ = base::monotonicNs();
  timers_.setNow(nowMs());
  if (now_ns_ - wall_checked_ns_ < 100'000'000) return;  // the wall clock is stepped and slewed; look again now and then
  wall_checked_ns_ = now_ns_;
  wall_offset_ns_ = base::wallNs() - now_ns_;
}

}  // namespace nuncio::loop
