// Router: the last HTTP filter: decides where a request goes, makes attempts (UpstreamRequest) until one answers, and
// carries that answer back. Part of its RoutedStream; worker thread only.
//
//   head ─▶ route ─▶ redirect / direct response: local reply
//              └──▶ cluster ─▶ host ─▶ attempt ─▶ answer ─▶ retry? ─▶ client
//                                 ▲──────────── back-off ◀───┘
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/codec.h"
#include "http_proxy/body_buffer.h"
#include "http_proxy/retry_state.h"
#include "loop/timer_wheel.h"
#include "routing/route_table.h"
#include "upstream/cluster_runtime.h"
#include "upstream/connect.h"

namespace nuncio::http_proxy {

class RequestMirrors;
class RoutedStream;
class UpstreamRequest;
struct AttemptFilters;
struct FilterListRuntime;
struct LocalReply;
struct RouterConfig;

struct RouterTimeouts {
  uint32_t global_ms = 0;
  uint32_t per_try_ms = 0;
  uint32_t per_try_idle_ms = 0;
};

class Router {
 public:
  /** `upstream_filters`: of attempts whose cluster has none; null: none. */
  Router(RoutedStream& stream, const RouterConfig& config, const FilterListRuntime* upstream_filters = nullptr);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // ---- from the filter chain
  void onRequestHeaders(http::HeaderMap& headers, bool end_stream);
  void onRequestData(std::string_view data, bool end_stream);
  void onRequestTrailers(http::HeaderMap& trailers);
  /** The stream is over; attempts under way are given up. */
  void abandon(http::ResetReason reason);
  void onDownstreamAboveHighWatermark();
  void onDownstreamBelowLowWatermark();
  /** Brings what is known of the attempt's bytes up to date, for a log line. */
  void noteBytes();

  // ---- from the attempt
  void onUpstream1xx(http::HeaderMap& headers);
  void onUpstreamHeaders(http::HeaderMap& headers, bool end_stream);
  void onUpstreamData(std::string_view data, bool end_stream);
  void onUpstreamTrailers(http::HeaderMap& trailers);
  /** The attempt failed; `transport` is what the transport said, may be empty. */
  void onUpstreamReset(http::ResetReason reason, std::string_view transport);
  void onRequestMetadata(std::string_view block);
  /** METADATA that came before there was a connection follows the head. */
  void sendKeptMetadata(UpstreamRequest& attempt);
  void onUpstreamConnected(UpstreamRequest& attempt);
  /** The pool gave the attempt a connection to its host, or failed to; before, no host counts as tried. */
  void noteHost(const upstream::HostRuntime& host);
  void onPerTryTimeout(bool idle);
  void onUpstreamMaxDuration();
  /** One of the attempt's filters answers. */
  void onFilterReply(const LocalReply& reply);
  /** The filters of a new attempt, which last as long as the router; null: there are none. */
  AttemptFilters* makeFilters(UpstreamRequest& attempt);
  bool filtersAttempts() const { return attempt_filters_ != nullptr; }
  bool isCurrent(const UpstreamRequest& attempt) const { return attempt_ == &attempt; }
  /** Writes the upstream log's line of an attempt that goes. */
  void logAttempt(const UpstreamRequest& attempt);

  /** What the route adds to every answer that is sent for it, the upstream's or one of our own. */
  void decorateResponse(http::HeaderMap& headers);

  RoutedStream& stream() { return stream_; }
  upstream::ClusterRuntime& cluster() { return *cluster_; }
  /** A CONNECT that is not forwarded, but ends here in a TCP connection. */
  bool endsConnect() const;
  /** Of the pool that attempts use, and what they want of its transport. */
  const upstream::PoolKey& poolKey() const { return pool_key_; }
  const upstream::TransportOptions& transportOptions() const { return transport_; }
  /** Of a request that is traced: does each attempt have a span of its own? */
  bool spawnsSpans() const;
  const routing::ClusterAction& action() const { return *route_->cluster; }
  const RouterTimeouts& timeouts() const { return timeouts_; }
  /** How long an attempt may last when the request says so itself; 0: for ever. */
  std::optional<uint32_t> askedDurationMs() const { return asked_duration_ms_; }
  bool downstreamBlocked() const { return downstream_blocked_; }

 private:
  bool answerDirectly(http::HeaderMap& headers);
  bool findCluster(http::HeaderMap& headers);
  void findVirtualCluster(http::HeaderMap& headers);
  void countRequest(stats::VirtualClusterStat stat);
  RetryVerdict noted(RetryVerdict verdict);
  bool checkStrictHeaders(http::HeaderMap& headers);
  bool passesDropAndMaintenance();
  void computeTimeouts(http::HeaderMap& headers);
  void setExpectedTimeout(http::HeaderMap& headers, int64_t elapsed_ms);
  void prepareUpstreamHead(http::HeaderMap& headers);
  void startMirrors(http::HeaderMap& headers, bool end_stream);
  void choosePool(const http::HeaderMap& headers);
  void nameTransport(const http::HeaderMap& headers);
  std::string_view* wantedHosts(const plan::OverrideHost& config);
  upstream::HostRuntime* chooseHost();
  std::optional<uint64_t> requestHash();
  bool hasPool(upstream::HostRuntime& host);
  bool subsetCriteria(routing::SubsetCriteria& out);
  bool followRedirect(http::HeaderMap& response, uint32_t status, bool end_stream);
  bool redirectRequest(http::HeaderMap& response, uint32_t status);
  bool acceptsRedirect(bool from_http, bool to_http);
  void onRequestEnded();
  void bufferForRetry(std::string_view data);
  bool retryAfterHeaders(http::HeaderMap& headers, uint32_t status, bool end_stream);
  void retry();
  void onBackoffOver();
  void onGlobalTimeout();
  void giveUp(uint16_t status, std::string_view body, std::string_view details, std::optional<http::ResponseFlag> flag,
              bool overloaded);
  void noHealthyUpstream();
  void chargeCode(uint32_t status, upstream::HostRuntime* host, bool canary = false);
  void judgeAnswer(http::HeaderMap& headers, uint32_t status);
  void judgeFailure(uint32_t status);
  void chargeOutcome(http::HeaderMap& headers, uint32_t status, bool end_stream);
  static bool grpcSucceeded(const http::HeaderMap& fields);
  void closeGrpcOutcome(bool success);
  void chargeFailure(uint16_t status);
  void chargeAlternative(uint32_t status, bool internal, bool canary);
  void chargeTime(int64_t began_ns, bool canary);
  bool retriesAfterReset(http::ResetReason reason, bool started);
  void finishUpstream();
  void dropFilters();

  struct KeptMetadata {
    std::string_view block;
    KeptMetadata* next;
  };
  static constexpr size_t kMostKeptMetadata = 1024 * 1024;  // bytes; what comes beyond is dropped

  RoutedStream& stream_;
  const RouterConfig& config_;
  const FilterListRuntime* const upstream_filters_;
  AttemptFilters* attempt_filters_ = nullptr;  // of all attempts; in the arena
  const routing::Route* route_ = nullptr;
  const routing::WeightedCluster* weighted_ = nullptr;
  upstream::ClusterRef cluster_;
  upstream::PoolKey pool_key_;
  upstream::TransportOptions transport_;
  http::HeaderMap* headers_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;
  UpstreamRequest* attempt_ = nullptr;
  RequestMirrors* mirrors_ = nullptr;        // null: none, or they have all they need
  KeptMetadata* kept_metadata_ = nullptr;    // in the arena, in order
  size_t kept_metadata_size_ = 0;
  std::optional<RetryState> retry_;
  std::optional<BodyBuffer> body_;           // kept while another attempt may need it
  std::string_view wanted_hosts_;  // what is left of those that the request names
  bool wanted_hosts_known_ = false;
  std::vector<const upstream::Host*> tried_;  // only filled when a predicate asks for it
  std::optional<uint64_t> hash_;                    // of the route's hash policies, once they were asked
  std::optional<routing::NewCookie> new_cookie_;    // one of them made it up
  RouterTimeouts timeouts_;
  std::string_view alt_stat_name_;           // x-envoy-upstream-alt-stat-name
  stats::VirtualClusterScope request_scopes_[2];  // of the virtual cluster and of the route; empty where there is none
  std::optional<uint32_t> asked_duration_ms_;     // x-envoy-upstream-stream-duration-ms
  uint64_t buffer_limit_ = 0;
  int64_t request_end_ns_ = 0;
  uint32_t attempts_ = 0;
  uint16_t timeout_status_ = 504;
  bool request_ended_ : 1 = false;
  bool head_only_ : 1 = false;          // the request has nothing behind its head
  bool response_started_ : 1 = false;
  bool is_retry_ : 1 = false;
  bool retry_is_timeout_ : 1 = false;        // the last attempt failed for a per-try timeout
  bool downstream_blocked_ = false;
  bool abandoned_ : 1 = false;
  bool response_canary_ : 1 = false;
  bool hash_known_ : 1 = false;
  bool follows_redirects_ : 1 = false;  // the route wants it, and the request's body is (still) kept for it
  bool grpc_outcome_open_ = false;  // a gRPC answer whose grpc-status is still to come
  loop::MemberTimer<&Router::onGlobalTimeout> global_timer_{this};
  loop::MemberTimer<&Router::onBackoffOver> backoff_timer_{this};
};

}  // namespace nuncio::http_proxy
