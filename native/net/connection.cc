#include "net/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nuncio::net {
namespace {
constexpr uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr int kMaxPieces = 64;
}  // namespace

Connection::Connection(IoContext& io, int fd, ConnectionEvents& events)
    : io_(io), events_(&events), transport_(&io.rawTransport()), output_(io.blocks()), fd_(fd), id_(io.nextConnectionId()) {}

Connection::~Connection() {
  if (state_ != State::kClosed) shut();
}

void Connection::secure(std::unique_ptr<Transport> transport) {
  own_transport_ = std::move(transport);
  transport_ = own_transport_.get();
  secure_ = true;
}

Transport& Connection::interpose(Transport& transport) {
  Transport& inner = *transport_;
  transport_ = &transport;
  secure_ = true;
  handshaken_ = true;
  return inner;
}

void Connection::start(bool connecting, loop::Loop::Order order) {
  brings_work_ = order == loop::Loop::Order::kLast;
  state_ = connecting ? State::kConnecting : secure_ ? State::kHandshaking : State::kOpen;
  want_writable_ = connecting;
  io_.loop().add(fd_, connecting ? kReadEvents | EPOLLOUT : kReadEvents, *this, order);
}

void Connection::onEvents(uint32_t events) {
  if (owesEarlier()) [[unlikely]] {
    ListNode<DirtyTag>::unlink();
    flush();
    if (state_ == State::kClosed) return;
  }
  if (state_ == State::kConnecting) {
    finishConnect();
    if (state_ == State::kClosed) return;
  }
  if (state_ == State::kHandshaking) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_hung_up_ = true;
    handshake();
    if (state_ != State::kOpen) return;
    events |= EPOLLIN;  // what came with the last flight raises no event of its own
  }
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    flush();
    if (state_ == State::kClosed) return;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
  readable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_hung_up_ = true;
  readSome();
}

void Connection::finishConnect() {
  socklen_t size = sizeof(connect_error_);
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &connect_error_, &size);
  if (connect_error_ != 0) return fail(CloseCause::kConnectFailed);
  connected_ns_ = io_.loop().now();
  if (secure_) {
    state_ = State::kHandshaking;
    return;
  }
  state_ = State::kOpen;
  events_->onConnected();
}

void Connection::handshake() {
  const HandshakeStatus status = transport_->handshake(fd_);
  io_.flushAfterEvent();
  if (status == HandshakeStatus::kFailed) return fail(CloseCause::kReset);
  watchOutput();
  if (status == HandshakeStatus::kAgain) return;
  handshaken_ = true;
  state_ = State::kOpen;
  events_->onConnected();
}

/** A transport with output of its own (handshake, alerts, the rest of a record) goes on when the socket is writable. */
void Connection::watchOutput() {
  held_ = transport_->holdsOutput();
  if (!held_) return;
  blocked_ = true;
  wantWritable();
}

void Connection::readSome() {
  for (int reads = 0; reads < kMaxReadsPerEvent; ++reads) {
    if (state_ == State::kClosed || paused_ > 0 || input_blocked_ || kept_ != nullptr || !readable_) return;
    if (!readOnce()) return;
    if (reads + 1 < kMaxReadsPerEvent) io_.flushDirty();  // the read buffer is about to be reused
  }
  io_.loop().atEndOfTurn(*this);  // others first
}

static void prefetch(const void* const* places, size_t lines) {
  constexpr size_t kLine = 64;
  for (size_t i = 0; i < lines; ++i) {
    __builtin_prefetch(static_cast<const char*>(places[0]) + i * kLine);
    __builtin_prefetch(static_cast<const char*>(places[1]) + i * kLine);
  }
}

bool Connection::readOnce() {
  prefetch(expected_, expected_lines_);
  const IoResult result = transport_->read(fd_, io_.readBuffer(), IoContext::kReadBuffer);
  if (secure_) [[unlikely]] watchOutput();
  switch (result.status) {
    case IoStatus::kOk:
      bytes_read_ += result.size;
      // A short read drained the socket: the next bytes raise a new event. A peer that hung up raises none.
      if (result.drained && !peer_hung_up_) readable_ = false;
      if (state_ != State::kLingering) deliver({io_.readBuffer(), result.size});
      return state_ != State::kClosed && readable_;
    case IoStatus::kAgain:
      readable_ = false;
      return false;
    case IoStatus::kClosed:
      readable_ = false;
      end_of_input_ = true;
      if (state_ == State::kLingering) {
        shut();
        events_->onClosed(CloseCause::kRemote);
      } else {
        deliverEnd();
      }
      return false;
    case IoStatus::kFailed:
      readable_ = false;
      fail(CloseCause::kReset);
      return false;
  }
  return false;
}

void Connection::deliver(std::string_view bytes) {
  const size_t taken = events_->onInput(bytes);
  if (taken == bytes.size() || state_ == State::kClosed) return;
  input_blocked_ = true;
  auto rest = std::make_unique<std::string>(bytes.substr(taken));
  if (kept_ != nullptr) rest->append(*kept_);  // offered meanwhile
  kept_ = std::move(rest);
}

void Connection::deliverEnd() {
  if (end_delivered_ || kept_ != nullptr) return;
  end_delivered_ = true;
  events_->onEndOfInput();
}

void Connection::resumeInput() {
  if (!input_blocked_ || state_ == State::kClosed) return;
  input_blocked_ = false;
  io_.loop().atEndOfTurn(*this);
}

void Connection::offerLater(std::string_view bytes) {
  if (state_ == State::kClosed || bytes.empty()) return;
  if (kept_ == nullptr) kept_ = std::make_unique<std::string>();
  kept_->append(bytes);
  if (paused_ == 0 && !input_blocked_) io_.loop().atEndOfTurn(*this);
}

void Connection::onEndOfTurn() {
  if (state_ == State::kClosed || paused_ > 0 || input_blocked_) return;
  if (kept_ != nullptr) deliverKept();
  if (state_ == State::kClosed || paused_ > 0 || input_blocked_) return;
  if (end_of_input_) return deliverEnd();
  io_.flushDirty();
  readSome();
}

void Connection::deliverKept() {
  const std::unique_ptr<std::string> bytes = std::move(kept_);
  deliver(*bytes);
  io_.flushDirty();  // the queue may borrow from `bytes`
}

void Connection::pauseReading(bool pause) {
  if (pause) {
    ++paused_;
    return;
  }
  if (--paused_ == 0 && (readable_ || kept_ != nullptr || (end_of_input_ && !end_delivered_))) io_.loop().atEndOfTurn(*this);
}

void Connection::flush() {
  if (state_ == State::kClosed || state_ < State::kOpen) return output_.own();
  if (secure_ && !handshaken_) [[unlikely]] {  // closed before there was anybody to talk to
    shut();
    return events_->onClosed(CloseCause::kLocal);
  }
  const uint64_t written_before = bytes_written_;
  while ((!output_.empty() || held_) && !blocked_) {
    iovec pieces[kMaxPieces];
    const int count = output_.gather(pieces, kMaxPieces);
    size_t offered = 0;
    for (int i = 0; i < count; ++i) offered += pieces[i].iov_len;
    const IoResult result = transport_->write(fd_, pieces, count);
    if (secure_ && state_ == State::kClosed) [[unlikely]] return;  // a filter in between closed it
    if (result.status == IoStatus::kFailed || result.status == IoStatus::kClosed) return fail(CloseCause::kReset);
    output_.consume(result.size);
    bytes_written_ += result.size;
    blocked_ = result.size < offered;
    if (secure_) [[unlikely]] watchOutput();
  }
  if (!output_.empty() || held_) {
    output_.own();
    wantWritable();
    if (farewell_ != nullptr && state_ == State::kFlushing) farewell_->timer.arm(io_.loop().timers(), farewell_->patience_ms);
  }
  if (bytes_written_ != written_before) events_->onWritten();
  checkWatermarks();
  if (output_.empty() && !held_ && state_ != State::kClosed) afterFlush();
}

void Connection::wantWritable() {
  if (want_writable_) return;
  want_writable_ = true;
  io_.loop().modify(fd_, kReadEvents | EPOLLOUT, *this, order());
}

void Connection::checkWatermarks() {
  if (high_ == 0) return;
  if (!above_high_ && output_.size() > high_) {
    above_high_ = true;
    events_->onAboveHighWatermark();
  } else if (above_high_ && output_.size() <= high_ / 2) {
    above_high_ = false;
    events_->onBelowLowWatermark();
  }
}

void Connection::afterFlush() {
  if (finish_writing_ && !finished_writing_) {
    finished_writing_ = true;
    transport_->shutdownWrite(fd_);
    if (state_ == State::kClosed) return;
    if (secure_) [[unlikely]] watchOutput();
    if (held_) return;
  }
  if (state_ != State::kFlushing) return;
  if (farewell_ == nullptr || !farewell_->lingers || end_of_input_) {
    shut();
    return events_->onClosed(CloseCause::kLocal);
  }
  state_ = State::kLingering;
  kept_.reset();
  paused_ = 0;
  input_blocked_ = false;
  farewell_->timer.arm(io_.loop().timers(), farewell_->patience_ms);
  if (readable_) io_.loop().atEndOfTurn(*this);
}

void Connection::finishWriting() {
  finish_writing_ = true;
  dirty();
}

void Connection::closeAfterFlush() { closeAfterFlush(0, false); }

void Connection::closeAfterFlush(uint64_t patience_ms, bool linger) {
  if (closing()) return;
  state_ = State::kFlushing;
  if (patience_ms != 0) farewell_ = std::make_unique<Farewell>(this, static_cast<uint32_t>(patience_ms), linger);
  dirty();
}

void Connection::onLingerTimeout() {
  shut();
  events_->onClosed(CloseCause::kCloseTimeout);
}

void Connection::close() {
  if (state_ != State::kClosed) shut();
}

void Connection::reset() {
  if (state_ == State::kClosed) return;
  handshaken_ = false;  // no last words
  const linger rst{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
  shut();
}

void Connection::abort(bool with_reset) {
  if (state_ == State::kClosed) return;
  if (with_reset) {
    reset();
  } else {
    shut();
  }
  events_->onClosed(CloseCause::kLocal);
}

void Connection::fail(CloseCause cause) {
  if (state_ == State::kClosed) return;
  shut();
  events_->onClosed(cause);
}

/** Closing drops what its own event wrote, never what was written before: that is as good as sent. */
void Connection::sendOwed() {
  iovec pieces[kMaxPieces];
  const int count = output_.gather(pieces, kMaxPieces);
  if (count == 0 || blocked_ || state_ < State::kOpen || (secure_ && !handshaken_)) return;
  const IoResult result = transport_->write(fd_, pieces, count);
  if (result.status == IoStatus::kOk) bytes_written_ += result.size;
}

void Connection::shut() {
  if (owesEarlier()) [[unlikely]] {
    ListNode<DirtyTag>::unlink();
    sendOwed();
    if (state_ == State::kClosed) return;  // a filter on the way
  }
  state_ = State::kClosed;
  if (secure_ && handshaken_ && !finished_writing_) [[unlikely]] transport_->shutdownWrite(fd_);
  farewell_.reset();
  ListNode<DirtyTag>::unlink();
  TurnTask::unlink();
  output_.clear();
  kept_.reset();
  io_.loop().remove(fd_, *this);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace nuncio::net
