// TcpUpstream: one upstream connection that carries one downstream connection: never shared, never used again. Keeps the
// same books as a connection of an HTTP pool. Owned by itself: whoever connected it gives it up by `close`, `reset` or
// `closeAfterFlush`, or is told of its end; freed at the end of the turn. Worker thread only.
//
//   connect() ─▶ pending ─▶ onUpstreamConnected ─▶ bytes ─▶ onUpstreamClosed │ closeAfterFlush: last bytes go out unwatched
//                        └▶ onUpstreamFailed
#pragma once

#include <cstdint>
#include <string_view>

#include "base/intrusive_list.h"
#include "loop/timer_wheel.h"
#include "net/connection.h"
#include "upstream/connect.h"
#include "upstream/connection_account.h"

namespace nuncio::upstream {

class TcpUpstreamCallbacks {
 public:
  virtual void onUpstreamConnected() = 0;
  /**
   * The attempt is over, the upstream gone. `error`: errno of the connect, 0 when it took too long, -1 when the handshake
   * failed; `transport`: what the transport has to say then ("TLS_error:…"), during the call.
   */
  virtual void onUpstreamFailed(int error, std::string_view transport) = 0;
  /** As net::ConnectionEvents. */
  virtual size_t onUpstreamInput(std::string_view bytes) = 0;
  virtual void onUpstreamEndOfInput() = 0;
  virtual void onUpstreamAboveHighWatermark() = 0;
  virtual void onUpstreamBelowLowWatermark() = 0;
  /** After a connect that worked. No call follows. */
  virtual void onUpstreamClosed(net::CloseCause cause) = 0;

 protected:
  ~TcpUpstreamCallbacks() = default;
};

/** How an attempt went as far as can be said at once. */
struct TcpConnect {
  enum class Outcome : uint8_t {
    kPending,   // `upstream` tells more through its callbacks
    kOverflow,  // too many attempts are waiting already
    kFailed,    // refused on the spot; `error` says why
  };
  Outcome outcome;
  class TcpUpstream* upstream = nullptr;
  int error = 0;
};

class TcpUpstream final : public net::DeferredFree, public base::ListNode<>, private net::ConnectionEvents {
 public:
  static TcpConnect connect(ClusterRuntime& cluster, HostRuntime& host, Priority priority, TcpUpstreamCallbacks& callbacks,
                            const TransportOptions& options = {});
  ~TcpUpstream() override;

  net::Connection& connection() { return connection_; }
  ConnectionAccount& account() { return account_; }
  /** Another listener from now on. */
  void setCallbacks(TcpUpstreamCallbacks& callbacks) { callbacks_ = &callbacks; }
  /** Adds to the cluster's counters what was written since the last call. */
  void countBytes() { account_.countBytes(connection_); }

  /** Ends now; no call follows. An attempt that is still pending is given up. */
  void close(net::CloseCause cause = net::CloseCause::kLocal);
  /** As close, with RST. */
  void reset();
  /** Ends now, and onUpstreamClosed, or onUpstreamFailed, is called: the host is not to be used any more. */
  void cut() { connection_.abort(false); }
  /** Ends when the queue is sent; onUpstreamClosed follows. */
  void closeAfterFlush() { connection_.closeAfterFlush(); }

 private:
  TcpUpstream(ClusterRuntime& cluster, HostRuntime& host, Priority priority, int fd, TcpUpstreamCallbacks& callbacks);
  void start(bool in_progress);

  // net::ConnectionEvents
  void onConnected() override;
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override { callbacks_->onUpstreamEndOfInput(); }
  void onAboveHighWatermark() override { callbacks_->onUpstreamAboveHighWatermark(); }
  void onBelowLowWatermark() override { callbacks_->onUpstreamBelowLowWatermark(); }
  void onClosed(net::CloseCause cause) override;

  void onConnectTimeout();
  void fail(net::CloseCause cause);
  void finished(net::CloseCause cause);
  CircuitBreaker& breaker() { return account_.cluster().breaker(account_.priority()); }

  TcpUpstreamCallbacks* callbacks_;
  ConnectionAccount account_;
  net::Connection connection_;
  bool finished_ = false;
  loop::MemberTimer<&TcpUpstream::onConnectTimeout> connect_timer_{this};
};

}  // namespace nuncio::upstream
