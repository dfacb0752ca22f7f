// envoy.filters.http.fault: delays, aborts and slows down requests on purpose.
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/ascii.h"
#include "http_proxy/manager_config.h"
#include "src/extensions/filters/http/fault/rate_limiter.h"
#include "src/extensions/filters/http/fault/settings.h"

namespace nuncio::ext {
namespace {

using faults::Chance;
using faults::FaultSettings;
using http_proxy::FilterStream;
using http_proxy::Verdict;

/** Faults under way over all workers; one for a chain's filter. */
struct FaultConfig {
  std::unique_ptr<const FaultSettings> settings;
  mutable std::atomic<uint64_t> active{0};
};

struct FaultRuntime final : http_proxy::FilterRuntime {
  FaultRuntime(const http_proxy::FilterSite& site, const FaultConfig&)
      : prefix("http." + std::string(site.stat_prefix) + ".fault."),
        aborts_injected(site.worker.stats, prefix + "aborts_injected"),
        delays_injected(site.worker.stats, prefix + "delays_injected"),
        faults_overflow(site.worker.stats, prefix + "faults_overflow"),
        response_rl_injected(site.worker.stats, prefix + "response_rl_injected"),
        active_faults(site.worker.stats, prefix + "active_faults") {}

  const std::string prefix;
  const http_proxy::FilterCounter aborts_injected;
  const http_proxy::FilterCounter delays_injected;
  const http_proxy::FilterCounter faults_overflow;
  const http_proxy::FilterCounter response_rl_injected;
  const http_proxy::FilterGauge active_faults;
};

class Fault final : public http_proxy::Filter {
 public:
  Fault(const FaultConfig& config, FaultRuntime& runtime) : config_(config), runtime_(runtime), settings_(config.settings.get()) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    if (const auto* route = stream.routeSettings<FaultSettings>()) settings_ = route;
    stream_ = &stream;
    headers_ = &headers;
    if (!concerns(headers)) return Verdict::kContinue;
    downstream_cluster_ = headers.get(http::HeaderId::kXEnvoyDownstreamServiceCluster);
    startRateLimit();
    if (startDelay()) return Verdict::kPause;
    return abort() ? Verdict::kReplied : Verdict::kContinue;
  }
  Verdict onRequestData(std::string_view&, FilterStream&, bool) override {
    return delay_timer_.armed() ? Verdict::kWatermark : Verdict::kContinue;
  }
  Verdict onRequestTrailers(http::HeaderMap&, FilterStream&) override {
    return delay_timer_.armed() ? Verdict::kPause : Verdict::kContinue;
  }
  Verdict onResponseData(std::string_view& data, FilterStream&, bool end_stream) override {
    if (!limiter_) return Verdict::kContinue;
    limiter_->write(data, end_stream);
    return Verdict::kPause;
  }
  Verdict onResponseTrailers(http::HeaderMap&, FilterStream&) override {
    return limiter_ && limiter_->holdsTrailers() ? Verdict::kPause : Verdict::kContinue;
  }
  void onComplete(FilterStream&) override {
    delay_timer_.cancel();
    if (limiter_) limiter_->stop();
    if (!active_) return;
    runtime_.active_faults.dec();
    config_.active.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  bool concerns(http::HeaderMap& headers) {
    const auto& plan = settings_->plan;
    if (!plan.upstream_cluster.empty() && stream_->clusterName() != plan.upstream_cluster) return false;
    if (!plan.downstream_nodes.empty()) {
      const std::string_view node = headers.get(http::HeaderId::kXEnvoyDownstreamServiceNode);
      const auto& nodes = plan.downstream_nodes;
      if (node.data() == nullptr || std::find(nodes.begin(), nodes.end(), node) == nodes.end()) return false;
    }
    return http::allMatchHeaders(settings_->headers, headers);
  }

  /** "fault.http.<downstream cluster>.<suffix>" where the request names its cluster, else the key configured. */
  std::string_view runtimeKey(std::string_view suffix, std::string_view configured) {
    if (downstream_cluster_.empty()) return configured;
    return stream_->arena().concat("fault.http.", downstream_cluster_, ".", suffix);
  }
  uint64_t runtimeNumber(std::string_view suffix, std::string_view configured, uint64_t fallback) {
    const WorkerContext& worker = stream_->worker();
    if (worker.runtime == nullptr) return fallback;
    const uint64_t value = worker.runtimeInteger(configured, fallback);
    return downstream_cluster_.empty() ? value : worker.runtimeInteger(runtimeKey(suffix, configured), value);
  }
  /** The percentage that the request asks for in its header. */
  uint64_t asked(bool by_header, std::string_view header) {
    if (!by_header) return UINT64_MAX;
    return base::parseDecimal(headers_->get(header)).value_or(UINT64_MAX);
  }
  bool comesUp(const std::optional<plan::Fraction>& fraction, std::string_view key, uint64_t percentage) {
    const plan::Fraction none{};
    return Chance(fraction ? *fraction : none, key, percentage).comesUp(stream_->worker(), stream_->worker().random_source.next());
  }

  bool charge() {
    if (active_) return true;
    const uint64_t most = stream_->worker().runtimeInteger(settings_->plan.max_active_runtime,
                                                           settings_->plan.max_active ? *settings_->plan.max_active : UINT64_MAX);
    if (config_.active.load(std::memory_order_relaxed) >= most) {
      runtime_.faults_overflow.inc();
      return false;
    }
    config_.active.fetch_add(1, std::memory_order_relaxed);
    runtime_.active_faults.inc();
    active_ = true;
    return true;
  }

  void startRateLimit() {
    const auto& limit = settings_->plan.rate_limit;
    if (!limit) return;
    if (!comesUp(limit->fraction, limit->fraction ? limit->fraction->runtime_key : "",
                 asked(limit->by_header, "x-envoy-fault-throughput-response-percentage"))) {
      return;
    }
    const uint64_t kbps =
        limit->by_header ? base::parseDecimal(headers_->get("x-envoy-fault-throughput-response")).value_or(0) : limit->kbps;
    if (kbps == 0 || !charge()) return;
    runtime_.response_rl_injected.inc();
    limiter_.emplace(*stream_, kbps);
  }

  bool startDelay() {
    const auto& delay = settings_->plan.delay;
    if (!delay) return false;
    if (!comesUp(delay->fraction, runtimeKey("delay.fixed_delay_percent", settings_->plan.delay_percent_runtime),
                 asked(delay->by_header, "x-envoy-fault-delay-request-percentage"))) {
      return false;
    }
    uint64_t ms = delay->fixed_ms;
    if (delay->by_header) ms = base::parseDecimal(headers_->get("x-envoy-fault-delay-request")).value_or(0);
    if (ms == 0 && delay->by_header) return false;
    ms = runtimeNumber("delay.fixed_duration_ms", delay->duration_runtime, ms);
    if (ms == 0 || !charge()) return false;
    delay_timer_.arm(stream_->worker().services.loop.timers(), ms);
    noteFault("delays_injected", runtime_.delays_injected, http::ResponseFlag::kDelayInjected);
    return true;
  }

  void onDelayOver() {
    if (!abort()) stream_->resumeRequest();
  }

  bool abort() {
    const auto& abort = settings_->plan.abort;
    if (!abort) return false;
    if (!comesUp(abort->fraction, runtimeKey("abort.abort_percent", settings_->plan.abort_percent_runtime),
                 asked(abort->by_header, "x-envoy-fault-abort-request-percentage"))) {
      return false;
    }
    constexpr uint64_t kNone = UINT64_MAX;
    uint64_t status = kNone;
    uint64_t grpc = kNone;
    if (abort->by_header) {
      status = base::parseDecimal(headers_->get("x-envoy-fault-abort-request")).value_or(kNone);
      if (status < 200 || status >= 600) status = kNone;
      grpc = base::parseDecimal(headers_->get("x-envoy-fault-abort-grpc-request")).value_or(kNone);
    } else if (abort->grpc_status) {
      grpc = *abort->grpc_status;
    } else {
      status = abort->http_status;
    }
    if (status != kNone) {
      status = runtimeNumber("abort.http_status", abort->http_status_runtime, status);
      grpc = kNone;
    } else if (grpc != kNone) {
      grpc = runtimeNumber("abort.grpc_status", abort->grpc_status_runtime, grpc);
    } else {
      return false;
    }
    if (!charge()) return false;
    noteFault("aborts_injected", runtime_.aborts_injected, http::ResponseFlag::kFaultInjected);
    http_proxy::LocalReply reply{.status = static_cast<uint16_t>(status == kNone ? 200 : status),
                                 .body = abort->body.empty() ? std::string_view("fault filter abort") : std::string_view(abort->body),
                                 .details = "fault_filter_abort"};
    if (grpc != kNone) reply.grpc_status = static_cast<uint32_t>(grpc);
    stream_->reply(reply);
    return true;
  }

  void noteFault(std::string_view stat, const http_proxy::FilterCounter& counter, http::ResponseFlag flag) {
    counter.inc();
    stream_->info().flags.add(flag);
    if (!downstream_cluster_.empty() && !settings_->plan.without_cluster_stats) {
      http_proxy::countOnce(stream_->worker(), stream_->arena().concat(runtime_.prefix, downstream_cluster_, ".", stat));
    }
    stream_->dynamicMetadata().merge(stream_->name(), settings_->plan.metadata_json);
  }

  const FaultConfig& config_;
  FaultRuntime& runtime_;
  const FaultSettings* settings_;
  FilterStream* stream_ = nullptr;
  http::HeaderMap* headers_ = nullptr;
  std::string_view downstream_cluster_;
  bool active_ = false;
  std::optional<faults::RateLimiter> limiter_;
  loop::MemberTimer<&Fault::onDelayOver> delay_timer_{this};
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeFault(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = FaultSettings::make(bytes);
  if (!settings.ok()) return std::move(settings.error());
  auto config = std::make_unique<FaultConfig>();
  config->settings = std::move(settings.value());
  return http_proxy::FilterFactoryPtr(std::make_unique<http_proxy::RuntimeFactory<Fault, FaultConfig, FaultRuntime>>(std::move(config)));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeFaultRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = FaultSettings::make(bytes);
  if (!settings.ok()) return std::move(settings.error());
  return http_proxy::RouteSettingsPtr(std::move(settings.value()));
}

}  // namespace

extern const http_proxy::FilterEntry fault = {"envoy.filters.http.fault", &makeFault, &makeFaultRoute};

}  // namespace nuncio::ext
