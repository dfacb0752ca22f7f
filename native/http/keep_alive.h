// KeepAlive: asks the peer of an HTTP/2 connection by PING whether it is still there: at intervals, and when a request comes
// after long silence. Owned by the connection's owner, which sends the PING and closes when there is no answer in time.
// Worker thread only.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "loop/loop.h"
#include "loop/timer_wheel.h"

namespace nuncio::http {

/** KeepaliveSettings of Envoy, in milliseconds; 0: off. */
struct KeepAliveOptions {
  uint32_t interval_ms = 0;
  uint32_t timeout_ms = 0;
  uint32_t jitter_percent = 0;   // of the interval, added at random
  uint32_t idle_interval_ms = 0;
  bool enabled() const { return interval_ms != 0 || idle_interval_ms != 0; }
};

class KeepAliveOwner {
 public:
  virtual void sendPing() = 0;
  virtual void onPingTimeout() = 0;

 protected:
  ~KeepAliveOwner() = default;
};

class KeepAlive {
 public:
  KeepAlive(loop::Loop& loop, base::Random& random, const KeepAliveOptions& options, KeepAliveOwner& owner)
      : loop_(loop), random_(random), options_(options), owner_(owner), heard_ns_(loop.now()) {
    armInterval();
  }

  /** Something came: a slow answer behind much else is not missed for it. */
  void onInput() {
    heard_ns_ = loop_.now();
    if (waiting_) timeout_.arm(loop_.timers(), options_.timeout_ms);
  }
  void onAck() {
    waiting_ = false;
    timeout_.cancel();
    armInterval();
  }
  void stop() {
    interval_.cancel();
    timeout_.cancel();
  }
  void beforeRequest() {
    if (options_.idle_interval_ms == 0 || waiting_) return;
    if (loop_.now() - heard_ns_ >= int64_t{options_.idle_interval_ms} * 1'000'000) ping();
  }

 private:
  void armInterval() {
    if (options_.interval_ms == 0) return;
    const uint64_t span = uint64_t{options_.interval_ms} * options_.jitter_percent / 100;
    interval_.arm(loop_.timers(), options_.interval_ms + (span == 0 ? 0 : random_.below(span)));
  }
  void ping() {
    waiting_ = true;
    interval_.cancel();
    timeout_.arm(loop_.timers(), options_.timeout_ms);
    owner_.sendPing();
  }
  void onTimeout() { owner_.onPingTimeout(); }

  loop::Loop& loop_;
  base::Random& random_;
  const KeepAliveOptions options_;
  KeepAliveOwner& owner_;
  int64_t heard_ns_;
  bool waiting_ = false;
  loop::MemberTimer<&KeepAlive::ping> interval_{this};
  loop::MemberTimer<&KeepAlive::onTimeout> timeout_{this};
};

}  // namespace nuncio::http
