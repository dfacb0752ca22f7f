// envoy.filters.http.local_ratelimit: so many requests in a time, over all workers.
#include <memory>
#include <optional>

#include "base/token_bucket.h"
#include "generated/filters/http/local_ratelimit/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http_proxy::FilterStream;
using http_proxy::Verdict;

struct LimitSettings final : routing::RouteSettings {
  static base::Result<std::unique_ptr<const LimitSettings>, std::string> make(std::span<const uint8_t> bytes) {
    auto made = std::make_unique<LimitSettings>();
    auto& plan = made->plan;
    if (!plan::local_ratelimit::decode(bytes, plan)) return std::string("malformed plan");
    if (plan.enabled) made->enabled.emplace(*plan.enabled);
    if (plan.enforced) made->enforced.emplace(*plan.enforced);
    auto request = http::HeaderMutations::make(plan.request_headers, http::MessageSide::kRequest);
    if (!request.ok()) return std::move(request.error());
    made->request_headers = std::move(request.value());
    auto response = http::HeaderMutations::make(plan.response_headers);
    if (!response.ok()) return std::move(response.error());
    made->response_headers = std::move(response.value());
    if (plan.max_tokens != 0) {
      const double per_token_ns = plan.fill_interval_ms * 1e6 / std::max(1u, plan.tokens_per_fill);
      made->bucket = std::make_unique<base::TokenBucket>(static_cast<double>(plan.max_tokens), per_token_ns);
    }
    return std::unique_ptr<const LimitSettings>(std::move(made));
  }

  plan::local_ratelimit::LocalRateLimit plan;
  std::optional<routing::Fraction> enabled;
  std::optional<routing::Fraction> enforced;
  http::HeaderMutations request_headers;
  http::HeaderMutations response_headers;
  std::unique_ptr<base::TokenBucket> bucket;  // shared by all workers
};

struct LimitCounters {
  LimitCounters(stats::WorkerStats& stats, const std::string& prefix)
      : enabled(stats, prefix + "enabled"), enforced(stats, prefix + "enforced"), ok(stats, prefix + "ok"),
        rate_limited(stats, prefix + "rate_limited") {}
  const http_proxy::FilterCounter enabled;
  const http_proxy::FilterCounter enforced;
  const http_proxy::FilterCounter ok;
  const http_proxy::FilterCounter rate_limited;
};

struct LimitRuntime final : http_proxy::FilterRuntime {
  LimitRuntime(const http_proxy::FilterSite& site, const LimitSettings& own)
      : stats(site.worker.stats), counters(stats, prefixOf(own)) {}
  static std::string prefixOf(const LimitSettings& settings) { return settings.plan.stat_prefix + ".http_local_rate_limit."; }
  stats::WorkerStats& stats;
  const LimitCounters counters;
};

class LocalRateLimit final : public http_proxy::Filter {
 public:
  LocalRateLimit(const LimitSettings& own, LimitRuntime& runtime) : own_(own), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    const auto* route = stream.routeSettings<LimitSettings>();
    const LimitSettings& used = route == nullptr ? own_ : *route;
    if (!covers(used.enabled, stream)) return Verdict::kContinue;
    // Settings of a route count under their own prefix; those are rare enough to be looked up.
    std::optional<LimitCounters> of_route;
    if (route != nullptr) of_route.emplace(runtime_.stats, LimitRuntime::prefixOf(used));
    const LimitCounters& counters = of_route ? *of_route : runtime_.counters;
    counters.enabled.inc();
    if (used.bucket == nullptr || used.bucket->take(stream.worker().services.loop.now())) {
      counters.ok.inc();
      return Verdict::kContinue;
    }
    counters.rate_limited.inc();
    if (!covers(used.enforced, stream)) {
      used.request_headers.apply(headers, stream.formatContext(), stream.worker().scratch);
      return Verdict::kContinue;
    }
    counters.enforced.inc();
    http_proxy::LocalReply reply{.status = static_cast<uint16_t>(used.plan.status),
                                 .body = "local_rate_limited",
                                 .details = "local_rate_limited",
                                 .flag = http::ResponseFlag::kRateLimited};
    if (used.plan.resource_exhausted) reply.grpc_status = 8;
    if (!used.response_headers.empty()) reply.mutations = &used.response_headers;
    return stream.reply(reply);
  }

 private:
  static bool covers(const std::optional<routing::Fraction>& fraction, FilterStream& stream) {
    return fraction && http_proxy::covers(*fraction, stream.worker().random_source.next(), stream.worker());
  }

  const LimitSettings& own_;
  LimitRuntime& runtime_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeLimit(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = LimitSettings::make(bytes);
  if (!settings.ok()) return std::move(settings.error());
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<LocalRateLimit, LimitSettings, LimitRuntime>>(std::move(settings.value())));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeLimitRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = LimitSettings::make(bytes);
  if (!settings.ok()) return std::move(settings.error());
  return http_proxy::RouteSettingsPtr(std::move(settings.value()));
}

}  // namespace

extern const http_proxy::FilterEntry local_ratelimit = {"envoy.filters.http.local_ratelimit", &makeLimit, &makeLimitRoute};

}  // namespace nuncio::ext
