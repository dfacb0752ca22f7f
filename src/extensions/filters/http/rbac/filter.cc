// envoy.filters.http.rbac: who may do what, by policies; shadow rules only tell what they would have done.
#include <memory>

#include "generated/filters/http/rbac/plan.h"
#include "http_proxy/filter_prefix.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"
#include "src/extensions/filters/http/rbac/rules.h"

namespace nuncio::ext {
namespace {

using http::MetadataValue;
using http_proxy::FilterStream;
using http_proxy::Verdict;
using rbac_rules::Rules;
using rbac_rules::Subject;

struct RbacSettings final : routing::RouteSettings {
  static base::Result<std::unique_ptr<const RbacSettings>, std::string> make(std::span<const uint8_t> bytes) {
    plan::rbac::Rbac plan;
    if (!plan::rbac::decode(bytes, plan)) return std::string("malformed plan");
    auto settings = std::make_unique<RbacSettings>();
    for (const auto& [from, to] : {std::pair(&plan.rules, &settings->rules), {&plan.shadow, &settings->shadow}}) {
      if (!*from) continue;
      auto made = Rules::make(**from);
      if (!made.ok()) return std::move(made.error());
      *to = std::move(made.value());
    }
    settings->stat_prefix = plan.stat_prefix;
    settings->shadow_prefix = plan.shadow_stat_prefix;
    settings->policy_stats = plan.policy_stats;
    return std::unique_ptr<const RbacSettings>(std::move(settings));
  }

  std::unique_ptr<const Rules> rules;  // null: everything is allowed
  std::unique_ptr<const Rules> shadow;
  std::string stat_prefix;
  std::string shadow_prefix;
  bool policy_stats = false;
};

/** A prefix of statistics ends with a dot, written or not. */
std::string statScope(const http_proxy::FilterSite& site, const std::string& own) {
  std::string scope = http_proxy::statPrefix(site) + "rbac." + own;
  if (!scope.ends_with('.')) scope += '.';
  return scope;
}

struct RbacRuntime final : http_proxy::FilterRuntime {
  RbacRuntime(const http_proxy::FilterSite& site, const RbacSettings& own)
      : prefix(statScope(site, own.stat_prefix)),
        shadow_prefix(statScope(site, own.shadow_prefix)),
        allowed(site.worker.stats, prefix + "allowed"),
        denied(site.worker.stats, prefix + "denied"),
        shadow_allowed(site.worker.stats, shadow_prefix + "shadow_allowed"),
        shadow_denied(site.worker.stats, shadow_prefix + "shadow_denied") {}
  const std::string prefix;
  const std::string shadow_prefix;
  const http_proxy::FilterCounter allowed;
  const http_proxy::FilterCounter denied;
  const http_proxy::FilterCounter shadow_allowed;
  const http_proxy::FilterCounter shadow_denied;
};

class Rbac final : public http_proxy::Filter {
 public:
  Rbac(const RbacSettings& own, RbacRuntime& runtime) : own_(own), settings_(&own), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    if (const auto* own = stream.routeSettings<RbacSettings>()) settings_ = own;
    const routing::Route* route = stream.route();
    const std::string_view metadata = route == nullptr ? std::string_view() : std::string_view(route->metadata_json);
    const Subject subject{headers, stream.info(), stream.arena(), metadata};
    if (settings_->shadow != nullptr) judgeShadow(subject, stream);
    if (settings_->rules == nullptr) return Verdict::kContinue;
    const Rules::Judgement judgement = settings_->rules->judge(subject);
    noteLog(*settings_->rules, judgement, stream);
    note(stream, own_.stat_prefix, "enforced_", judgement);
    countPolicy(stream, runtime_.prefix, judgement, judgement.allowed ? ".allowed" : ".denied");
    if (judgement.allowed) {
      runtime_.allowed.inc();
      return Verdict::kContinue;
    }
    runtime_.denied.inc();
    return stream.reply({.status = 403, .body = "RBAC: access denied", .details = details(stream, judgement.policy)});
  }

 private:
  void judgeShadow(const Subject& subject, FilterStream& stream) {
    const Rules::Judgement judgement = settings_->shadow->judge(subject);
    noteLog(*settings_->shadow, judgement, stream);
    (judgement.allowed ? runtime_.shadow_allowed : runtime_.shadow_denied).inc();
    countPolicy(stream, runtime_.shadow_prefix, judgement, judgement.allowed ? ".shadow_allowed" : ".shadow_denied");
    note(stream, settings_->shadow_prefix, "shadow_", judgement);
  }

  void countPolicy(FilterStream& stream, std::string_view prefix, const Rules::Judgement& judgement, std::string_view what) {
    if (!settings_->policy_stats || judgement.policy.empty()) return;
    http_proxy::countOnce(stream.worker(), stream.arena().concat(prefix, "policy.", judgement.policy, what));
  }

  static void noteLog(const Rules& rules, const Rules::Judgement& judgement, FilterStream& stream) {
    if (rules.action() != Rules::Action::LOG) return;
    stream.dynamicMetadata().set("envoy.common", "access_log_hint", MetadataValue::boolean(judgement.matched));
  }

  static void note(FilterStream& stream, std::string_view prefix, std::string_view kind, const Rules::Judgement& judgement) {
    base::Arena& arena = stream.arena();
    http::DynamicMetadata& metadata = stream.dynamicMetadata();
    const std::string_view space = "envoy.filters.http.rbac";
    if (!judgement.policy.empty()) {
      metadata.setString(space, arena.concat(prefix, kind, "effective_policy_id"), judgement.policy);
    }
    metadata.setString(space, arena.concat(prefix, kind, "engine_result"), judgement.allowed ? "allowed" : "denied");
  }

  /** White space would split a log line into the wrong fields. */
  static std::string_view details(FilterStream& stream, std::string_view policy) {
    base::Arena& arena = stream.arena();
    const std::string_view name = policy.empty() ? std::string_view("none") : policy;
    char* clean = arena.array<char>(name.size());
    for (size_t i = 0; i < name.size(); ++i) clean[i] = name[i] == ' ' || (name[i] >= '\t' && name[i] <= '\r') ? '_' : name[i];
    return arena.concat("rbac_access_denied_matched_policy[", std::string_view(clean, name.size()), "]");
  }

  const RbacSettings& own_;        // the filter's: its prefix holds for what rules of routes enforce, too
  const RbacSettings* settings_;   // in force
  RbacRuntime& runtime_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeRbac(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = RbacSettings::make(bytes);
  if (!settings.ok()) return std::move(settings.error());
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<Rbac, RbacSettings, RbacRuntime>>(std::move(settings.value())));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeRbacRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = RbacSettings::make(bytes);
  if (!settings.ok()) return std::move(settings.error());
  return http_proxy::RouteSettingsPtr(std::move(settings.value()));
}

}  // namespace

extern const http_proxy::FilterEntry rbac = {"envoy.filters.http.rbac", &makeRbac, &makeRbacRoute};

}  // namespace nuncio::ext
