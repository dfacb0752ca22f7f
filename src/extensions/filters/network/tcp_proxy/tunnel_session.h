// TunnelSession: the network filter that carries one client's bytes in an HTTP request of the proxy's own (CONNECT, or a
// POST with an endless body) and brings the answer's body back. The client is not read before the answer's head said that the tunnel
// stands.
// Worker thread only.
//
//   new ─▶ asked ─▶ established ─▶ ended
//            │  ▲ next attempt
//            └──┘
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http_proxy/async_client.h"
#include "src/extensions/filters/network/tcp_proxy/runtime.h"
#include "src/extensions/filters/network/tcp_proxy/session_facts.h"

namespace nuncio::ext::tcp {

class TunnelSession final : public nuncio::tcp::NetworkFilter, private http_proxy::AsyncCallbacks {
 public:
  TunnelSession(Runtime& runtime, const nuncio::tcp::Downstream& downstream);
  ~TunnelSession() override;

  // ---- tcp::NetworkFilter
  void onNewConnection() override;
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override;
  void onAboveHighWatermark() override;
  void onBelowLowWatermark() override;
  void onClosed(net::CloseCause cause) override;
  void describe(http::StreamInfo& info, std::string& text) const override;

 private:
  // ---- http_proxy::AsyncCallbacks
  void onHeaders(http::HeaderMap& headers, bool end_stream) override;
  void onData(std::string_view data, bool end_stream) override;
  void onTrailers(http::HeaderMap& trailers) override;
  void onEnd(bool whole) override;
  void onRequestBlocked(bool blocked) override;

  void ask();
  void fillHead(http::HeaderMap& headers, base::Arena& arena);
  std::string_view hostname();
  void failed();
  void retryOrGiveUp();
  void upstreamEnded();
  void close(std::string_view reason);
  void onClientGone();
  void onIdle();
  void onMaxDuration();
  void onLogInterval();
  void log(http::AccessLogType type);
  http::FormatContext formatContext(http::StreamInfo& info, std::string& text);
  void touch() { active_ns_ = loop().now(); }
  loop::Loop& loop() { return runtime_.worker().services.loop; }
  const plan::TcpProxy& plan() const { return runtime_.config.plan; }
  const stats::TcpScope& stats() const { return runtime_.books->stats; }

  Runtime& runtime_;
  const nuncio::tcp::Downstream downstream_;
  Target target_{};
  http_proxy::AsyncStream* stream_ = nullptr;  // null: no request is under way
  SessionFacts facts_;
  net::Address host_;              // of the last attempt
  std::string host_name_;
  bool has_host_ = false;
  UpstreamFacts upstream_{};       // once established
  int64_t active_ns_ = 0;
  bool established_ = false;
  bool finished_ = false;
  loop::MemberTimer<&TunnelSession::onIdle> idle_timer_{this};
  loop::MemberTimer<&TunnelSession::onMaxDuration> duration_timer_{this};
  loop::MemberTimer<&TunnelSession::ask> retry_timer_{this};
  loop::MemberTimer<&TunnelSession::onClientGone> end_timer_{this};
  loop::MemberTimer<&TunnelSession::onLogInterval> log_timer_{this};
};

}  // namespace nuncio::ext::tcp
