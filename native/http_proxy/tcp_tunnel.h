// TcpTunnel: the upstream of a CONNECT that ends here (connect_config): what the client sends becomes the bytes of a TCP
// connection of its own, what comes back becomes the body of a 200. Part of an UpstreamRequest, which it serves as the encoder
// of the request and the source of the response. Worker thread only.
//
//   start ─▶ connected: UpstreamRequest::onTunnelReady ─▶ encodeHeaders: 200 ─▶ bytes both ways ─▶ end │ reset
#pragma once

#include <string_view>

#include "http/codec.h"
#include "upstream/tcp_upstream.h"

namespace nuncio::http_proxy {

class UpstreamRequest;

class TcpTunnel final : public http::RequestEncoder, private upstream::TcpUpstreamCallbacks {
 public:
  explicit TcpTunnel(UpstreamRequest& request) : request_(request) {}
  ~TcpTunnel() override { close(); }
  TcpTunnel(const TcpTunnel&) = delete;
  TcpTunnel& operator=(const TcpTunnel&) = delete;

  /** May fail at once, through UpstreamRequest::onPoolFailure. */
  void start(upstream::ClusterRuntime& cluster, upstream::HostRuntime& host, upstream::Priority priority,
             const upstream::TransportOptions& options);
  void close();
  upstream::TcpUpstream& upstream() { return *upstream_; }

  // http::RequestEncoder
  void encodeHeaders(const http::HeaderMap& headers, bool end_stream) override;
  void encodeData(std::string_view data, bool end_stream) override;
  void encodeTrailers(const http::HeaderMap&) override { encodeData({}, true); }
  void reset(http::ResetReason) override { close(); }
  void pauseReading(bool pause) override;
  const http::StreamBytes& bytes() const override { return bytes_; }

 private:
  // upstream::TcpUpstreamCallbacks
  void onUpstreamConnected() override;
  void onUpstreamFailed(int error, std::string_view transport) override;
  size_t onUpstreamInput(std::string_view bytes) override;
  void onUpstreamEndOfInput() override;
  void onUpstreamAboveHighWatermark() override;
  void onUpstreamBelowLowWatermark() override;
  void onUpstreamClosed(net::CloseCause cause) override;

  UpstreamRequest& request_;
  upstream::TcpUpstream* upstream_ = nullptr;  // null before the connect and after the end
  http::StreamBytes bytes_;
};

}  // namespace nuncio::http_proxy
