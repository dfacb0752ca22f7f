// Mailbox: the only way to hand work to a worker (or to main) from another thread: a bounded queue with many writers and
// one reader, and an eventfd that wakes the reader's loop. Owned by the reader's worker.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "loop/loop.h"

namespace nuncio::loop {

/** One piece of work. Runs on the reader's thread and is destroyed there. */
class Mail {
 public:
  virtual ~Mail() = default;
  virtual void deliver() = 0;
};

class Mailbox final : public EventHandler {
 public:
  static constexpr size_t kMaxQueued = 65536;

  explicit Mailbox(Loop& loop);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox();

  /** Any thread. False when the queue is full: the mail is destroyed and counted. */
  bool post(std::unique_ptr<Mail> mail);
  void onEvents(uint32_t events) override;
  uint64_t dropped() const;

 private:
  Loop& loop_;
  int wake_fd_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Mail>> queue_;  // guarded by mutex_
  uint64_t dropped_ = 0;                      // guarded by mutex_
};

/** Mail made from a callable: `mailFrom([worker] { worker->adopt(); })`. */
template <class Callable>
std::unique_ptr<Mail> mailFrom(Callable callable) {
  class Letter final : public Mail {
   public:
    explicit Letter(Callable callable) : callable_(std::move(callable)) {}
    void deliver() override { callable_(); }

   private:
    Callable callable_;
  };
  return std::make_unique<Letter>(std::move(callable));
}

}  // namespace nuncio::loop
