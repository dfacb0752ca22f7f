// Session: one accepted connection with its network filter, from accept to close. Owned by its listener's runtime, freed
// at the end of the turn in which the connection ended. Worker thread only.
#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "base/local_ref.h"
#include "http/stream_info.h"
#include "loop/timer_wheel.h"
#include "net/connection.h"
#include "net/socket_table.h"
#include "tcp/network_filter.h"

namespace nuncio {

class ListenerRuntime;

class Session final : public net::DeferredFree, public net::ConnectionEvents, public base::ListNode<> {
 public:
  /** `counts`: kept by the listener's runtime. */
  Session(ListenerRuntime& listener, int fd, const net::Address& local, const net::Address& remote, net::WorkerCounts& counts);
  ~Session() override;

  /** Takes over what listener filters found out. */
  void inspected(std::unique_ptr<http::ConnectionFacts> facts, int64_t accepted_ns);
  /**
   * Makes the filter of this chain of the listener's, which has a runtime, and starts reading; with a `transport` once its
   * handshake is done, within the time (0: any).
   */
  void start(size_t chain, std::unique_ptr<net::Transport> transport, uint32_t handshake_timeout_ms);
  /** Of the filter chain among its listener's. */
  size_t chainIndex() const { return chain_index_; }
  http::ConnectionInfo& info() { return info_; }
  net::WorkerCounts& counts() { return counts_; }
  int64_t beganNs() const { return began_ns_; }
  /** As the listener's access log tells of it. */
  void describe(http::StreamInfo& out, std::string& text) const;
  void drain() {
    if (filter_ != nullptr) filter_->onDrain();
  }
  /** The time to go by itself is over. */
  void shutDown();

  // ---- net::ConnectionEvents; none but the first and the last comes before there is a filter
  void onConnected() override;
  size_t onInput(std::string_view bytes) override { return filter_->onInput(bytes); }
  void onEndOfInput() override;
  void onAboveHighWatermark() override { filter_->onAboveHighWatermark(); }
  void onBelowLowWatermark() override { filter_->onBelowLowWatermark(); }
  void onWritten() override { filter_->onWritten(); }
  void onClosed(net::CloseCause cause) override;

 private:
  void open();
  void onHandshakeTimeout();
  void gone();

  base::LocalRef<ListenerRuntime> listener_;
  net::WorkerCounts& counts_;
  http::ConnectionInfo info_;
  net::Connection connection_;
  std::unique_ptr<tcp::NetworkFilter> filter_;
  size_t chain_index_ = 0;
  int64_t began_ns_;
  using HandshakeTimer = loop::MemberTimer<&Session::onHandshakeTimeout>;
  std::unique_ptr<HandshakeTimer> handshake_timer_;  // while there is a handshake
};

static_assert(sizeof(Session) <= 504, "an idle connection pays for every byte");

}  // namespace nuncio
