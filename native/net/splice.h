// Splice: bytes from one socket to another without a copy, through a pipe. A Channel is one direction of a pair of raw
// connections; it has a pipe only while bytes are in it. Owned by the session that has both connections; worker thread only.
//
//   source readable ─▶ SpliceTransport::read: socket ─▶ pipe ─▶ onInput (no bytes to see) ─▶ sink.writePiped, flush
//   sink full ─▶ the rest waits in the pipe, the source is not read ─▶ sink writable: pipe ─▶ socket ─▶ source read again
//
// Small pieces cost less by copying: who owns the channel turns it on and off (`SpliceTransport::fill`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "net/raw_transport.h"
#include "net/transport.h"

namespace nuncio::net {

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

/** The pipes of one worker: empty ones to take, bounded. */
class PipePool {
 public:
  PipePool() = default;
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;
  ~PipePool();

  /** False: none can be had. */
  bool take(Pipe& out);
  /** `empty` false: bytes of a broken session are in it, it is not used again. */
  void give(const Pipe& pipe, bool empty);

 private:
  static constexpr size_t kMaxFree = 16;
  static constexpr size_t kMaxTaken = 1024;  // each holds two files; beyond that, bytes are copied
  Pipe free_[kMaxFree];
  size_t free_count_ = 0;
  size_t taken_ = 0;
};

class Channel;

class ChannelEvents {
 public:
  /** The pipe of a channel whose source was held back is empty: the source may be read again. */
  virtual void onChannelDrained(Channel& channel) = 0;

 protected:
  ~ChannelEvents() = default;
};

class Channel {
 public:
  explicit Channel(PipePool& pool) : pool_(pool) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  /** From a socket into the empty pipe. kAgain: the socket has nothing. */
  IoResult fill(int fd);
  /** From the pipe into a socket. */
  IoResult drain(int fd, size_t size);
  bool hasPipe() { return pipe_.read_end >= 0 || pool_.take(pipe_); }
  size_t held() const { return held_; }
  /** True once after a fill: the input that is being delivered is in the pipe. */
  bool takeFilled() { return std::exchange(filled_, false); }
  /** Tells `events`, once, when the pipe is empty; null takes it back. */
  void awaitDrain(ChannelEvents* events) { events_ = events; }
  bool awaitsDrain() const { return events_ != nullptr; }

 private:
  void release();

  PipePool& pool_;
  Pipe pipe_;
  size_t held_ = 0;
  ChannelEvents* events_ = nullptr;
  bool filled_ = false;
};

/** A raw transport that reads into one channel (when told to) and writes out of another. */
class SpliceTransport final : public Transport {
 public:
  SpliceTransport(RawTransport& raw, Channel& in, Channel& out) : raw_(raw), in_(in), out_(out) {}

  /** Reads go to the pipe, or are copied. */
  void fill(bool on) { filling_ = on; }
  bool filling() const { return filling_; }

  IoResult read(int fd, char* out, size_t size) override;
  IoResult write(int fd, const iovec* pieces, int count) override;
  void shutdownWrite(int fd) override { raw_.shutdownWrite(fd); }

 private:
  IoResult writePlain(int fd, const iovec* pieces, int count, int& taken);

  RawTransport& raw_;
  Channel& in_;
  Channel& out_;
  bool filling_ = false;
};

}  // namespace nuncio::net
