// envoy.filters.http.local_ratelimit: so many requests in a time, over all workers.
#include <atomic>
#include <cmath>
#include <memory>
#include <optional>

#include "generated/filters/http/local_ratelimit/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"
#include "http_proxy/rate_limiting.h"
#include "src/extensions/filters/http/local_ratelimit/limiter.h"

namespace nuncio::ext {
namespace {

using http_proxy::FilterStream;
using http_proxy::Verdict;
using local_limit::Bucket;
using local_limit::Limiter;

/** Of one request; more than these are not looked at. */
constexpr size_t kMaxDescriptors = 32;

/** The buckets of one connection. */
struct ConnectionLimiter final : http::ConnectionFacts::Kept {
  explicit ConnectionLimiter(const plan::local_ratelimit::LocalRateLimit& plan) : limiter(plan) {}
  Limiter limiter;
};

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
    auto limits = routing::RateLimits::make(plan.rate_limits);
    if (!limits.ok()) return std::move(limits.error());
    made->limits = std::move(limits.value());
    for (const auto& one : plan.descriptors) {
      if (one.keys.size() != one.values.size()) return std::string("descriptors need as many values as keys");
    }
    made->limiter = std::make_unique<Limiter>(plan);
    return std::unique_ptr<const LimitSettings>(std::move(made));
  }

  plan::local_ratelimit::LocalRateLimit plan;
  std::optional<routing::Fraction> enabled;
  std::optional<routing::Fraction> enforced;
  http::HeaderMutations request_headers;
  http::HeaderMutations response_headers;
  routing::RateLimits limits;        // empty: those of routes count
  std::unique_ptr<Limiter> limiter;  // shared by all workers
  const uint64_t number = next();    // that no other settings have

 private:
  static uint64_t next() {
    static std::atomic<uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }
};

struct LimitCounters {
  LimitCounters(stats::WorkerStats& stats, const std::string& prefix)
      : enabled(stats, prefix + "enabled"), enforced(stats, prefix + "enforced"), ok(stats, prefix + "ok"),
        rate_limited(stats, prefix + "rate_limited"), shadow_mode(stats, prefix + "shadow_mode") {}
  const http_proxy::FilterCounter enabled;
  const http_proxy::FilterCounter enforced;
  const http_proxy::FilterCounter ok;
  const http_proxy::FilterCounter rate_limited;
  const http_proxy::FilterCounter shadow_mode;
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
    used_ = &used;
    const Limiter::Answer answer = ask(stream);
    if (answer.bucket != nullptr) tell(*answer.bucket, answer.x_ratelimit, stream);
    if (answer.allowed && !answer.shadowed) {
      counters.ok.inc();
      return Verdict::kContinue;
    }
    counters.rate_limited.inc();
    if (answer.shadowed) counters.shadow_mode.inc();
    if (answer.allowed) return Verdict::kContinue;
    if (!covers(used.enforced, stream)) {
      used.request_headers.apply(headers, stream.formatContext(), stream.worker().scratch);
      return Verdict::kContinue;
    }
    counters.enforced.inc();
    refused_ = true;
    http_proxy::LocalReply reply{.status = static_cast<uint16_t>(used.plan.status),
                                 .body = "local_rate_limited",
                                 .details = "local_rate_limited",
                                 .flag = http::ResponseFlag::kRateLimited};
    if (used.plan.resource_exhausted) reply.grpc_status = 8;
    if (!used.response_headers.empty()) reply.mutations = &used.response_headers;
    return stream.reply(reply);
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    if (used_ == nullptr || !told_) return Verdict::kContinue;
    base::TextBuffer& text = stream.worker().scratch;
    const auto add = [&](std::string_view name, uint64_t value) {
      text.clear();
      text.appendDecimal(value);
      headers.set(name, stream.arena().copy(text.view()));
    };
    if (refused_ && used_->plan.retry_after) add("retry-after", told_->reset_s);
    if (!told_->in_headers) return Verdict::kContinue;
    add("x-ratelimit-limit", told_->limit);
    add("x-ratelimit-remaining", told_->remaining);
    add("x-ratelimit-reset", told_->reset_s);
    return Verdict::kContinue;
  }

 private:
  /** The bucket that decided, as it was then. */
  struct Told {
    uint64_t limit;
    uint64_t remaining;
    uint64_t reset_s;
    bool in_headers;
  };

  Limiter::Answer ask(FilterStream& stream) {
    const LimitSettings& used = *used_;
    routing::Descriptor descriptors[kMaxDescriptors];
    size_t count = 0;
    if (!used.plan.descriptors.empty()) {
      const auto add = [&](const routing::Descriptor& one) {
        if (count < kMaxDescriptors) descriptors[count++] = one;
      };
      const http_proxy::LimitChoice choice{.stage = used.limits.empty() ? used.plan.stage : 0, .done = false, .runtime_kind = {}};
      if (!used.limits.empty()) {
        http_proxy::eachDescriptor(stream, used.limits, choice, add);
      } else {
        http_proxy::eachRouteDescriptor(stream, static_cast<http_proxy::HostLimits>(used.plan.host_limits), choice, add);
      }
    }
    return limiter(stream).ask({descriptors, count}, stream.worker().services.loop.now());
  }

  Limiter& limiter(FilterStream& stream) {
    if (!used_->plan.per_connection) return *used_->limiter;
    // Of the worker's own connection, which nobody but it has.
    auto& connection = const_cast<http::ConnectionInfo&>(*stream.info().downstream);
    http::ConnectionFacts& facts = connection.makeFacts(stream.worker().services.io.chunks());
    http::ConnectionFacts::Kept* kept = facts.kept(used_->number);
    if (kept == nullptr) kept = &facts.keep(used_->number, std::make_unique<ConnectionLimiter>(used_->plan));
    return static_cast<ConnectionLimiter*>(kept)->limiter;
  }

  void tell(const Bucket& bucket, uint32_t x_ratelimit, FilterStream& stream) {
    const bool in_headers = x_ratelimit == 0 ? used_->plan.x_ratelimit_headers : x_ratelimit == 2;
    if (!in_headers && !used_->plan.retry_after) return;
    const int64_t now = stream.worker().services.loop.now();
    told_ = {bucket.max, bucket.tokens.remaining(now), static_cast<uint64_t>(std::ceil(bucket.tokens.nextTokenNs(now) / 1e9)), in_headers};
  }

  static bool covers(const std::optional<routing::Fraction>& fraction, FilterStream& stream) {
    return fraction && http_proxy::covers(*fraction, stream.worker().random_source.next(), stream.worker());
  }

  const LimitSettings& own_;
  LimitRuntime& runtime_;
  const LimitSettings* used_ = nullptr;  // null: this request is not counted
  bool refused_ = false;
  std::optional<Told> told_;
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
