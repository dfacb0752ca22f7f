#include "http_proxy/async_client.h"

#include <new>
#include <utility>

#include "base/ascii.h"
#include "net/local_address.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::ResetReason;

namespace {

/** Requests of the proxy's own come from no connection. */
const http::ConnectionInfo& nobody() {
  static const http::ConnectionInfo info;
  return info;
}

}  // namespace

// ---------------------------------------------------------------- the client

AsyncRoute::AsyncRoute(std::string_view cluster, uint32_t slot) {
  plan::RouteTable plan;
  plan::VirtualHost host;
  plan::Route forward;
  host.domains.push_back("*");
  forward.cluster.emplace();
  forward.cluster->slot = slot;
  forward.cluster->name = std::string(cluster);
  host.routes.push_back(std::move(forward));
  plan.virtual_hosts.push_back(std::move(host));
  auto made = routing::RouteTable::make(plan);
  CHECK(made.ok());  // nothing in it comes from outside but a name
  table = std::move(made.value());
  route = table->virtualHosts()[0]->routes[0].get();
}

AsyncClient::AsyncClient(WorkerContext& worker) : worker_(worker), router_stats_(worker.stats.scope<stats::Router>("async-client")) {}

AsyncClient::~AsyncClient() {
  while (AsyncStream* stream = streams_.front()) stream->cancel();
  worker_.stats.release(router_stats_);
}

base::LocalRef<AsyncRoute> AsyncClient::routeTo(std::string_view cluster) {
  const auto found = routes_.find(std::string(cluster));
  if (found != routes_.end()) return found->second;
  const auto slot = worker_.clusters.slotOf(cluster);
  if (!slot || worker_.clusters.find(*slot) == nullptr) return {};
  return routes_.emplace(cluster, base::makeLocal<AsyncRoute>(cluster, *slot)).first->second;
}

AsyncStream* AsyncClient::start(const AsyncOptions& options, bool* overflow) {
  if (overflow != nullptr) *overflow = false;
  auto route = routeTo(options.cluster);
  if (!route) return nullptr;
  if (active_ >= kMaxStreams) {
    if (overflow != nullptr) *overflow = true;
    const auto counter = worker_.stats.scope<stats::NamedCounter>("async_client.rq_overflow");
    counter.inc(stats::NamedCounter::Stat::value);
    return nullptr;
  }
  static_assert(sizeof(AsyncStream) <= base::ChunkPool::kChunkSize);
  void* memory = worker_.services.io.chunks().take();
  auto* stream = ::new (memory) AsyncStream(*this, options, std::move(route));
  streams_.pushBack(stream);
  ++active_;
  return stream;
}

// ---------------------------------------------------------------- a stream

AsyncStream::AsyncStream(AsyncClient& client, const AsyncOptions& options, base::LocalRef<AsyncRoute> route)
    : RoutedStream(client.worker_, client.router_stats_, options.buffer_limit),
      client_(client),
      chunks_(client.worker_.services.io.chunks()),
      route_(std::move(route)),
      timeout_ms_(options.timeout_ms),
      send_internal_(options.send_internal),
      send_forwarded_(options.send_forwarded),
      host_wishes_(options.host),
      router_(*this, config_) {
  config_.dynamic_stats = options.dynamic_stats;
  config_.suppress_envoy_headers = options.suppress_envoy_headers;
  const loop::Loop& loop = worker_.services.loop;
  table_lease_ = options.table;
  info_.downstream = &nobody();
  info_.at.start = loop.now();
  info_.start_wall_ns = loop.wall();
  info_.protocol = http::Protocol::kHttp11;
  internal_ = send_internal_;
}

void AsyncStream::dispose() {
  base::ChunkPool& pool = chunks_;
  this->~AsyncStream();
  pool.give(this);
}

void AsyncStream::addOwnHeaders(http::HeaderMap& headers) {
  if (send_internal_) headers.set(HeaderId::kXEnvoyInternal, "true");
  if (send_forwarded_) {
    const net::Address& self = net::localAddress(net::Address::Family::kIpv4);
    headers.append(HeaderId::kXForwardedFor, self.ipText());
  }
  // The router takes it out again: that is how a request says how long it wants to wait.
  headers.set(HeaderId::kXEnvoyUpstreamRqTimeoutMs, arena_.decimal(timeout_ms_));
}

void AsyncStream::sendHeaders(http::HeaderMap& headers, bool end_stream, AsyncCallbacks& callbacks) {
  if (complete_) return;
  callbacks_ = &callbacks;
  request_headers_ = &headers;
  request_ended_ = end_stream;
  const std::string_view method = headers.get(HeaderId::kMethod);
  head_ = method == "HEAD";
  grpc_ = headers.has(HeaderId::kContentType) && isGrpcContentType(headers.get(HeaderId::kContentType));
  addOwnHeaders(headers);
  router_.onRequestHeaders(headers, end_stream);
}

void AsyncStream::sendData(std::string_view data, bool end_stream) {
  if (complete_ || request_ended_) return;
  request_ended_ = end_stream;
  info_.bytes_received += data.size();
  router_.onRequestData(data, end_stream);
}

void AsyncStream::sendTrailers(http::HeaderMap& trailers) {
  if (complete_ || request_ended_) return;
  request_ended_ = true;
  request_trailers_ = &trailers;
  router_.onRequestTrailers(trailers);
}

void AsyncStream::pauseResponse(bool pause) {
  if (complete_) return;
  if (pause) {
    if (response_pauses_++ == 0) router_.onDownstreamAboveHighWatermark();
  } else if (response_pauses_ != 0 && --response_pauses_ == 0) {
    router_.onDownstreamBelowLowWatermark();
  }
}

void AsyncStream::pauseRequest(bool pause) {
  if (pause) {
    if (request_pauses_++ != 0) return;
  } else if (request_pauses_ == 0 || --request_pauses_ != 0) {
    return;
  }
  if (callbacks_ != nullptr && !complete_) callbacks_->onRequestBlocked(pause);
}

void AsyncStream::cancel() {
  callbacks_ = nullptr;
  finish(false);
}

// ---------------------------------------------------------------- the answer

void AsyncStream::answerHeaders(http::HeaderMap& headers, bool end_stream) {
  if (complete_) return;
  response_started_ = true;
  response_headers_ = &headers;
  if (callbacks_ != nullptr) callbacks_->onHeaders(headers, end_stream);
  if (end_stream) finish(true);
}

void AsyncStream::answerData(std::string_view data, bool end_stream) {
  if (complete_) return;
  info_.bytes_sent += data.size();
  if (callbacks_ != nullptr) callbacks_->onData(data, end_stream);
  if (end_stream) finish(true);
}

void AsyncStream::answerTrailers(http::HeaderMap& trailers) {
  if (complete_) return;
  response_trailers_ = &trailers;
  if (callbacks_ != nullptr) callbacks_->onTrailers(trailers);
  finish(true);
}

/** What the router says itself, in the form the caller would get it from a server. */
void AsyncStream::reply(const LocalReply& reply) {
  if (complete_) return;
  if (reply.flag) info_.flags.add(*reply.flag);
  info_.response_code_details = reply.details;
  if (response_started_) return finish(false);
  answered_here_ = true;
  info_.response_code = reply.status;
  auto& headers = *arena_.make<http::HeaderMap>(arena_);
  std::string_view body = head_ ? std::string_view() : reply.body;
  if (grpc_) {
    headers.add(HeaderId::kStatus, "200");
    headers.add(HeaderId::kContentType, "application/grpc");
    headers.add(HeaderId::kGrpcStatus, arena_.decimal(reply.grpc_status.value_or(grpcStatusOf(reply.status))));
    if (!body.empty()) headers.add(HeaderId::kGrpcMessage, grpcMessage(arena_, body));
    body = {};
  } else {
    headers.add(HeaderId::kStatus, arena_.decimal(reply.status));
    if (!reply.body.empty()) {
      headers.add(HeaderId::kContentLength, arena_.decimal(reply.body.size()));
      headers.add(HeaderId::kContentType, "text/plain");
    }
  }
  if (reply.extra != HeaderId::kUnknown) headers.add(reply.extra, "true");
  answerHeaders(headers, body.empty());
  if (!body.empty()) answerData(body, true);
}

void AsyncStream::finish(bool whole) {
  if (complete_) return;
  complete_ = true;
  info_.at.end = worker_.services.loop.now();
  router_.abandon(ResetReason::kLocalReset);
  base::ListNode<>::unlink();
  --client_.active_;
  worker_.services.io.freeLater(this);
  if (AsyncCallbacks* callbacks = std::exchange(callbacks_, nullptr)) callbacks->onEnd(whole);
}

}  // namespace nuncio::http_proxy
