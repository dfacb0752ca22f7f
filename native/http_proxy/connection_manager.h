// ConnectionManager: the network filter that speaks HTTP with one downstream connection: owns its codec and its streams,
// decides when the connection ends. Worker thread only.
//
//   bytes ─▶ which codec? ─▶ codec ─▶ newStream() ─▶ Stream … complete ─▶ keep alive: idle timer │ close: flush, linger, gone
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
  void onWritten() override;
  void onClosed(net::CloseCause cause) override;
  void onDrain() override;
  void describe(http::StreamInfo& info, std::string& text) const override;

  // ---- http::ServerCallbacks
  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override;
  void onStreamComplete(http::RequestDecoder& decoder) override;
  void onStreamCut(http::RequestDecoder& decoder, http::ResetReason reason, std::string_view details) override;
  void onGoAway() override {}
  void onUnderscoredHeaders(uint32_t count) override;
  void onPingAck() override;
  void onDispatchWanted() override;

  // ---- for streams
  ManagerRuntime& runtime() { return runtime_; }
  net::Connection& connection() { return connection_; }
  const http::ConnectionInfo& info() const { return info_; }
  http::Protocol protocol() const;
  /** The stream's final response head goes out: is it to say `connection: close`? */
  bool announcesClose(const Stream& stream);
  /** Too many answers to pipelined requests wait to be sent: nobody reads them. */
  bool flooded() const { return answered_ >= kMaxAnswered; }
  /** Several streams at a time (HTTP/2): the end of one is not the end of the connection. */
  bool multiplexed() const { return http2_ != nullptr; }
  /** A stream's body is not wanted for now. */
  void pauseReading(bool pause);
  void onStreamFinished(Stream& stream);
  /** No further request is wanted: HTTP/2 says so, and ends when those on their way had time to arrive. */
  void drain() {
    if (drain_ == Drain::kNone) startDrain();
  }
  /** A redirect is followed: counted as one more request, as in Envoy. */
  void onStreamRestarted();
  void onRequestHeadersComplete() {
    if (multiplexed()) return;
    reading_head_ = nullptr;
    if (rare_timers_ != nullptr) rare_timers_->headers.cancel();
  }

 private:
  /**
   * Draining: every response says `connection: close`, and the drain timeout gives requests on their way time to arrive.
   * Closing: the connection ends with its last stream.
   */
  enum class Drain : uint8_t { kNone, kDraining, kClosing };
  static constexpr uint8_t kMaxAnswered = 2;  // Envoy's

  /** What only a connection that speaks HTTP/2 needs. */
  class Http2Part;

  void dispatchKept();
  void onPingTimeout();
  void startDrain();
  bool chooseCodec(std::string_view bytes);
  void speak(bool http2);
  bool dispatch(std::string_view bytes, size_t& consumed);
  void onProtocolError(const http::CodecError& error);
  void countRequest(Stream& stream);
  void closeIfDrained(bool linger);
  void countResets(const Stream& stream);
  void onDrainTimeout();
  void close(bool linger);
  void countBytes();
  void countBuffered(uint32_t bytes);
  void endStreams(bool local);
  void ended(bool local);
  void countActiveRequests(bool local);
  void onIdleTimeout();
  void onMaxDuration();
  void watchHead();
  void onHeadersTimeout();
  void armIdle();
  loop::TimerWheel& timers() { return runtime_.worker.services.loop.timers(); }

  ManagerRuntime& runtime_;
  net::Connection& connection_;
  http::ConnectionInfo& info_;
  std::unique_ptr<http::ServerCodec> codec_;
  std::unique_ptr<Http2Part> http2_;  // null: HTTP/1, or not known yet
  base::IntrusiveList<Stream> streams_;
  Stream* reading_head_ = nullptr;  // the one whose head is on its way
  int64_t began_ns_;
  uint64_t requests_ = 0;
  uint64_t counted_read_ = 0;
  uint64_t counted_written_ = 0;
  uint32_t active_ = 0;
  uint32_t buffered_ = 0;     // size of the last read
  uint8_t preface_seen_ = 0;  // bytes of an HTTP/2 preface that came in pieces
  bool closing_ = false;      // no further request is read
  bool ended_ = false;
  bool protocol_error_ = false;
  bool secure_ = false;         // over TLS
  bool broke_stream_ = false;   // a stream ended as the client broke the protocol, and the connection with it
  bool duration_over_ = false;  // http1_safe_max_connection_duration: the next request is the last
  uint8_t answered_ = 0;        // streams that ended within this dispatch
  Drain drain_ = Drain::kNone;
  loop::MemberTimer<&ConnectionManager::onIdleTimeout> idle_timer_{this};  // while draining: the drain timeout
  /** Timers that few configurations ask for: an idle connection pays for every byte. */
  struct RareTimers {
    explicit RareTimers(ConnectionManager* manager) : duration{manager}, headers{manager} {}
    loop::MemberTimer<&ConnectionManager::onMaxDuration> duration;
    loop::MemberTimer<&ConnectionManager::onHeadersTimeout> headers;
  };
  RareTimers& rareTimers() {
    if (rare_timers_ == nullptr) rare_timers_ = std::make_unique<RareTimers>(this);
    return *rare_timers_;
  }
  std::unique_ptr<RareTimers> rare_timers_;
};

static_assert(sizeof(ConnectionManager) <= 184, "an idle connection pays for every byte");

}  // namespace nuncio::http_proxy
