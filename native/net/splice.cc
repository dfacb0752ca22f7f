#include "net/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace nuncio::net {
namespace {

constexpr size_t kMaxFill = 1024 * 1024;  // the pipe's own size bounds it first
constexpr unsigned kFlags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;

void closePipe(const Pipe& pipe) {
  close(pipe.read_end);
  close(pipe.write_end);
}

bool again() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

PipePool::~PipePool() {
  while (free_count_ > 0) closePipe(free_[--free_count_]);
}

bool PipePool::take(Pipe& out) {
  if (taken_ == kMaxTaken) return false;
  if (free_count_ > 0) {
    out = free_[--free_count_];
  } else {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
    out = {ends[0], ends[1]};
  }
  ++taken_;
  return true;
}

void PipePool::give(const Pipe& pipe, bool empty) {
  --taken_;
  if (!empty || free_count_ == kMaxFree) return closePipe(pipe);
  free_[free_count_++] = pipe;
}

Channel::~Channel() { release(); }

void Channel::release() {
  if (pipe_.read_end < 0) return;
  pool_.give(pipe_, held_ == 0);
  pipe_ = {};
}

IoResult Channel::fill(int fd) {
  const ssize_t got = ::splice(fd, nullptr, pipe_.write_end, nullptr, kMaxFill, kFlags);
  if (got > 0) {
    held_ += static_cast<size_t>(got);
    filled_ = true;
    return {IoStatus::kOk, static_cast<size_t>(got)};
  }
  const IoStatus status = got == 0 ? IoStatus::kClosed : again() ? IoStatus::kAgain : IoStatus::kFailed;
  release();
  return {status, 0};
}

IoResult Channel::drain(int fd, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t sent = ::splice(pipe_.read_end, nullptr, fd, nullptr, size - done, kFlags);
    if (sent <= 0) {
      if (sent < 0 && !again()) return {IoStatus::kFailed, 0};
      break;
    }
    done += static_cast<size_t>(sent);
  }
  held_ -= done;
  if (held_ == 0) {
    release();
    if (ChannelEvents* events = std::exchange(events_, nullptr)) events->onChannelDrained(*this);
  }
  return {done != 0 ? IoStatus::kOk : IoStatus::kAgain, done};
}

IoResult SpliceTransport::read(int fd, char* out, size_t size) {
  if (!filling_ || in_.held() != 0 || !in_.hasPipe()) return raw_.read(fd, out, size);
  return in_.fill(fd);
}

IoResult SpliceTransport::write(int fd, const iovec* pieces, int count) {
  size_t done = 0;
  for (int i = 0; i < count;) {
    int taken = 1;
    const size_t wanted = pieces[i].iov_len;
    const bool piped = pieces[i].iov_base == nullptr;
    const IoResult result = piped ? out_.drain(fd, wanted) : writePlain(fd, pieces + i, count - i, taken);
    if (result.status == IoStatus::kFailed) return result;
    done += result.size;
    size_t offered = 0;
    for (int k = i; k < i + taken; ++k) offered += pieces[k].iov_len;
    if (result.size < offered) break;
    i += taken;
  }
  return {done != 0 ? IoStatus::kOk : IoStatus::kAgain, done};
}

/** The pieces up to the next one that is in the pipe. */
IoResult SpliceTransport::writePlain(int fd, const iovec* pieces, int count, int& taken) {
  while (taken < count && pieces[taken].iov_base != nullptr) ++taken;
  return raw_.write(fd, pieces, taken);
}

}  // namespace nuncio::net
