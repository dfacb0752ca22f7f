// Connection: one stream socket in a worker's loop, downstream or upstream: reads when allowed, queues and flushes
// writes, tells its owner about bytes, watermarks and its end. Edge-triggered: registered once, no system call to pause.
// Owned by the listener's or pool's object that is its `ConnectionEvents`; freed through IoContext::freeLater.
//
//   connecting ─▶ handshaking ─▶ open ─▶ (flushing ─▶ lingering) ─▶ closed
//                  handshaking: only with a transport that has one (TLS); nothing is sent or delivered before it is done
//                  flushing: our last bytes go out; lingering: the peer's FIN is awaited, input is thrown away
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loop/loop.h"
#include "net/address.h"
#include "net/byte_sink.h"
#include "net/io_context.h"
#include "net/output_queue.h"
#include "net/transport.h"

namespace nuncio::net {

/** How a connection ended, as its owner learns it. */
enum class CloseCause : uint8_t {
  kLocal,           // we closed it
  kRemote,          // the peer closed in order
  kReset,           // the peer reset it, the socket broke, or the transport (then `failureReason` says why)
  kConnectFailed,   // the connect was refused or unreachable
  kConnectTimeout,  // told by the owner, who keeps that clock
  kCloseTimeout,    // we closed it; the peer did not read our last bytes, or did not go, in time
};

class Connection;

class ConnectionEvents {
 public:
  /** An upstream socket is connected and its transport's handshake done, or a downstream one's handshake is done. */
  virtual void onConnected() {}
  /**
   * Bytes came. Returns how many were taken; the rest is kept, reading stops, and it is offered again after
   * `Connection::resumeInput`. The view is valid during the call only.
   */
  virtual size_t onInput(std::string_view bytes) = 0;
  /** The peer ended its direction. Not called when input is still kept (then after it was taken). */
  virtual void onEndOfInput() = 0;
  /** The queue passed the buffer limit, or fell below half of it. */
  virtual void onAboveHighWatermark() {}
  virtual void onBelowLowWatermark() {}
  /** The socket took bytes (`bytesWritten` grew). */
  virtual void onWritten() {}
  /** The connection is gone; no call follows. Not called for a close by its owner. */
  virtual void onClosed(CloseCause cause) = 0;

 protected:
  ~ConnectionEvents() = default;
};

class Connection final : public ByteSink, public loop::EventHandler, public loop::TurnTask, public base::ListNode<DirtyTag> {
 public:
  /** Takes over an accepted socket. */
  Connection(IoContext& io, int fd, ConnectionEvents& events);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /** Puts the socket in the loop. `connecting`: a connect is under way. */
  void start(bool connecting, loop::Loop::Order order = loop::Loop::Order::kFirst);
  /** Hands the connection to another owner (pool to session). */
  void setEvents(ConnectionEvents& events) { events_ = &events; }
  void setTransport(Transport& transport) { transport_ = &transport; }
  /** Before `start`: the connection speaks through a transport of its own, whose handshake comes first. */
  void secure(std::unique_ptr<Transport> transport);
  /** Puts a transport between this one and the one it has, which is returned and stays in use; the lender sets that back. */
  Transport& interpose(Transport& transport);
  /** A transport of its own got something to write, or can write again. */
  void transportHasOutput() {
    held_ = true;
    blocked_ = false;
    dirty();
  }
  /** Nothing stands between the connection and its socket. */
  bool isRaw() const { return transport_ == &io_.rawTransport(); }
  void setBufferLimit(uint32_t bytes) { high_ = bytes; }
  /**
   * What the next input is going to be about: `lines` of 64 bytes from each place. With hundreds of connections nothing of a
   * request is left in the near caches when its answer comes, so this is fetched while the kernel copies the bytes. A hint:
   * nothing is read through the pointers, and one that is out of date costs no more than the wrong lines.
   */
  void expect(const void* first, const void* second, uint8_t lines) {
    expected_[0] = first;
    expected_[1] = second;
    expected_lines_ = lines;
  }

  // ---- ByteSink
  char* reserve(size_t size) override { return output_.reserve(size); }
  void commit(size_t size) override {
    output_.commit(size);
    dirty();
  }
  void write(std::string_view bytes) override {
    output_.append(bytes);
    dirty();
  }
  void writeBorrowed(std::string_view bytes) override {
    output_.appendBorrowed(bytes);
    io_.flushAfterEvent();
    dirty();
  }

  /** Bytes the transport has in its pipe (net/splice.h) take their place in the queue. */
  void writePiped(size_t size) {
    output_.appendPiped(size);
    dirty();
  }

  /** Sends what it can now; called by IoContext after each event. */
  void flush();
  size_t queued() const { return output_.size(); }
  bool aboveHighWatermark() const { return above_high_; }

  /** Counted: while paused nothing is read and the peer's window fills. */
  void pauseReading(bool pause);
  bool readingPaused() const { return paused_ > 0; }
  /** Input that did not come from the socket just now: offered after what is kept already, before anything new. */
  void offerLater(std::string_view bytes);
  /** Offers kept input again at the end of the turn and lets reading go on. */
  void resumeInput();

  /** Ends our direction once the queue is sent; input still comes (half-close). */
  void finishWriting();
  /** Closes at once; what is queued is lost. */
  void close();
  /** Closes with RST. */
  void reset();
  /** Closes at once, with RST or without, and tells the events: for who decides in their stead (a filter, a timer). */
  void abort(bool with_reset);
  /** Closes when the queue is sent. */
  void closeAfterFlush();
  /**
   * As closeAfterFlush, giving up when the peer takes nothing for `patience_ms` (0: never). With `linger` the socket then stays
   * open as long, or until the peer goes: one that still sends must not lose our last words to a RST.
   */
  void closeAfterFlush(uint64_t patience_ms, bool linger);
  bool closed() const { return state_ == State::kClosed; }
  bool closing() const { return state_ >= State::kFlushing; }
  bool sawEndOfInput() const { return end_of_input_; }

  int fd() const { return fd_; }
  uint64_t id() const { return id_; }
  IoContext& io() { return io_; }
  int connectError() const { return connect_error_; }
  uint64_t bytesRead() const { return bytes_read_; }
  uint64_t bytesWritten() const { return bytes_written_; }
  std::string_view failureReason() const { return transport_->failureReason(); }
  /** What ALPN agreed on; empty: nothing. */
  std::string_view applicationProtocol() const { return transport_->applicationProtocol(); }
  /** Null: clear text. Valid as long as the connection, after it closed too. */
  const TlsInfo* tls() const { return transport_->tls(); }
  /** Monotonic time when the socket was connected, the handshake still to come; 0: not seen. Upstream. */
  int64_t connectedNs() const { return connected_ns_; }

  void onEvents(uint32_t events) override;
  void onEndOfTurn() override;

 private:
  enum class State : uint8_t { kConnecting, kHandshaking, kOpen, kFlushing, kLingering, kClosed };
  static constexpr int kMaxReadsPerEvent = 4;

  loop::Loop::Order order() const { return brings_work_ ? loop::Loop::Order::kLast : loop::Loop::Order::kFirst; }
  void dirty() {
    if (ListNode<DirtyTag>::linked()) return;
    dirty_since_ = io_.event();
    io_.markDirty(*this);
  }
  /** Something that an earlier event of this turn wrote is still to be sent. */
  bool owesEarlier() const { return ListNode<DirtyTag>::linked() && dirty_since_ != io_.event(); }
  void sendOwed();
  void finishConnect();
  void handshake();
  void watchOutput();
  void readSome();
  bool readOnce();  // false: nothing more to read now
  void deliver(std::string_view bytes);
  void deliverKept();
  void deliverEnd();
  void checkWatermarks();
  void afterFlush();
  void wantWritable();
  void fail(CloseCause cause);
  void shut();
  void onLingerTimeout();

  IoContext& io_;
  ConnectionEvents* events_;
  Transport* transport_;
  std::unique_ptr<Transport> own_transport_;  // null: the worker's raw one, or one that was lent
  OutputQueue output_;
  std::unique_ptr<std::string> kept_;  // input its owner did not take yet; rare
  int fd_;
  int connect_error_ = 0;
  uint32_t high_ = 1024 * 1024;
  State state_ = State::kOpen;
  uint8_t paused_ = 0;
  uint8_t expected_lines_ = 0;
  bool above_high_ : 1 = false;
  bool readable_ : 1 = false;       // the socket may have more than was read (edge-triggered: must be remembered)
  bool end_of_input_ : 1 = false;
  bool end_delivered_ : 1 = false;
  bool want_writable_ : 1 = false;  // EPOLLOUT is registered
  bool blocked_ : 1 = false;        // the socket took less than was offered
  bool finish_writing_ : 1 = false;
  bool finished_writing_ : 1 = false;
  bool peer_hung_up_ : 1 = false;
  bool input_blocked_ : 1 = false;  // the owner left input untaken
  bool secure_ : 1 = false;         // the transport is our own
  bool handshaken_ : 1 = false;
  bool brings_work_ : 1 = false;    // a client's: Loop::Order::kLast
  bool held_ : 1 = false;           // the transport has output that the socket did not take yet
  uint32_t dirty_since_ = 0;        // event number
  const void* expected_[2];         // as far as `expected_lines_` is not 0
  uint64_t id_;
  int64_t connected_ns_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_written_ = 0;
  /** Of flushing and lingering, where there is a limit to it. */
  struct Farewell {
    Farewell(Connection* connection, uint32_t patience, bool waits) : patience_ms(patience), lingers(waits), timer{connection} {}
    const uint32_t patience_ms;
    const bool lingers;
    loop::MemberTimer<&Connection::onLingerTimeout> timer;
  };
  std::unique_ptr<Farewell> farewell_;
};

}  // namespace nuncio::net
