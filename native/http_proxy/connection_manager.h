// ConnectionManager: the network filter that speaks HTTP with one downstream connection: owns its codec and its streams,
// decides when the connection ends. Worker thread only.
//
//   bytes ─▶ codec ─▶ newStream() ─▶ Stream … complete ─▶ keep alive: idle timer │ close: flush, linger, gone
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "http_proxy/manager_runtime.h"
#include "http_proxy/stream.h"
#include "loop/timer_wheel.h"
#include "tcp/network_filter.h"

namespace nuncio::http_proxy {

class ConnectionManager final : public tcp::NetworkFilter, public http::ServerCallbacks {
 public:
  ConnectionManager(ManagerRuntime& runtime, const tcp::Downstream& downstream);
  ~ConnectionManager() override;

  // ---- tcp::NetworkFilter
  void onNewConnection() override;
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override;
  void onAboveHighWatermark() override;
  void onBelowLowWatermark() override;
  void onClosed(net::CloseCause cause) override;
  void onDrain() override;

  // ---- http::ServerCallbacks
  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override;
  void onStreamComplete(http::RequestDecoder& decoder) override;
  void onGoAway() override {}

  // ---- for streams
  ManagerRuntime& runtime() { return runtime_; }
  net::Connection& connection() { return downstream_.connection; }
  const http::ConnectionInfo& info() const { return downstream_.info; }
  http::Protocol protocol() const;
  /** Marks the response under way as the last one? Counts drains and limits. */
  bool wantsClose();
  /** The client's bytes are not wanted for now. */
  void pauseReading(bool pause);
  void onStreamFinished(Stream& stream);
  void onRequestHeadersComplete() { headers_timer_.cancel(); }
  /** The stream could not be finished: the connection ends hard. */
  void closeNow();

 private:
  void closeGracefully(bool request_complete);
  void countBytes();
  void endStreams(bool local);
  void ended(bool local);
  void onIdleTimeout();
  void onMaxDuration();
  void onHeadersTimeout();
  void armIdle();
  loop::TimerWheel& timers() { return runtime_.worker.services.loop.timers(); }

  ManagerRuntime& runtime_;
  const tcp::Downstream downstream_;
  std::unique_ptr<http::ServerCodec> codec_;
  base::IntrusiveList<Stream> streams_;
  int64_t began_ns_;
  uint64_t requests_ = 0;
  uint64_t counted_read_ = 0;
  uint64_t counted_written_ = 0;
  uint32_t active_ = 0;
  bool closing_ = false;      // no further request is read
  bool drain_counted_ = false;
  bool ended_ = false;
  bool last_stream_complete_ = true;
  bool duration_over_ = false;
  loop::MemberTimer<&ConnectionManager::onIdleTimeout> idle_timer_{this};
  loop::MemberTimer<&ConnectionManager::onMaxDuration> duration_timer_{this};
  loop::MemberTimer<&ConnectionManager::onHeadersTimeout> headers_timer_{this};
};

}  // namespace nuncio::http_proxy
