// HttpConnection: one connection of an HttpPool, from connect to close. HTTP/1 carries one request at a time, HTTP/2 as
// many as peer and configuration allow; which of them it speaks is known before the connect, or from the handshake (ALPN).
// Freed at the end of the turn in which it closed. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "http/keep_alive.h"
#include "net/connection.h"
#include "upstream/connection_account.h"
#include "upstream/pool_key.h"

namespace nuncio::upstream {

class HttpPool;
class PoolStream;

class HttpConnection final : public net::DeferredFree,
                             public net::ConnectionEvents,
                             public http::ClientCallbacks,
                             private http::KeepAliveOwner,
                             private loop::TurnTask,
                             public base::ListNode<> {
 public:
  HttpConnection(HttpPool& pool, ClusterRuntime& cluster, HostRuntime& host, int fd);
  ~HttpConnection() override;

  void start(bool in_progress);
  /** Starts a request; it is told of its response, or of its end, through its decoder. */
  http::RequestEncoder& newStream(PoolStream& stream);
  /** A request is given up, its encoder was reset: HTTP/1 ends the connection with it. The decoder hears nothing more. */
  void abandonStream();
  /** Counts that a request ended before its time. */
  void noteReset(http::ResetReason reason);
  net::Connection& connection() { return connection_; }
  ConnectionAccount& account() { return account_; }
  bool multiplexed() const { return multiplexed_; }
  /** Requests that may be started now. */
  uint32_t room() const;
  /** Counted: the response under way is held back, down to the peer's socket; HTTP/2 has a window for each stream instead. */
  void pauseReading(bool pause);
  /** No further request; closes now when idle. */
  void drain();
  bool idle() const { return active_ == 0; }
  void close(net::CloseCause cause);

  // net::ConnectionEvents
  void onConnected() override;
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override;
  void onAboveHighWatermark() override;
  void onBelowLowWatermark() override;
  void onWritten() override;
  void onClosed(net::CloseCause cause) override;
  // http::ClientCallbacks
  void onStreamComplete(http::ResponseDecoder& decoder, bool reusable) override;
  void onRequestGivenUp() override;
  void onCloseAnnounced() override;
  void onGoAway() override;
  void onMaxStreams(uint32_t streams) override;
  void onPingAck() override;
  void onDispatchWanted() override;

 private:
  friend class HttpPool;
  /** Which of its pool's lists it is in. */
  enum class Place : uint8_t { kConnecting, kReady, kBusy };

  // http::KeepAliveOwner
  void sendPing() override { codec_->ping(); }
  void onPingTimeout() override;
  // loop::TurnTask: the codec holds bytes that a stream wants now
  void onEndOfTurn() override;

  void speak(Wire wire);
  void dispatch(std::string_view bytes, size_t& consumed);
  void onTimeout();
  void onMaxDuration();
  void fail(http::ResetReason reason, std::string_view details, net::CloseCause cause);
  void streamOver();
  void afterStream();
  void takeRequest();
  void becameIdle();
  void finished(net::CloseCause cause);

  HttpPool* pool_;  // null: the pool has gone, or gave the connection up
  ConnectionAccount account_;
  net::Connection connection_;
  std::unique_ptr<http::ClientCodec> codec_;   // null until it is known what is spoken
  std::unique_ptr<http::KeepAlive> keep_alive_;  // only where it is configured
  base::IntrusiveList<PoolStream> streams_;    // whose decoders still listen
  uint32_t active_ = 0;
  uint32_t max_active_ = 1;
  Place place_ = Place::kConnecting;
  bool multiplexed_ = false;
  bool remote_gone_ = false;
  bool in_dispatch_ = false;
  bool draining_ = false;
  bool closed_ = false;
  loop::MemberTimer<&HttpConnection::onTimeout> timer_{this};  // connect timeout, then idle timeout
  loop::MemberTimer<&HttpConnection::onMaxDuration> max_duration_{this};
};

}  // namespace nuncio::upstream
