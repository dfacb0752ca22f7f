// envoy.filters.http.health_check: answers, or caches the answers to, health checks of this proxy.
#include <atomic>
#include <cstdint>

#include "base/ascii.h"
#include "generated/filters/http/health_check/plan.h"
#include "http/matcher.h"
#include "http_proxy/filter_prefix.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"
#include "tcp/network_filter.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::ext {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

/** The answer of the service behind, as it was last; shared by all workers. */
class CachedAnswer {
 public:
  void store(uint32_t status, bool degraded, int64_t until_ns) {
    value_.store(status | (degraded ? kDegraded : 0), std::memory_order_relaxed);
    until_ns_.store(until_ns, std::memory_order_release);
  }
  bool valid(int64_t now_ns) const { return now_ns < until_ns_.load(std::memory_order_acquire); }
  uint32_t status() const { return value_.load(std::memory_order_relaxed) & 0xffff; }
  bool degraded() const { return (value_.load(std::memory_order_relaxed) & kDegraded) != 0; }

 private:
  static constexpr uint32_t kDegraded = 1u << 16;
  std::atomic<uint32_t> value_{200};
  std::atomic<int64_t> until_ns_{0};
};

struct HealthCheckConfig {
  plan::health_check::HealthCheck plan;
  http::FieldMatchers headers;
  mutable CachedAnswer cached;
};

struct HealthCheckRuntime final : http_proxy::FilterRuntime {
  HealthCheckRuntime(const http_proxy::FilterSite& site, const HealthCheckConfig&)
      : prefix(http_proxy::statPrefix(site) + "health_check."),
        request_total(site.worker.stats, prefix + "request_total"),
        ok(site.worker.stats, prefix + "ok"),
        failed(site.worker.stats, prefix + "failed"),
        cached_response(site.worker.stats, prefix + "cached_response"),
        degraded(site.worker.stats, prefix + "degraded"),
        failed_cluster_not_found(site.worker.stats, prefix + "failed_cluster_not_found"),
        failed_cluster_empty(site.worker.stats, prefix + "failed_cluster_empty"),
        failed_cluster_unhealthy(site.worker.stats, prefix + "failed_cluster_unhealthy"),
        drain(site.listener->drain) {}
  const std::string prefix;
  const http_proxy::FilterCounter request_total;
  const http_proxy::FilterCounter ok;
  const http_proxy::FilterCounter failed;
  const http_proxy::FilterCounter cached_response;
  const http_proxy::FilterCounter degraded;
  const http_proxy::FilterCounter failed_cluster_not_found;
  const http_proxy::FilterCounter failed_cluster_empty;
  const http_proxy::FilterCounter failed_cluster_unhealthy;
  const net::DrainState& drain;
};

class HealthCheck final : public http_proxy::Filter {
 public:
  HealthCheck(const HealthCheckConfig& config, HealthCheckRuntime& runtime) : config_(config), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    if (http::allMatchHeaders(config_.headers, headers)) {
      asked_ = true;
      stream.info().health_check = true;
      handles_ = !config_.plan.pass_through || runtime_.drain.healthFailed() || useCached(stream);
    }
    if (!handles_) return Verdict::kContinue;
    return end_stream ? answer(stream) : Verdict::kPause;
  }
  Verdict onRequestData(std::string_view&, FilterStream& stream, bool end_stream) override {
    if (!handles_) return Verdict::kContinue;
    return end_stream ? answer(stream) : Verdict::kPause;
  }
  Verdict onRequestTrailers(http::HeaderMap&, FilterStream& stream) override {
    return handles_ ? answer(stream) : Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    if (asked_) {
      if (config_.plan.cache_ms != 0) {
        const auto status = base::parseDecimal(headers.get(HeaderId::kStatus)).value_or(0);
        const int64_t until = now(stream) + static_cast<int64_t>(config_.plan.cache_ms) * 1'000'000;
        if (!handles_) config_.cached.store(static_cast<uint32_t>(status), headers.has(HeaderId::kXEnvoyDegraded), until);
      }
      headers.set("x-envoy-upstream-healthchecked-cluster", config_.plan.service_cluster);
    }
    if (runtime_.drain.healthFailed()) headers.set(HeaderId::kXEnvoyImmediateHealthCheckFail, "true");
    return Verdict::kContinue;
  }

 private:
  static int64_t now(FilterStream& stream) { return stream.worker().services.loop.now(); }
  bool useCached(FilterStream& stream) const { return config_.plan.cache_ms != 0 && config_.cached.valid(now(stream)); }

  struct Outcome {
    uint16_t status;
    std::string_view details;
    const http_proxy::FilterCounter HealthCheckRuntime::*reason = nullptr;  // counted besides ok and failed
  };

  Outcome judge(FilterStream& stream) const {
    if (runtime_.drain.healthFailed()) return {503, "health_check_failed"};
    if (config_.plan.cache_ms != 0) {
      return {static_cast<uint16_t>(config_.cached.status()), "health_check_cached", &HealthCheckRuntime::cached_response};
    }
    Outcome outcome{200, "health_check_ok"};
    for (const auto& wanted : config_.plan.min_healthy) {
      outcome = judgeCluster(stream, wanted);
      if (outcome.status != 200) break;
    }
    return outcome;
  }

  static Outcome judgeCluster(FilterStream& stream, const plan::health_check::MinHealthy& wanted) {
    upstream::ClusterRuntime* cluster = stream.worker().clusters.find(wanted.slot);
    if (cluster == nullptr) {
      return {503, "health_check_failed_no_cluster_found", &HealthCheckRuntime::failed_cluster_not_found};
    }
    const upstream::EndpointsPart* endpoints = cluster->endpoints();
    uint64_t total = 0;
    uint64_t available = 0;
    if (endpoints != nullptr) {
      for (const upstream::Member& member : endpoints->members) {
        ++total;
        if (member.usable() || member.degraded()) ++available;
      }
    }
    if (total == 0 && wanted.percent != 0) {
      return {503, "health_check_failed_cluster_empty", &HealthCheckRuntime::failed_cluster_empty};
    }
    if (100 * available < total * wanted.percent) {
      return {503, "health_check_failed_cluster_unhealthy", &HealthCheckRuntime::failed_cluster_unhealthy};
    }
    return {200, "health_check_ok_cluster_healthy"};
  }

  Verdict answer(FilterStream& stream) {
    const Outcome outcome = judge(stream);
    http_proxy::LocalReply reply{.status = outcome.status, .details = outcome.details};
    const bool healthy = outcome.status >= 200 && outcome.status < 300;
    if (!healthy) reply.flag = http::ResponseFlag::kFailedLocalHealthCheck;
    runtime_.request_total.inc();
    (healthy ? runtime_.ok : runtime_.failed).inc();
    if (outcome.reason != nullptr) (runtime_.*outcome.reason).inc();
    if (outcome.details == "health_check_cached" && config_.cached.degraded()) {
      auto* headers = stream.arena().make<http::HeaderMap>(stream.arena());
      headers->add(HeaderId::kXEnvoyDegraded, "");
      reply.headers = headers->entries();
      runtime_.degraded.inc();
    }
    return stream.reply(reply);
  }

  const HealthCheckConfig& config_;
  HealthCheckRuntime& runtime_;
  bool asked_ = false;
  bool handles_ = false;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeHealthCheck(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto config = std::make_unique<HealthCheckConfig>();
  if (!plan::health_check::decode(bytes, config->plan)) return std::string("malformed plan");
  auto headers = http::makeFieldMatchers(config->plan.headers);
  if (!headers.ok()) return std::move(headers.error());
  config->headers = std::move(headers.value());
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<HealthCheck, HealthCheckConfig, HealthCheckRuntime>>(std::move(config)));
}

}  // namespace

extern const http_proxy::FilterEntry health_check = {"envoy.filters.http.health_check", &makeHealthCheck};

}  // namespace nuncio::ext
