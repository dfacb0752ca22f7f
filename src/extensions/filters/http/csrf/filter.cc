// envoy.filters.http.csrf: refuses changing requests that come from another site's page: Origin (else Referer) must be Host.
#include <optional>
#include <vector>

#include "generated/filters/http/csrf/plan.h"
#include "http/matcher.h"
#include "http/path.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

struct CsrfPolicy final : routing::RouteSettings {
  static base::Result<std::unique_ptr<const CsrfPolicy>, std::string> make(std::span<const uint8_t> bytes) {
    plan::csrf::Policy plan;
    if (!plan::csrf::decode(bytes, plan)) return std::string("malformed plan");
    auto policy = std::make_unique<CsrfPolicy>();
    for (const plan::StringMatcher& one : plan.origins) {
      auto matcher = http::StringMatcher::make(one);
      if (!matcher.ok()) return std::move(matcher.error());
      policy->origins.push_back(std::move(matcher.value()));
    }
    if (plan.enabled) policy->enabled.emplace(*plan.enabled);
    if (plan.shadow) policy->shadow.emplace(*plan.shadow);
    return std::unique_ptr<const CsrfPolicy>(std::move(policy));
  }

  std::vector<http::StringMatcher> origins;
  std::optional<routing::Fraction> enabled;
  std::optional<routing::Fraction> shadow;
};

struct CsrfRuntime final : http_proxy::FilterRuntime {
  CsrfRuntime(const http_proxy::FilterSite& site, const CsrfPolicy&)
      : prefix("http." + std::string(site.stat_prefix) + ".csrf."),
        missing_source_origin(site.worker.stats, prefix + "missing_source_origin"),
        request_invalid(site.worker.stats, prefix + "request_invalid"),
        request_valid(site.worker.stats, prefix + "request_valid") {}
  const std::string prefix;
  const http_proxy::FilterCounter missing_source_origin;
  const http_proxy::FilterCounter request_invalid;
  const http_proxy::FilterCounter request_valid;
};

/** Host and port of a URL; what is none is taken for them. */
std::string_view hostAndPort(std::string_view value) {
  const auto url = http::splitAbsoluteUrl(value);
  return url ? url->authority : value;
}

class Csrf final : public http_proxy::Filter {
 public:
  Csrf(const CsrfPolicy& own, CsrfRuntime& runtime) : policy_(&own), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    if (const auto* route = stream.routeSettings<CsrfPolicy>()) policy_ = route;
    const bool enabled = covers(policy_->enabled, stream);
    if (!enabled && !covers(policy_->shadow, stream)) return Verdict::kContinue;
    if (!changes(headers.get(HeaderId::kMethod)) || isValid(headers) || !enabled) return Verdict::kContinue;
    return stream.reply({.status = 403, .body = "Invalid origin", .details = "csrf_origin_mismatch"});
  }

 private:
  static bool covers(const std::optional<routing::Fraction>& fraction, FilterStream& stream) {
    return fraction && http_proxy::covers(*fraction, stream.worker().random_source.next(), stream.worker());
  }
  static bool changes(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "DELETE" || method == "PATCH";
  }
  bool isValid(http::HeaderMap& headers) {
    const std::string_view origin = headers.get(HeaderId::kOrigin);
    const std::string_view source = hostAndPort(origin.empty() ? headers.get(HeaderId::kReferer) : origin);
    if (source.empty() || origin == "null") {  // a page that hides where it is from: its Referer does not count either
      runtime_.missing_source_origin.inc();
      return false;
    }
    bool valid = source == headers.get(HeaderId::kAuthority);
    for (const http::StringMatcher& origin : policy_->origins) valid = valid || origin.matches(source);
    (valid ? runtime_.request_valid : runtime_.request_invalid).inc();
    return valid;
  }

  const CsrfPolicy* policy_;
  CsrfRuntime& runtime_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeCsrf(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto policy = CsrfPolicy::make(bytes);
  if (!policy.ok()) return std::move(policy.error());
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<Csrf, CsrfPolicy, CsrfRuntime>>(std::move(policy.value())));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeCsrfRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto policy = CsrfPolicy::make(bytes);
  if (!policy.ok()) return std::move(policy.error());
  return http_proxy::RouteSettingsPtr(std::move(policy.value()));
}

}  // namespace

extern const http_proxy::FilterEntry csrf = {"envoy.filters.http.csrf", &makeCsrf, &makeCsrfRoute};

}  // namespace nuncio::ext
