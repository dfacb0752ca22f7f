// The event loop's parts: lists that survive being told twice, timers that count from now.
#include "loop/loop.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "test/native/test.h"

namespace nuncio::loop {
namespace {

struct Item : base::ListNode<> {};

TEST("intrusive list: the last element pushed again stays the last, and the list whole") {
  Item a, b;
  base::IntrusiveList<Item> list;
  list.pushBack(&a);
  list.pushBack(&a);
  EXPECT(list.front() == &a);
  list.pushBack(&b);
  list.pushFront(&b);
  list.pushFront(&b);
  EXPECT(list.popFront() == &b);
  EXPECT(list.popFront() == &a);
  EXPECT(list.empty());
}

struct Task final : TurnTask {
  void onEndOfTurn() override { ++calls; }
  int calls = 0;
};

TEST("loop: a task scheduled twice in a turn runs once, and so does the one after it") {
  Loop loop;
  Task first, second;
  loop.atEndOfTurn(first);
  loop.atEndOfTurn(first);
  loop.atEndOfTurn(second);
  loop.turn(0);
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 1);
}

/** Arms a timer from an event that ends a long wait. */
struct Waker final : EventHandler {
  explicit Waker(Loop& owner) : loop(owner) {}
  void onEvents(uint32_t) override { timer.arm(loop.timers(), 100); }
  void onTimer() { fired = true; }
  Loop& loop;
  bool fired = false;
  MemberTimer<&Waker::onTimer> timer{this};
};

TEST("loop: a timer armed after a long wait counts from now, not from the turn before") {
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
  Loop loop;
  Waker waker(loop);
  loop.add(fds[0], EPOLLIN, waker);
  const timespec pause{0, 20'000'000};
  nanosleep(&pause, nullptr);  // the loop knows nothing of it
  REQUIRE(write(fds[1], "x", 1) == 1);
  loop.turn(0);
  EXPECT(waker.timer.armed());
  EXPECT(!waker.fired);
  EXPECT(loop.timeout() > 90);
  loop.remove(fds[0], waker);
  close(fds[0]);
  close(fds[1]);
}

/** A socket that has something to read; notes the order in which it is told so. */
struct Ready final : EventHandler {
  Ready(Loop& owner, std::vector<Ready*>& told_of, Loop::Order order) : loop(owner), told(told_of) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) return;
    loop.add(fds[0], EPOLLIN | EPOLLET, *this, order);
    written = write(fds[1], "x", 1) == 1;
  }
  ~Ready() {
    leave();
    close(fds[0]);
    close(fds[1]);
  }
  void onEvents(uint32_t) override { told.push_back(this); }
  void leave() { loop.remove(fds[0], *this); }
  Loop& loop;
  std::vector<Ready*>& told;
  int fds[2] = {-1, -1};
  bool written = false;
};

TEST("loop: what ends work goes before what begins it") {
  Loop loop;
  std::vector<Ready*> told;
  Ready request(loop, told, Loop::Order::kLast), answer(loop, told, Loop::Order::kFirst);
  REQUIRE(request.written && answer.written);
  EXPECT_EQ(loop.turn(0), 2);
  REQUIRE(told.size() == 2);
  EXPECT(told[0] == &answer);
  EXPECT(told[1] == &request);
  EXPECT_EQ(loop.timeout(), -1);
}

TEST("loop: of what begins work a turn takes a bounded number, in order; the rest waits, and hears nothing when it left") {
  constexpr size_t kMany = 40;
  Loop loop;
  std::vector<Ready*> told;
  std::vector<std::unique_ptr<Ready>> requests;
  for (size_t i = 0; i < kMany; ++i) requests.push_back(std::make_unique<Ready>(loop, told, Loop::Order::kLast));
  EXPECT_EQ(loop.turn(-1), static_cast<int>(kMany));
  const size_t first = told.size();
  EXPECT(first > 0 && first < kMany - 1);
  EXPECT_EQ(loop.timeout(), 0);  // the next turn does not block
  requests.back()->leave();
  Ready answer(loop, told, Loop::Order::kFirst);
  EXPECT_EQ(loop.turn(-1), 1);
  REQUIRE(told.size() == kMany);
  EXPECT(told[first] == &answer);
  for (size_t i = 0; i < kMany - 1; ++i) EXPECT(told[i < first ? i : i + 1] == requests[i].get());
  EXPECT_EQ(loop.timeout(), -1);
}

}  // namespace
}  // namespace nuncio::loop
