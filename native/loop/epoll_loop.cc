#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/check.h"
#include "loop/loop.h"

namespace nuncio::loop {

Loop::Loop() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_fd_ >= 0); }

Loop::~Loop() { close(epoll_fd_); }

void Loop::add(int fd, uint32_t events, EventHandler& handler) {
  epoll_event event{events, {.ptr = &handler}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::modify(int fd, uint32_t events, EventHandler& handler) {
  epoll_event event{events, {.ptr = &handler}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::remove(int fd, EventHandler& handler) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = event_at_; i < event_count_; ++i) {
    if (events_[i].data.ptr == &handler) events_[i].data.ptr = nullptr;
  }
}

/** With hundreds of connections the next one's memory is in no near cache; it comes while this event is handled. */
static void prefetch(const void* handler) {
  constexpr int kLines = 5, kLine = 64;
  for (int i = 0; i < kLines; ++i) __builtin_prefetch(static_cast<const char*>(handler) + i * kLine, 1);
}

int Loop::turn(int timeout_ms) {
  event_count_ = epoll_wait(epoll_fd_, events_, kMaxEvents, timeout_ms);
  if (event_count_ < 0) event_count_ = 0;  // EINTR
  const int count = event_count_;
  refreshClock();
  for (event_at_ = 0; event_at_ < event_count_;) {
    const epoll_event& event = events_[event_at_++];
    if (event_at_ < event_count_) prefetch(events_[event_at_].data.ptr);
    if (event.data.ptr == nullptr) continue;
    static_cast<EventHandler*>(event.data.ptr)->onEvents(event.events);
    bool more = event_at_ < event_count_;
    if (!soon_.empty()) [[unlikely]] {
      runSoon();
      more = false;  // what it wrote has waited already
    }
    if (after_event_ != nullptr) after_event_(after_argument_, more);
  }
  event_count_ = event_at_ = 0;
  endOfTurn();
  return count;
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
  if (!const_cast<Loop*>(this)->tasks_.empty()) return 0;
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
