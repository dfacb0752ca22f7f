// Stream: one request and its response. Made at the request's first byte, freed at the end of the turn in which it
// completed. Everything it needs is in its arena. Worker thread only.
//
//   codec ─▶ Stream ─▶ filters ─▶ Router ─▶ UpstreamRequest ─▶ pool
//   codec ◀─ Stream ◀─ filters ◀─ Router ◀─ UpstreamRequest
//
// It ends (once) by `complete()`: response sent whole, or abandoned; then counters, histograms and access log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "http/codec.h"
#include "http/stream_info.h"
#include "http_proxy/filter_chain.h"
#include "http_proxy/manager_runtime.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/router.h"
#include "loop/timer_wheel.h"
#include "net/io_context.h"
#include "routing/route_table.h"

namespace nuncio::http_proxy {

class ConnectionManager;

class Stream final : public http::RequestDecoder, public RoutedStream, public net::DeferredFree, public base::ListNode<> {
 public:
  /** In a pooled chunk; given back by dispose(). */
  static Stream* make(ConnectionManager& manager, http::ResponseEncoder& encoder);
  void dispose() override;

  // ---- http::RequestDecoder
  base::Arena& arena() override { return arena_; }
  void onRequestHeaders(http::HeaderMap& headers, bool end_stream) override;
  void onRequestData(std::string_view data, bool end_stream) override;
  void onRequestTrailers(http::HeaderMap& trailers) override;
  void onRequestMetadata(std::string_view block) override;
  void onStreamReset(http::ResetReason reason, std::string_view details) override;
  void onCodecError(const http::CodecError& error) override;
  void onEncoderAboveHighWatermark() override;
  void onEncoderBelowLowWatermark() override;

  // ---- for filters and the router
  http::HeaderMap& requestHeaders() { return *request_headers_; }
  http::HeaderMap* requestTrailers() { return request_trailers_; }
  http::HeaderMap* responseHeaders() { return response_headers_; }
  const ManagerConfig& config() const;
  ManagerRuntime& runtime();
  FilterChain& filters() { return filters_; }
  /** The request's route, looked up once and again after refreshRoute(). Null: none. */
  const routing::Route* route() override;
  void refreshRoute() { route_known_ = false; }
  /** Asks for the routes that are missing, when they may come on demand. False: no route will come. */
  bool demandRoute(OnDemand::Waiter& waiter);
  /** From now on the stream uses the newest route table. */
  void renewRouteTable();
  /** Counted: the upstream's body is held back. */
  void blockResponse(bool block);
  /** Trailers made here, for formats. */
  void noteTrailers(http::HeaderMap& trailers, bool response) { (response ? response_trailers_ : request_trailers_) = &trailers; }
  void setInternalRequest(bool internal) { internal_ = internal; }
  bool requestComplete() const { return request_complete_; }
  bool responseStarted() const { return response_started_; }
  bool complete() const { return complete_; }

  // ---- the rest of RoutedStream
  void reply(const LocalReply& reply) override;
  void encode1xx(http::HeaderMap& headers) override;
  void answerHeaders(http::HeaderMap& headers, bool end_stream) override { filters_.responseHeaders(headers, end_stream); }
  void answerData(std::string_view data, bool end_stream) override;
  void answerTrailers(http::HeaderMap& trailers) override { filters_.responseTrailers(trailers); }
  void answerMetadata(std::string_view block) override;
  void pauseRequest(bool pause) override;
  const routing::Route* reroute() override {
    refreshRoute();
    return route();
  }
  void restart(BodyBuffer* body, http::HeaderMap* trailers, bool head_only) override;

  /** The response cannot be finished: the client's connection (HTTP/1) or stream ends hard. */
  void resetDownstream(http::ResetReason reason);
  void armIdleTimer();
  void setIdleTimeout(uint32_t timeout_ms);
  void armMaxDuration(uint32_t timeout_ms);

  // ---- for the connection manager
  /** The connection went away under the stream. */
  void onDownstreamGone(bool local);
  /** The connection cannot go on, as somebody broke the protocol (HTTP/2; with HTTP/1 onCodecError says so). */
  void onConnectionError(const http::CodecError& error);
  /** HTTP/2: the codec knows the stream no more. */
  void onCodecDone();
  void onHeadersTimeout();
  bool closesConnection() const { return close_connection_; }
  /** Request and response went through from end to end. */
  bool whole() const { return request_complete_ && response_complete_; }
  /** It ended while the filters saw a part of the request: by a local reply made there. */
  bool endedInInput() const { return in_input_; }
  /** The end of the connection is the end of the response (HTTP/1.0). */
  bool endsWithConnection() const { return ends_with_connection_; }
  int64_t beganNs() const { return info_.at.start; }
  void setSawConnectionClose() { close_connection_ = true; }

 private:
  friend class FilterChain;
  struct Restart;
  void beginAnew(Restart& restart);
  void dropRestart();
  Stream(ConnectionManager& manager, http::ResponseEncoder& encoder);
  ~Stream() override;
  bool acceptHead();
  bool acceptPath();
  bool acceptUpgrade();
  void takeRouteTable();
  void setRouteTable(Lease lease);
  bool endsApart(std::string_view data, http::Protocol protocol) const;
  void takeRequestHead(http::HeaderMap& headers, bool end_stream);
  void finishRequestHead(bool end_stream);
  void answerExpectation();
  void noteRequestEnd();
  void send1xx(http::HeaderMap& headers);
  void sendHead(http::HeaderMap& headers, bool end_stream);
  void sendData(std::string_view data, bool end_stream);
  void sendTrailers(http::HeaderMap& trailers);
  void decideConnection(http::HeaderMap& headers);
  void limitDuration(const routing::ClusterAction& action);
  void takeRouteTimeouts();
  void pickWeighted();
  // ---- stream_tracing.cc
  void decideTracing();
  void startTrace();
  void countTrace();
  void decorateAnswer(http::HeaderMap& headers);
  void finishTrace();
  void refuseFlood();
  void log(http::AccessLogType type);
  void noteBytes();
  void onLogInterval();
  void chargeResponse(uint32_t status);
  http::ResetReason ownReset() const;
  void finishResponse();
  void finish();
  void endFlushing(http::ResponseFlag flag, std::string_view details);
  void conclude();
  void logAndCount();
  http::HeaderMap& localReplyHead(const LocalReply& reply, std::string_view& body);
  void rewriteLocalReply(http::HeaderMap& headers, uint16_t& status, std::string_view& body, std::string_view& content_type);
  std::string_view formatReply(const http::BodyFormatter& format);
  void nameCluster();
  void makeGrpcReply(http::HeaderMap& headers, uint32_t status, std::string_view message, std::string_view content_type);
  void onIdleTimeout();
  void onRequestTimeout();
  void onMaxDuration();

  ConnectionManager& manager_;
  http::ResponseEncoder* encoder_;      // null once the codec or the connection let go of the stream
  base::ChunkPool& chunks_;
  ManagerRuntime& runtime_;
  struct OldTable {
    Lease lease;
    OldTable* next;
  };
  OldTable* old_tables_ = nullptr;      // that routes looked up before may be of
  std::optional<std::string_view> scope_key_;  // with scoped routes: that `table_` belongs to
  const routing::Route* route_ = nullptr;
  const FilterListRuntime* filter_list_;
  uint32_t idle_timeout_ms_;
  bool route_known_ : 1 = false;
  bool request_complete_ : 1 = false;
  bool in_input_ : 1 = false;  // a part of the request is on its way through the filters
  bool response_started_ : 1 = false;
  bool response_complete_ : 1 = false;
  bool complete_ : 1 = false;
  bool replying_ : 1 = false;
  bool close_connection_ : 1 = false;
  bool ends_with_connection_ : 1 = false;
  bool informed_ : 1 = false;  // an informational response was passed on
  bool flushing_ : 1 = false;      // answered, but the codec has bytes of the answer to send
  bool extended_connect_ : 1 = false;  // an upgrade that came as HTTP/2's CONNECT
  uint8_t encoder_blocks_ = 0;  // of stream and connection: which have more to send than they should
  uint16_t response_blocks_ = 0;
  uint16_t request_pauses_ = 0;
  FilterChain filters_;
  loop::MemberTimer<&Stream::onIdleTimeout> idle_timer_{this};
  /** Timers that few configurations ask for: they take no memory of other streams. In the arena. */
  struct RareTimers {
    explicit RareTimers(Stream* stream) : request{stream}, max_duration{stream}, log{stream} {}
    loop::MemberTimer<&Stream::onRequestTimeout> request;
    loop::MemberTimer<&Stream::onMaxDuration> max_duration;
    loop::MemberTimer<&Stream::onLogInterval> log;
  };
  RareTimers& rareTimers();
  void dropRareTimers() {
    if (rare_timers_ != nullptr) std::destroy_at(std::exchange(rare_timers_, nullptr));
  }
  RareTimers* rare_timers_ = nullptr;
  Restart* restart_ = nullptr;  // a redirect is followed at the end of this turn; in the arena
  std::optional<Router> router_;
};

}  // namespace nuncio::http_proxy
