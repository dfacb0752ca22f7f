#include "loop/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace nuncio::loop {

Mailbox::Mailbox(Loop& loop) : loop_(loop), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(wake_fd_ >= 0);
  loop_.add(wake_fd_, EPOLLIN, *this);
}

Mailbox::~Mailbox() {
  loop_.remove(wake_fd_, *this);
  close(wake_fd_);
}

bool Mailbox::post(std::unique_ptr<Mail> mail) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= kMaxQueued) {
      ++dropped_;
      return false;
    }
    first = queue_.empty();
    queue_.push_back(std::move(mail));
  }
  if (!first) return true;  // the reader was woken for an earlier one
  const uint64_t one = 1;
  return write(wake_fd_, &one, sizeof(one)) == sizeof(one) || true;
}

void Mailbox::onEvents(uint32_t) {
  uint64_t count;
  if (read(wake_fd_, &count, sizeof(count)) < 0) return;
  std::vector<std::unique_ptr<Mail>> mail;
  {
    std::lock_guard lock(mutex_);
    mail.swap(queue_);
  }
  for (const auto& letter : mail) letter->deliver();
}

uint64_t Mailbox::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace nuncio::loop
