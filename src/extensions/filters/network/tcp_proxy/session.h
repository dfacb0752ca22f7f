// Session: the network filter that carries one client's bytes to one upstream connection and back. The client is not read
// before the upstream stands. Worker thread only.
//
//   new ─▶ connecting ─▶ connected ─▶ ended
//            │  ▲ next attempt, after its back-off
//            └──┘
//
// Each direction ends by itself (FIN is passed on when all before it was sent); the session ends with the second.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http_proxy/on_demand.h"
#include "src/extensions/filters/network/tcp_proxy/bulk.h"
#include "src/extensions/filters/network/tcp_proxy/flush.h"
#include "src/extensions/filters/network/tcp_proxy/runtime.h"
#include "src/extensions/filters/network/tcp_proxy/session_facts.h"
#include "upstream/tcp_upstream.h"

namespace nuncio::ext::tcp {

class Session final : public nuncio::tcp::NetworkFilter,
                      private upstream::TcpUpstreamCallbacks,
                      private net::ChannelEvents,
                      private http_proxy::OnDemand::Waiter {
 public:
  Session(Runtime& runtime, const nuncio::tcp::Downstream& downstream);
  ~Session() override;

  // ---- tcp::NetworkFilter
  void onNewConnection() override;
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override;
  void onAboveHighWatermark() override;
  void onBelowLowWatermark() override;
  void onClosed(net::CloseCause cause) override;
  void describe(http::StreamInfo& info, std::string& text) const override { facts_.fill(info, text); }

 private:
  // ---- upstream::TcpUpstreamCallbacks
  void onUpstreamConnected() override;
  void onUpstreamFailed(int error, std::string_view transport) override;
  size_t onUpstreamInput(std::string_view bytes) override;
  void onUpstreamEndOfInput() override;
  void onUpstreamAboveHighWatermark() override;
  void onUpstreamBelowLowWatermark() override;
  void onUpstreamClosed(net::CloseCause cause) override;

  // ---- net::ChannelEvents
  void onChannelDrained(net::Channel& channel) override;

  // ---- http_proxy::OnDemand::Waiter: the cluster was asked for
  void onSettled(http_proxy::DemandEnd end) override;
  bool demandCluster();

  // Numbered as Envoy prints them.
  enum class InitFailure : uint8_t { kConnectFailed, kNoHealthyUpstream, kResourceLimit, kNoRoute };
  void connect();
  bool subsetCriteria(routing::SubsetCriteria& out, base::Arena& arena);
  void retry(bool at_once);
  bool attemptsExhausted() const { return facts_.attempts >= std::max(plan().max_connect_attempts, 1u); }
  void giveUp(InitFailure why);
  void giveUpUnrouted();
  void closeDownstream(std::string_view reason);
  void moveBulk(net::Connection& from, net::Connection& to, std::string_view bytes);
  void pauseSource(bool upwards, bool pause);
  void forgetUpstream();
  void dropUpstream();
  void countDownstream();
  void countBuffered(uint32_t bytes);
  void log(http::AccessLogType type);
  static bool isReset(net::CloseCause cause, const net::Connection& connection);

  void onIdle();
  void onMaxDuration();
  void onLogInterval();
  void touch() { active_ns_ = loop().now(); }
  loop::Loop& loop() { return runtime_.worker().services.loop; }
  const plan::TcpProxy& plan() const { return runtime_.config.plan; }
  const stats::TcpScope& stats() const { return runtime_.books->stats; }

  Runtime& runtime_;
  const nuncio::tcp::Downstream downstream_;
  Target target_{};
  std::string_view named_;                     // cluster by name, in place of the target; the connection's facts have it
  upstream::TcpUpstream* upstream_ = nullptr;  // null: none yet, or gone
  base::LocalRef<Bulk> bulk_;      // from the first large read on
  SessionFacts facts_;
  int64_t active_ns_ = 0;          // when bytes came last
  uint64_t queued_ = 0;            // bytes both queues held when the idle timer looked last
  uint32_t buffered_ = 0;          // size of the last read
  uint64_t counted_sent_ = 0;      // bytes to the client that are in the counters
  bool downstream_ended_ = false;  // the client sent FIN
  bool upstream_ended_ = false;    // the upstream sent FIN
  bool finished_ = false;
  bool asked_ = false;             // for a cluster that was not there
  loop::MemberTimer<&Session::onIdle> idle_timer_{this};
  loop::MemberTimer<&Session::onMaxDuration> duration_timer_{this};
  loop::MemberTimer<&Session::connect> retry_timer_{this};
  loop::MemberTimer<&Session::onLogInterval> log_timer_{this};
};

}  // namespace nuncio::ext::tcp
