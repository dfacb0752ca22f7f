// Router: the last HTTP filter: decides where a request goes, makes attempts (UpstreamRequest) until one answers, and
// carries that answer back. Part of its Stream; worker thread only.
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

namespace nuncio::http_proxy {

class Stream;
class UpstreamRequest;
struct RouterConfig;

struct RouterTimeouts {
  uint32_t global_ms = 0;
  uint32_t per_try_ms = 0;
  uint32_t per_try_idle_ms = 0;
};

class Router {
 public:
  explicit Router(Stream& stream);
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

  // ---- from the attempt
  void onUpstream1xx(http::HeaderMap& headers);
  void onUpstreamHeaders(http::HeaderMap& headers, bool end_stream);
  void onUpstreamData(std::string_view data, bool end_stream);
  void onUpstreamTrailers(http::HeaderMap& trailers);
  /** The attempt failed; `transport` is what the transport said, may be empty. */
  void onUpstreamReset(http::ResetReason reason, std::string_view transport);
  void onUpstreamConnected(UpstreamRequest& attempt);
  void onPerTryTimeout(bool idle);
  void onUpstreamMaxDuration();

  Stream& stream() { return stream_; }
  upstream::ClusterRuntime& cluster() { return *cluster_; }
  upstream::Priority priority() const { return priority_; }
  const routing::ClusterAction& action() const { return *route_->cluster; }
  const RouterTimeouts& timeouts() const { return timeouts_; }
  bool requestEnded() const { return request_ended_; }
  const BodyBuffer* replayBody() const { return body_ ? &*body_ : nullptr; }
  bool downstreamBlocked() const { return downstream_blocked_; }
  bool keepsHost(const upstream::HostRuntime& host) const;

 private:
  bool answerDirectly(http::HeaderMap& headers);
  bool findCluster(http::HeaderMap& headers);
  bool checkStrictHeaders(http::HeaderMap& headers);
  bool passesDropAndMaintenance();
  void computeTimeouts(http::HeaderMap& headers);
  void setExpectedTimeout(http::HeaderMap& headers, int64_t elapsed_ms);
  void prepareUpstreamHead(http::HeaderMap& headers);
  bool startAttempt(bool end_stream);
  upstream::HostRuntime* chooseHost();
  void onRequestEnded();
  void bufferForRetry(std::string_view data);
  bool retryAfterHeaders(http::HeaderMap& headers, uint32_t status, bool end_stream);
  void retry();
  void onBackoffOver();
  void onGlobalTimeout();
  void giveUp(uint16_t status, std::string_view body, std::string_view details, std::optional<http::ResponseFlag> flag,
              bool overloaded, uint16_t grpc_status = UINT16_MAX);
  void noHealthyUpstream();
  void chargeCode(uint32_t status, const upstream::HostRuntime* host, bool canary = false);
  void chargeTime(int64_t began_ns, bool canary);
  void finishAttempt();
  void noteAttempt(const upstream::HostRuntime& host);
  void finishUpstream();

  Stream& stream_;
  const RouterConfig& config_;
  const routing::Route* route_ = nullptr;
  const routing::WeightedCluster* weighted_ = nullptr;
  upstream::ClusterRef cluster_;
  upstream::Priority priority_ = upstream::Priority::kDefault;
  http::HeaderMap* headers_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;
  UpstreamRequest* attempt_ = nullptr;
  std::optional<RetryState> retry_;
  std::optional<BodyBuffer> body_;           // kept while another attempt may need it
  std::vector<const upstream::Host*> tried_;  // only filled when a predicate asks for it
  RouterTimeouts timeouts_;
  uint64_t buffer_limit_ = 0;
  int64_t request_end_ns_ = 0;
  uint32_t attempts_ = 0;
  uint16_t timeout_status_ = 504;
  bool request_ended_ : 1 = false;
  bool response_started_ : 1 = false;
  bool is_retry_ : 1 = false;
  bool downstream_blocked_ = false;
  bool abandoned_ : 1 = false;
  bool response_canary_ : 1 = false;
  loop::MemberTimer<&Router::onGlobalTimeout> global_timer_{this};
  loop::MemberTimer<&Router::onBackoffOver> backoff_timer_{this};
};

}  // namespace nuncio::http_proxy
