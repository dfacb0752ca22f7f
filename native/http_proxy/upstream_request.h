// UpstreamRequest: one attempt: waits for a connection, writes the request, reads the answer and hands it to the router.
// Lives in the stream's arena. Ends by a complete answer, a failure, or reset(); after any of them it calls nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/codec.h"
#include "http/stream_info.h"
#include "http_proxy/body_buffer.h"
#include "http_proxy/tcp_tunnel.h"
#include "loop/timer_wheel.h"
#include "upstream/http_pool.h"

namespace nuncio::http_proxy {

class Router;
struct AttemptFilters;
struct LocalReply;
struct AttemptTrace;

class UpstreamRequest final : public upstream::PoolStream {
 public:
  UpstreamRequest(Router& router, upstream::HostRuntime& host);
  ~UpstreamRequest() override;

  /** Asks the pool; the head goes out as soon as there is a connection. May fail at once through the router. */
  void start(http::HeaderMap& headers, bool end_stream);
  void sendData(std::string_view data, bool end_stream);
  void sendTrailers(http::HeaderMap& trailers);
  void reset(http::ResetReason reason);
  void armPerTryTimeout();
  void pauseReading(bool pause);
  /** Adds this attempt's bytes to what earlier attempts left in the stream's books. */
  void noteBytes();

  upstream::HostRuntime& host() { return *host_; }
  /** Null while the pool has given no answer: the host cannot be blamed for anything yet. */
  upstream::HostRuntime* knownHost() { return host_known_ ? host_.get() : nullptr; }
  /** The answer is not the 101 a WebSocket needs; what reaches the router is made of its head alone. */
  bool handshakeFailed() const { return handshake_failed_; }
  bool started() const { return encoder_ != nullptr || wrote_head_; }
  bool wroteHead() const { return wrote_head_; }
  /** The head is out: METADATA can follow. */
  bool writesMetadata() const { return wrote_head_ && encoder_ != nullptr; }
  void sendMetadata(std::string_view block);
  // ---- of its filters
  /** One answers instead of the upstream, or gives the attempt up. */
  void onFilterReply(const LocalReply& reply);
  void onFilterReset();
  /** Counted: the answer's body is held back. */
  void pauseForFilters(bool pause);
  /** What came through all of them: the request goes to the connection, the answer to the router. */
  void filtered1xx(http::HeaderMap& headers);
  void filteredHeaders(http::HeaderMap& headers, bool end_stream, bool response);
  void filteredData(std::string_view data, bool end_stream, bool response);
  void filteredTrailers(http::HeaderMap& trailers, bool response);
  int64_t beganNs() const { return began_ns_; }
  // ---- what came of it, for the upstream log
  uint16_t status() const { return status_; }
  const http::HeaderMap* response() const { return response_; }
  std::optional<http::ResponseFlag> flag() const { return flag_; }

  /** The TCP connection of a CONNECT that ends here is made. */
  void onTunnelReady(TcpTunnel& tunnel);

  // ---- upstream::PoolStream
  void onPoolReady(upstream::HttpConnection& connection) override;
  void onPoolFailure(upstream::PoolFailure failure, std::string_view reason) override;

  // ---- http::ResponseDecoder
  base::Arena& arena() override;
  void on1xx(http::HeaderMap& headers) override;
  void onResponseHeaders(http::HeaderMap& headers, bool end_stream) override;
  void onResponseData(std::string_view data, bool end_stream) override;
  void onResponseTrailers(http::HeaderMap& trailers) override;
  void onResponseMetadata(std::string_view block) override;
  void onStreamReset(http::ResetReason reason, std::string_view details) override;
  void onEncoderAboveHighWatermark() override;
  void onEncoderBelowLowWatermark() override;

 private:
  void failed(http::ResetReason reason, std::string_view transport);
  void writeData(std::string_view data, bool end_stream);
  void writeTrailers(http::HeaderMap& trailers);
  bool filterHead();
  void filterEarlyBody();
  void filterData(std::string_view data, bool end_stream, http::Protocol protocol, bool response);
  void stopFilters();
  void writeQueued();
  void noteConnection(upstream::ConnectionAccount& account, const net::Connection& connection);
  void begin(http::RequestEncoder& encoder);
  void ended();
  void touchIdle();
  void onPerTryTimeout();
  void onPerTryIdleTimeout();
  void onMaxDuration();
  void holdDownstream(bool hold);
  void noteHost();
  void noteReached();
  bool failsHandshake(const http::HeaderMap& headers) const;
  bool isConnect() const;
  bool opensTunnel() const;
  const http::HeaderMap& headersFor(const upstream::HttpConnection& connection);
  // ---- upstream_tracing.cc
  void startTrace();
  void injectTrace();
  void finishTrace();
  /** The attempt is about to fail. */
  void noteTraceReset(http::ResetReason reason);

  Router& router_;
  upstream::HostRef host_;
  http::HeaderMap* headers_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;
  std::string_view upgrade_;   // what an upgrade asked for that went out as HTTP/2's CONNECT
  http::RequestEncoder* encoder_ = nullptr;             // null before there is a connection and after the end
  upstream::HttpConnection* connection_ = nullptr;     // as encoder_
  std::optional<TcpTunnel> tunnel_;     // instead of a connection of a pool
  AttemptTrace* trace_ = nullptr;       // null: it has no span of its own
  std::optional<BodyBuffer> waiting_;   // body that came before a connection did
  int64_t began_ns_;
  const http::StreamBytes before_;     // of earlier attempts
  const http::HeaderMap* response_ = nullptr;
  uint16_t status_ = 0;
  std::optional<http::ResponseFlag> flag_;
  bool end_stream_ : 1 = false;         // the request's end is known
  bool head_only_ : 1 = false;
  bool wrote_head_ : 1 = false;
  bool holding_downstream_ : 1 = false;
  bool over_ : 1 = false;
  bool host_known_ : 1 = false;
  bool awaits_handshake_ = false;   // a WebSocket's bytes wait for the 101
  bool handshake_failed_ : 1 = false;
  /** Timers that few routes ask for: they take no memory of other attempts. In the arena. */
  struct RareTimers {
    explicit RareTimers(UpstreamRequest* attempt) : per_try{attempt}, per_try_idle{attempt}, max_duration{attempt} {}
    loop::MemberTimer<&UpstreamRequest::onPerTryTimeout> per_try;
    loop::MemberTimer<&UpstreamRequest::onPerTryIdleTimeout> per_try_idle;
    loop::MemberTimer<&UpstreamRequest::onMaxDuration> max_duration;
  };
  RareTimers& rareTimers();
  void dropRareTimers();
  RareTimers* rare_timers_ = nullptr;
  AttemptFilters* filtering_ = nullptr;  // null: no filters
};

}  // namespace nuncio::http_proxy
