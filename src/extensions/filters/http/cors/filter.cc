// envoy.filters.http.cors: answers preflight requests and names the origins that may read an answer.
#include <optional>
#include <vector>

#include "generated/filters/http/cors/plan.h"
#include "http/matcher.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

struct CorsPolicy final : routing::RouteSettings {
  plan::cors::Policy plan;
  std::vector<http::StringMatcher> origins;
  std::optional<routing::Fraction> enabled;
  std::optional<routing::Fraction> shadow;
};

struct CorsConfig {};

struct CorsRuntime final : http_proxy::FilterRuntime {
  CorsRuntime(const http_proxy::FilterSite& site, const CorsConfig&)
      : prefix("http." + std::string(site.stat_prefix) + ".cors."),
        origin_valid(site.worker.stats, prefix + "origin_valid"),
        origin_invalid(site.worker.stats, prefix + "origin_invalid") {}
  const std::string prefix;
  const http_proxy::FilterCounter origin_valid;
  const http_proxy::FilterCounter origin_invalid;
};

class Cors final : public http_proxy::Filter {
 public:
  Cors(const CorsConfig&, CorsRuntime& runtime) : runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    stream.eachRouteSettings<CorsPolicy>([&](const CorsPolicy& policy) { policies_[count_++] = &policy; });
    if (count_ == 0) return Verdict::kContinue;
    origin_ = headers.get(HeaderId::kOrigin);
    if (origin_.empty()) return Verdict::kContinue;
    const bool enabled = isEnabled(stream);
    if (!enabled && !isShadow(stream)) return Verdict::kContinue;
    const bool preflight = headers.get(HeaderId::kMethod) == "OPTIONS" && !headers.get("access-control-request-method").empty();
    if (!allows()) {
      runtime_.origin_invalid.inc();
      const bool forwards = !preflight || flag(&plan::cors::Policy::forward_not_matching, true);
      if (forwards || !enabled) return Verdict::kContinue;
      return answerPreflight(headers, stream, false);
    }
    runtime_.origin_valid.inc();
    if (!enabled) return Verdict::kContinue;
    cors_ = true;
    return preflight ? answerPreflight(headers, stream, true) : Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream&, bool) override {
    if (!cors_) return Verdict::kContinue;
    headers.set("access-control-allow-origin", origin_);
    if (flag(&plan::cors::Policy::credentials, false)) headers.set("access-control-allow-credentials", "true");
    if (const std::string_view exposed = text(&plan::cors::Policy::expose_headers); !exposed.empty()) {
      headers.set("access-control-expose-headers", exposed);
    }
    return Verdict::kContinue;
  }

 private:
  /** Looks from the most specific level outwards. */
  template <class Visit>
  bool anyLevel(Visit&& visit) const {
    for (size_t i = count_; i-- > 0;) {
      if (visit(*policies_[i])) return true;
    }
    return false;
  }
  std::string_view text(std::string plan::cors::Policy::*member) const {
    std::string_view found;
    anyLevel([&](const CorsPolicy& policy) {
      found = policy.plan.*member;
      return !found.empty();
    });
    return found;
  }
  bool flag(std::optional<bool> plan::cors::Policy::*member, bool fallback) const {
    bool found = fallback;
    anyLevel([&](const CorsPolicy& policy) {
      if (policy.plan.*member) found = *(policy.plan.*member);
      return (policy.plan.*member).has_value();
    });
    return found;
  }
  // The most specific policy speaks for all: without a fraction it is on, and casts no shadow.
  bool isEnabled(FilterStream& stream) const {
    const auto& fraction = policies_[count_ - 1]->enabled;
    return !fraction || http_proxy::covers(*fraction, stream.worker().random_source.next(), stream.worker());
  }
  bool isShadow(FilterStream& stream) const {
    const auto& fraction = policies_[count_ - 1]->shadow;
    return fraction && http_proxy::covers(*fraction, stream.worker().random_source.next(), stream.worker());
  }
  bool allows() const {
    bool allowed = false;
    anyLevel([&](const CorsPolicy& policy) {
      for (const http::StringMatcher& matcher : policy.origins) allowed = allowed || matcher.matches("*") || matcher.matches(origin_);
      return !policy.origins.empty();
    });
    return allowed;
  }

  Verdict answerPreflight(http::HeaderMap& request, FilterStream& stream, bool allowed) {
    auto& headers = *stream.arena().make<http::HeaderMap>(stream.arena());
    if (allowed) headers.set("access-control-allow-origin", origin_);
    if (flag(&plan::cors::Policy::credentials, false)) headers.set("access-control-allow-credentials", "true");
    const auto say = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) headers.set(name, value);
    };
    // "*" allows what is asked for, by name: with credentials a browser takes it for a literal.
    const auto allow = [&](std::string_view name, std::string_view value, std::string_view asked) {
      if (value == "*") return headers.set(name, request.get(asked));
      say(name, value);
    };
    allow("access-control-allow-methods", text(&plan::cors::Policy::methods), "access-control-request-method");
    allow("access-control-allow-headers", text(&plan::cors::Policy::headers), "access-control-request-headers");
    say("access-control-max-age", text(&plan::cors::Policy::max_age));
    if (flag(&plan::cors::Policy::private_network, false) && request.get("access-control-request-private-network") == "true") {
      headers.set("access-control-allow-private-network", "true");
    }
    return stream.reply({.status = 200, .details = "cors_response", .headers = headers.entries(), .plain = true});
  }

  CorsRuntime& runtime_;
  const CorsPolicy* policies_[routing::Route::kLevels];
  size_t count_ = 0;
  std::string_view origin_;
  bool cors_ = false;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeCors(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<Cors, CorsConfig, CorsRuntime>>(std::make_unique<CorsConfig>()));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeCorsPolicy(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto policy = std::make_unique<CorsPolicy>();
  if (!plan::cors::decode(bytes, policy->plan)) return std::string("malformed plan");
  for (const plan::StringMatcher& one : policy->plan.origins) {
    auto matcher = http::StringMatcher::make(one);
    if (!matcher.ok()) return std::move(matcher.error());
    policy->origins.push_back(std::move(matcher.value()));
  }
  if (policy->plan.enabled) policy->enabled.emplace(*policy->plan.enabled);
  if (policy->plan.shadow) policy->shadow.emplace(*policy->plan.shadow);
  return http_proxy::RouteSettingsPtr(std::move(policy));
}

}  // namespace

extern const http_proxy::FilterEntry cors = {"envoy.filters.http.cors", &makeCors, &makeCorsPolicy};

}  // namespace nuncio::ext
