#include "worker/inspection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "worker/listener_runtime.h"

namespace nuncio {

using tcp::ListenerVerdict;

Inspection::Inspection(ListenerRuntime& listener, int fd, const net::Address& local, const net::Address& remote,
                       net::BoundSocketPtr socket)
    : listener_(&listener), socket_(std::move(socket)), fd_(fd), began_ns_(listener.worker().services.loop.now()) {
  info_.local = local;
  info_.remote = remote;
  info_.origin = &listener.origin();
  http::ConnectionFacts& facts = info_.makeFacts(listener.worker().services.io.chunks());
  facts.direct_local = local;
  facts.direct_remote = remote;
}

Inspection::~Inspection() {
  if (fd_ >= 0) close(fd_);
}

void Inspection::inherit(std::unique_ptr<http::ConnectionFacts> facts) {
  info_.facts = std::move(facts);
}

void Inspection::start() {
  auto filters = listener_->makeListenerFilters(info_.local);
  if (!filters) return finish(End::kConfigMissing);
  filters_ = std::move(*filters);
  const uint32_t timeout_ms = listener_->part().plan.listener_filters_timeout_ms;
  if (timeout_ms != 0) timer_.arm(listener_->worker().services.loop.timers(), timeout_ms);
  nextFilter();
}

void Inspection::nextFilter() {
  if (at_ == filters_.size()) return finish(End::kAccepted);
  seen_ = 0;
  go(filters_[at_]->onAccept(*this));
}

void Inspection::go(ListenerVerdict verdict) {
  if (verdict == ListenerVerdict::kNeedData) verdict = look();
  switch (verdict) {
    case ListenerVerdict::kContinue:
      ++at_;
      return nextFilter();
    case ListenerVerdict::kNeedData: return watch();
    case ListenerVerdict::kWait: waiting_ = true; return;
    case ListenerVerdict::kReject: return finish(end_);
  }
}

/** Shows the filter what is there; again when it then wants to see further. kNeedData: that is all for now. */
ListenerVerdict Inspection::look() {
  tcp::ListenerFilter& filter = *filters_[at_];
  for (;;) {
    const size_t limit = std::min(filter.inspects(), net::IoContext::kReadBuffer);
    const Peek found = peek(limit);
    if (found == Peek::kBroken || (found == Peek::kEnd && peeked_ <= seen_)) {
      end_ = found == Peek::kBroken ? End::kBroken : End::kClientGone;
      return ListenerVerdict::kReject;
    }
    if (peeked_ <= seen_) return ListenerVerdict::kNeedData;
    seen_ = peeked_;
    const ListenerVerdict verdict = filter.onData(*this, {listener_->worker().services.io.readBuffer(), peeked_});
    if (verdict != ListenerVerdict::kNeedData) return verdict;
    // A filter that has seen all it may and says nothing leaves it to the clock.
    const bool sees_further = peeked_ == limit && filter.inspects() > limit;
    if (!sees_further && !client_ended_) return verdict;
  }
}

Inspection::Peek Inspection::peek(size_t limit) {
  peeked_ = 0;
  if (limit == 0) return client_ended_ ? Peek::kEnd : Peek::kNothing;
  const ssize_t got = recv(fd_, listener_->worker().services.io.readBuffer(), limit, MSG_PEEK);
  if (got > 0) peeked_ = static_cast<size_t>(got);
  if (got > 0) return client_ended_ ? Peek::kEnd : Peek::kBytes;
  if (got == 0) return Peek::kEnd;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Peek::kNothing : Peek::kBroken;
}

void Inspection::consume(size_t size) {
  char* const scratch = listener_->worker().services.io.readBuffer();
  size = std::min(size, peeked_);
  peeked_ -= size;
  while (size > 0) {
    // Onto bytes the filter has seen already: its view ends with the call that consumes.
    const ssize_t got = recv(fd_, scratch, size, MSG_TRUNC);
    if (got <= 0) return;
    size -= static_cast<size_t>(got);
  }
}

void Inspection::watch() {
  if (watching_) return;
  watching_ = true;
  listener_->worker().services.loop.add(fd_, EPOLLIN | EPOLLRDHUP | EPOLLET, *this);
}

void Inspection::onEvents(uint32_t events) {
  if (done_) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) client_ended_ = true;
  if ((events & EPOLLERR) != 0) return finish(End::kBroken);
  if (waiting_) {
    if (client_ended_) finish(End::kClientGone);
    return;
  }
  go(look());
}

void Inspection::resume(ListenerVerdict verdict) {
  if (done_ || !std::exchange(waiting_, false)) return;
  go(verdict == ListenerVerdict::kWait ? ListenerVerdict::kReject : verdict);
}

void Inspection::onTimeout() { finish(End::kTimedOut); }

void Inspection::finish(End end) {
  if (std::exchange(done_, true)) return;
  timer_.cancel();
  if (watching_) listener_->worker().services.loop.remove(fd_, *this);
  listener_->onInspected(*this, end);
}

}  // namespace nuncio
