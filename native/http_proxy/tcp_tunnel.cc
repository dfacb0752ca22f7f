#include "http_proxy/tcp_tunnel.h"

#include <cstring>
#include <utility>

#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using upstream::PoolFailure;
using upstream::TcpConnect;

void TcpTunnel::start(upstream::ClusterRuntime& cluster, upstream::HostRuntime& host, upstream::Priority priority,
                      const upstream::TransportOptions& options) {
  const TcpConnect made = upstream::TcpUpstream::connect(cluster, host, priority, *this, options);
  upstream_ = made.upstream;
  if (made.outcome == TcpConnect::Outcome::kOverflow) return request_.onPoolFailure(PoolFailure::kPendingOverflow, {});
  if (made.outcome == TcpConnect::Outcome::kFailed) onUpstreamFailed(made.error, {});
}

void TcpTunnel::close() {
  if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->close();
}

void TcpTunnel::onUpstreamConnected() { request_.onTunnelReady(*this); }

void TcpTunnel::onUpstreamFailed(int error, std::string_view transport) {
  upstream_ = nullptr;
  if (error == 0) return request_.onPoolFailure(PoolFailure::kConnectTimeout, {});
  if (error < 0) return request_.onPoolFailure(PoolFailure::kConnectFailed, transport);
  char text[128];
  auto& arena = request_.arena();
  request_.onPoolFailure(PoolFailure::kConnectFailed,
                         arena.concat("delayed connect error: ", std::string_view(strerror_r(error, text, sizeof(text)))));
}

// ---------------------------------------------------------------- towards the upstream

/** The head is for us: the connection stands, and the client is told so. */
void TcpTunnel::encodeHeaders(const http::HeaderMap&, bool end_stream) {
  if (end_stream) encodeData({}, true);
  auto& arena = request_.arena();
  auto& headers = *arena.make<http::HeaderMap>(arena);
  headers.add(HeaderId::kStatus, "200");
  request_.onResponseHeaders(headers, false);
}

void TcpTunnel::encodeData(std::string_view data, bool end_stream) {
  if (upstream_ == nullptr) return;
  bytes_.wire_sent += data.size();
  if (!data.empty()) upstream_->connection().write(data);
  if (end_stream) upstream_->connection().finishWriting();
}

// ---------------------------------------------------------------- towards the client

void TcpTunnel::pauseReading(bool pause) {
  if (upstream_ != nullptr) upstream_->connection().pauseReading(pause);
}

size_t TcpTunnel::onUpstreamInput(std::string_view bytes) {
  bytes_.wire_received += bytes.size();
  upstream_->countBytes();
  request_.onResponseData(bytes, false);
  return bytes.size();
}

void TcpTunnel::onUpstreamEndOfInput() { request_.onResponseData({}, true); }

void TcpTunnel::onUpstreamAboveHighWatermark() { request_.onEncoderAboveHighWatermark(); }
void TcpTunnel::onUpstreamBelowLowWatermark() { request_.onEncoderBelowLowWatermark(); }

void TcpTunnel::onUpstreamClosed(net::CloseCause) {
  upstream_ = nullptr;
  request_.onStreamReset(http::ResetReason::kConnectionTermination, {});
}

}  // namespace nuncio::http_proxy
