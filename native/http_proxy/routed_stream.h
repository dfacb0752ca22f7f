// RoutedStream: a request on its way through a Router, as the router knows it: what was asked, what is known of it, and where
// the answer goes. Two kinds: a client's request (Stream), and one that the proxy makes by itself (AsyncStream). Part of
// its stream; worker thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/local_ref.h"
#include "http/stream_info.h"
#include "http/substitution/format_context.h"
#include "http_proxy/local_reply.h"
#include "http_proxy/worker_context.h"
#include "net/tls_info.h"
#include "routing/route_table.h"

namespace nuncio::http_proxy {

class BodyBuffer;
struct RedirectTrail;
struct StreamTrace;

/** What is wanted of a request's host besides what its route says. */
struct HostWishes {
  const routing::OwnedSubsetCriteria* metadata_match = nullptr;  // null: nothing; lasts as long as the stream
  std::optional<uint64_t> hash = std::nullopt;                   // for consistent hashing
};

class RoutedStream {
 public:
  RoutedStream(const RoutedStream&) = delete;
  RoutedStream& operator=(const RoutedStream&) = delete;

  base::Arena& arena() { return arena_; }
  WorkerContext& worker() { return worker_; }
  http::StreamInfo& info() { return info_; }
  /** `http.<prefix>.` of the connection manager, or of the proxy's own requests. */
  const stats::RouterScope& routerStats() const { return router_stats_; }
  /** Request bytes that may be kept for another attempt. */
  uint64_t bufferLimit() const { return buffer_limit_; }
  http::FormatContext formatContext() const;
  http::HeaderMap* requestHeadersIfAny() { return request_headers_; }

  /** Null: none. */
  virtual const routing::Route* route() = 0;
  const routing::RouteTable* routeTable() const { return table_; }
  const Lease& tableLease() const { return table_lease_; }
  /** Of the table; null: the route is in none. */
  const RouteStats* routeStats() const { return table_lease_ ? &table_lease_->route_stats : nullptr; }
  /** Of the route's weighted clusters, the one picked for this request; null: the route has none. */
  const routing::WeightedCluster* weightedCluster() const { return weighted_; }
  /** The cluster that the route leads to, which the access log names from now on; null: there is none. */
  upstream::ClusterRuntime* findCluster(const routing::ClusterAction& action, http::HeaderMap& headers);
  uint64_t randomValue() const { return random_; }
  /** Null: none. */
  virtual const HostWishes* hostWishes() const { return nullptr; }
  /** Null: requests are not traced here. */
  const StreamTrace* trace() const { return trace_; }

  bool internalRequest() const { return internal_; }
  bool isUpgrade() const { return upgrade_; }
  bool isConnect() const { return connect_; }
  bool headRequest() const { return head_; }
  bool grpcRequest() const { return grpc_; }

  /** Answers by the proxy itself; after the response head went out it resets instead. */
  virtual void reply(const LocalReply& reply) = 0;
  void replyFlag(http::ResponseFlag flag) { info_.flags.add(flag); }
  virtual void encode1xx(http::HeaderMap& headers) = 0;
  /** The head that is about to go through the filters: formats may ask for it from now on. */
  void noteResponseHeaders(http::HeaderMap& headers) { response_headers_ = &headers; }
  void markUpgradeAccepted() { upgrade_accepted_ = true; }
  // ---- the upstream's answer
  virtual void answerHeaders(http::HeaderMap& headers, bool end_stream) = 0;
  virtual void answerData(std::string_view data, bool end_stream) = 0;
  virtual void answerTrailers(http::HeaderMap& trailers) = 0;
  /** METADATA of HTTP/2, as the codecs have it. */
  virtual void answerMetadata(std::string_view /*block*/) {}
  // ---- redirects that the proxy follows by itself
  /** What was followed so far; in the arena, the router's to make. */
  RedirectTrail*& redirectTrail() { return redirect_trail_; }
  /** The request's head changed: looks its route up anew. */
  virtual const routing::Route* reroute() { return nullptr; }
  /**
   * The request, which came whole, begins anew with its head as it is now, through all filters, once this turn is over. `body`
   * (null: none) is emptied. The router hears no more. Only of streams whose routes follow redirects.
   */
  virtual void restart(BodyBuffer* /*body*/, http::HeaderMap* /*trailers*/, bool /*head_only*/) {}

  /** Counted: holds the request's body back. */
  virtual void pauseRequest(bool pause) = 0;
  /** The facts of the upstream's TLS (null: clear text), for logs that may outlive the connection. */
  void keepUpstreamTls(const net::TlsInfo* tls) {
    upstream_tls_ = base::LocalRef<const net::TlsInfo>(tls);
    info_.upstream_tls = tls;
  }

 protected:
  RoutedStream(WorkerContext& worker, const stats::RouterScope& router_stats, uint64_t buffer_limit)
      : worker_(worker),
        router_stats_(router_stats),
        buffer_limit_(buffer_limit),
        random_(worker.random_source.next()),
        arena_(worker.services.io.chunks()) {}
  ~RoutedStream() = default;

  WorkerContext& worker_;
  const stats::RouterScope& router_stats_;
  const uint64_t buffer_limit_;
  const uint64_t random_;
  base::Arena arena_;
  http::HeaderMap* request_headers_ = nullptr;
  http::HeaderMap* request_trailers_ = nullptr;
  http::HeaderMap* response_headers_ = nullptr;
  http::HeaderMap* response_trailers_ = nullptr;
  Lease table_lease_;
  const routing::RouteTable* table_ = nullptr;
  const routing::WeightedCluster* weighted_ = nullptr;
  RedirectTrail* redirect_trail_ = nullptr;
  StreamTrace* trace_ = nullptr;  // in the arena
  bool internal_ : 1 = false;
  bool head_ : 1 = false;
  bool grpc_ : 1 = false;
  bool upgrade_ : 1 = false;
  bool connect_ : 1 = false;
  bool upgrade_accepted_ : 1 = false;
  base::LocalRef<const net::TlsInfo> upstream_tls_;  // that `info_` points to
  http::StreamInfo info_;
};

inline http::FormatContext RoutedStream::formatContext() const {
  const loop::Loop& loop = worker_.services.loop;
  return {.request = request_headers_,
          .response = response_headers_,
          .response_trailers = response_trailers_,
          .info = info_,
          .now_ns = loop.now(),
          .wall_now_ns = loop.wall(),
          .random = &worker_.random_source};
}

}  // namespace nuncio::http_proxy
