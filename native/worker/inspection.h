// Inspection: an accepted connection while the listener's filters look at it, until a filter chain can be chosen. Owned by
// its listener's runtime, freed at the end of the turn in which it ended; it then handed its socket to a Session, or
// closed it. Worker thread only.
//
// Bytes are peeked at and stay in the socket, so no buffer is kept: each look reads them anew into the worker's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/intrusive_list.h"
#include "base/local_ref.h"
#include "loop/loop.h"
#include "loop/timer_wheel.h"
#include "net/io_context.h"
#include "net/socket_table.h"
#include "tcp/listener_filter.h"

namespace nuncio {

class ListenerRuntime;

class Inspection final : public net::DeferredFree,
                         public tcp::AcceptedConnection,
                         public loop::EventHandler,
                         public base::ListNode<> {
 public:
  /** How it went, for the listener's counters. */
  enum class End : uint8_t { kAccepted, kRejected, kTimedOut, kClientGone, kBroken, kConfigMissing };

  Inspection(ListenerRuntime& listener, int fd, const net::Address& local, const net::Address& remote,
             net::BoundSocketPtr socket);
  ~Inspection() override;

  void start();
  const net::BoundSocketPtr& socket() const { return socket_; }
  int64_t beganNs() const { return began_ns_; }
  /** What was found at the listener that the connection was handed on by. */
  void inherit(std::unique_ptr<http::ConnectionFacts> facts);
  /** The socket goes to somebody else. */
  int takeFd() { return std::exchange(fd_, -1); }

  // ---- tcp::AcceptedConnection
  int fd() const override { return fd_; }
  http::ConnectionInfo& info() override { return info_; }
  void consume(size_t size) override;
  void resume(tcp::ListenerVerdict verdict) override;

  void onEvents(uint32_t events) override;

 private:
  enum class Peek : uint8_t { kBytes, kNothing, kEnd, kBroken };

  void nextFilter();
  void go(tcp::ListenerVerdict verdict);
  tcp::ListenerVerdict look();
  Peek peek(size_t limit);
  void watch();
  void onTimeout();
  void finish(End end);

  base::LocalRef<ListenerRuntime> listener_;
  const net::BoundSocketPtr socket_;
  http::ConnectionInfo info_;
  std::vector<std::unique_ptr<tcp::ListenerFilter>> filters_;
  size_t at_ = 0;         // the filter whose turn it is
  size_t seen_ = 0;       // how many bytes it was shown
  size_t peeked_ = 0;     // how many the last peek gave
  int fd_;
  int64_t began_ns_;
  bool watching_ = false;
  bool client_ended_ = false;  // FIN came; what was sent before may still do
  bool waiting_ = false;
  bool done_ = false;
  End end_ = End::kRejected;   // what a rejection out of `look` really was
  loop::MemberTimer<&Inspection::onTimeout> timer_{this};
};

}  // namespace nuncio
