// AsyncClient: requests that the proxy makes by itself: mirrors, and what filters ask of other services. One for each worker,
// over its own clusters; worker thread only.
//
// AsyncStream: one of them: a router stream whose downstream is a callback object. Retries, pools, breakers, TLS, time limits,
// statistics and response flags are those of a client's request. It owns itself from start() on.
//
//   caller ─ sendHeaders, sendData … ─▶ AsyncStream ─▶ Router ─▶ UpstreamRequest ─▶ pool
//   caller ◀─ AsyncCallbacks ────────── AsyncStream ◀─ Router ◀─ UpstreamRequest
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "base/local_ref.h"
#include "http/header_map.h"
#include "http_proxy/manager_config.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/router.h"
#include "net/io_context.h"

namespace nuncio::http_proxy {

class AsyncStream;

/** Who made a request, and hears of its answer. Any of the calls may come while the stream is being written to. */
class AsyncCallbacks {
 public:
  /** The answer's head: the upstream's, or one of the router's own (503, 504 …: `info().flags` tell). In the stream's arena. */
  virtual void onHeaders(http::HeaderMap& headers, bool end_stream) = 0;
  virtual void onData(std::string_view data, bool end_stream) = 0;
  virtual void onTrailers(http::HeaderMap& trailers) = 0;
  /** The last call, exactly once unless cancel() came first. `whole`: the answer was read to its end. The stream lasts until the end of this turn. */
  virtual void onEnd(bool whole) = 0;
  /** More of the request's body waits than should: the caller stops writing until this is called with false. */
  virtual void onRequestBlocked(bool /*blocked*/) {}

 protected:
  ~AsyncCallbacks() = default;
};

struct AsyncOptions {
  std::string_view cluster;
  uint32_t timeout_ms = 0;       // for the whole answer; 0: none
  bool send_internal = true;     // x-envoy-internal: true, and counted as such
  bool send_forwarded = true;    // this machine's address at the end of x-forwarded-for
  bool dynamic_stats = true;
  bool suppress_envoy_headers = false;
  uint64_t buffer_limit = 1024 * 1024;  // body kept for another attempt
  Lease table = {};              // that the head's texts may belong to
  HostWishes host = {};
};

/** The route of such requests to one cluster. */
struct AsyncRoute final : base::LocalCounted {
  AsyncRoute(std::string_view cluster, uint32_t slot);
  std::unique_ptr<const routing::RouteTable> table;
  const routing::Route* route;
};

class AsyncClient {
 public:
  static constexpr size_t kMaxStreams = 16 * 1024;  // at a time in one worker

  explicit AsyncClient(WorkerContext& worker);
  AsyncClient(const AsyncClient&) = delete;
  AsyncClient& operator=(const AsyncClient&) = delete;
  /** Streams that are left are given up without a word. */
  ~AsyncClient();

  /**
   * A stream that waits for its head. Null: the worker has no such cluster (then `*overflow` is false), or there are too many
   * streams (`async_client.rq_overflow` counts them).
   */
  AsyncStream* start(const AsyncOptions& options, bool* overflow = nullptr);
  /** Clusters may have gone. */
  void onAdopt() { routes_.clear(); }
  size_t active() const { return active_; }

 private:
  friend class AsyncStream;
  base::LocalRef<AsyncRoute> routeTo(std::string_view cluster);

  WorkerContext& worker_;
  stats::RouterScope router_stats_;
  std::unordered_map<std::string, base::LocalRef<AsyncRoute>> routes_;  // of clusters that exist
  base::IntrusiveList<AsyncStream> streams_;
  size_t active_ = 0;
};

class AsyncStream final : public RoutedStream, public net::DeferredFree, public base::ListNode<> {
 public:
  /**
   * Once, first. `headers` is made in arena(), with method, path, authority and scheme; it may be changed on the way.
   * `callbacks` lasts until its onEnd, or until cancel(): it may be in arena() too.
   */
  void sendHeaders(http::HeaderMap& headers, bool end_stream, AsyncCallbacks& callbacks);
  void sendData(std::string_view data, bool end_stream);
  /** In arena(). */
  void sendTrailers(http::HeaderMap& trailers);
  /** Counted: the answer's body is held back. */
  void pauseResponse(bool pause);
  /** Gives the request up; no callback follows. */
  void cancel();
  /** Nothing more may be written to it. */
  bool complete() const { return complete_; }
  /** The answer is the router's own: no server gave one. */
  bool answeredHere() const { return answered_here_; }

  // ---- RoutedStream
  const routing::Route* route() override { return route_->route; }
  const HostWishes* hostWishes() const override { return &host_wishes_; }
  void reply(const LocalReply& reply) override;
  void encode1xx(http::HeaderMap&) override {}
  void answerHeaders(http::HeaderMap& headers, bool end_stream) override;
  void answerData(std::string_view data, bool end_stream) override;
  void answerTrailers(http::HeaderMap& trailers) override;
  void pauseRequest(bool pause) override;

  // ---- net::DeferredFree
  void dispose() override;

 private:
  friend class AsyncClient;
  AsyncStream(AsyncClient& client, const AsyncOptions& options, base::LocalRef<AsyncRoute> route);
  ~AsyncStream() override = default;
  void addOwnHeaders(http::HeaderMap& headers);
  void finish(bool whole);

  AsyncClient& client_;
  AsyncCallbacks* callbacks_ = nullptr;  // null: nobody wants to know any more
  base::ChunkPool& chunks_;
  const base::LocalRef<AsyncRoute> route_;
  const uint32_t timeout_ms_;
  const bool send_internal_;
  const bool send_forwarded_;
  const HostWishes host_wishes_;
  bool request_ended_ = false;
  bool response_started_ = false;
  bool answered_here_ = false;
  bool complete_ = false;
  uint16_t request_pauses_ = 0;
  uint16_t response_pauses_ = 0;
  RouterConfig config_;
  Router router_;
};

}  // namespace nuncio::http_proxy
