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
  void onWritten() override { countBytes(); }
  void onClosed(net::CloseCause cause) override;
  void onDrain() override;
  void describe(http::StreamInfo& info, std::string& text) const override;

  // ---- http::ServerCallbacks
  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override;
  void onStreamComplete(http::RequestDecoder& decoder) override;
  void onGoAway() override {}
  void onUnderscoredHeaders(uint32_t count) override;

  // ---- for streams
  ManagerRuntime& runtime() { return runtime_; }
  net::Connection& connection() { return downstream_.connection; }
  const http::ConnectionInfo& info() const { return downstream_.info; }
  http::Protocol protocol() const;
  /** The stream's final response head goes out: is it to say `connection: close`? */
  bool announcesClose(const Stream& stream);
  /** Too many answers to pipelined requests wait to be sent: nobody reads them. */
  bool flooded() const { return answered_ >= kMaxAnswered; }
  /** The client's bytes are not wanted for now. */
  void pauseReading(bool pause);
  void onStreamFinished(Stream& stream);
  void onRequestHeadersComplete() { headers_timer_.cancel(); }

 private:
  /**
   * Draining: every response says `connection: close`, and the drain timeout gives requests on their way time to arrive.
   * Closing: the connection ends with its last stream.
   */
  enum class Drain : uint8_t { kNone, kDraining, kClosing };
  static constexpr uint8_t kMaxAnswered = 2;  // Envoy's

  void startDrain();
  void onDrainTimeout();
  void close(bool linger);
  void countBytes();
  void countBuffered(uint32_t bytes);
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
  uint32_t buffered_ = 0;     // size of the last read
  bool closing_ = false;      // no further request is read
  bool ended_ = false;
  bool protocol_error_ = false;
  bool duration_over_ = false;  // http1_safe_max_connection_duration: the next request is the last
  uint8_t answered_ = 0;        // streams that ended within this dispatch
  Drain drain_ = Drain::kNone;
  loop::MemberTimer<&ConnectionManager::onIdleTimeout> idle_timer_{this};  // while draining: the drain timeout
  loop::MemberTimer<&ConnectionManager::onMaxDuration> duration_timer_{this};
  loop::MemberTimer<&ConnectionManager::onHeadersTimeout> headers_timer_{this};
};

}  // namespace nuncio::http_proxy
