#include "routing/cluster_action.h"

#include "plan/wire_reader.h"

#include "base/ascii.h"
#include "http/path.h"

namespace nuncio::routing {
namespace {

using http::HeaderId;

/** Compiles an optional rewrite into `out`; an error text, empty when all is well. */
std::string compile(const std::optional<plan::RegexRewrite>& plan, std::optional<base::RegexRewrite>& out) {
  if (!plan.has_value()) return {};
  auto regex = base::Regex::make(plan->pattern);
  if (!regex.ok()) return regex.error();
  if (const char* wrong = regex.value()->checkSubstitution(plan->substitution); wrong != nullptr) return wrong;
  out = base::RegexRewrite{std::move(regex.value()), plan->substitution};
  return {};
}

std::string compile(const std::optional<plan::Format>& plan, std::optional<http::Formatter>& out) {
  if (!plan.has_value()) return {};
  auto format = http::Formatter::make(*plan);
  if (!format.ok()) return format.error().message;
  out.emplace(std::move(format.value()));
  return {};
}

std::string compile(const std::vector<plan::HeaderMutation>& plans, http::MessageSide side, http::HeaderMutations& out) {
  auto made = http::HeaderMutations::make(plans, side);
  if (!made.ok()) return made.error();
  out = std::move(made.value());
  return {};
}

std::string_view formatted(const http::Formatter& formatter, const http::FormatContext& context, base::TextBuffer& scratch) {
  if (formatter.isConstant()) return formatter.constant();
  scratch.clear();
  formatter.append(context, scratch);
  return scratch.view();
}

std::string fillWeighted(const plan::ClusterAction& plan, ClusterAction& action, const SettingsDecoder& decode) {
  uint64_t sum = 0;
  for (const plan::WeightedCluster& one : plan.weighted) {
    WeightedCluster& weighted = action.weighted.emplace_back();
    weighted.cluster = {one.slot, one.name, one.cluster_header};
    weighted.weight = one.weight;
    weighted.host_rewrite = one.host_rewrite;
    if (one.metadata_match) weighted.metadata_match = std::make_unique<const OwnedSubsetCriteria>(*one.metadata_match);
    for (std::string error : {weighted.filter_configs.fill(one.per_filter_config, decode),
                              compile(one.request_mutations, http::MessageSide::kRequest, weighted.request_mutations),
                              compile(one.response_mutations, http::MessageSide::kResponse, weighted.response_mutations)}) {
      if (!error.empty()) return error;
    }
    if (!plan.weighted_runtime_prefix.empty()) action.weight_keys.push_back(plan.weighted_runtime_prefix + "." + one.name);
    sum += one.weight;
  }
  action.total_weight = sum;
  action.weighted_random_header = plan.weighted_random_header;
  return {};
}

std::string fillRewrites(const plan::ClusterAction& plan, ClusterAction& action) {
  action.prefix_rewrite = plan.prefix_rewrite;
  action.host_literal = plan.host_rewrite_literal;
  action.auto_host = plan.auto_host_rewrite;
  action.host_header = plan.host_rewrite_header;
  action.append_x_forwarded_host = plan.append_x_forwarded_host;
  for (std::string error : {compile(plan.regex_rewrite, action.regex_rewrite), compile(plan.path_rewrite, action.path_format),
                            compile(plan.host_rewrite_path_regex, action.host_path_regex),
                            compile(plan.host_rewrite, action.host_format)}) {
    if (!error.empty()) return error;
  }
  return {};
}

void fillTimes(const plan::ClusterAction& plan, ClusterAction& action) {
  action.timeout_ms = plan.timeout_ms;
  action.idle_timeout_ms = plan.idle_timeout_ms;
  action.flush_timeout_ms = plan.flush_timeout_ms;
  action.max_stream_duration_ms = plan.max_stream_duration_ms;
  action.grpc_timeout_header_max_ms = plan.grpc_timeout_header_max_ms;
  action.grpc_timeout_header_offset_ms = plan.grpc_timeout_header_offset_ms;
  action.max_grpc_timeout_ms = plan.max_grpc_timeout_ms;
  action.grpc_timeout_offset_ms = plan.grpc_timeout_offset_ms;
}

}  // namespace

const UpgradeRule* findUpgrade(const std::vector<UpgradeRule>& rules, std::string_view type) {
  for (const UpgradeRule& rule : rules) {
    if (base::equalsIgnoreCase(rule.type, type)) return &rule;
  }
  return nullptr;
}

static std::string addPredicate(const plan::Extension& predicate, InternalRedirect& redirect) {
  if (predicate.type == "envoy.internal_redirect_predicates.previous_routes") {
    redirect.previous_routes = true;
  } else if (predicate.type == "envoy.internal_redirect_predicates.safe_cross_scheme") {
    redirect.safe_cross_scheme = true;
  } else if (predicate.type == "envoy.internal_redirect_predicates.allow_listed_routes") {
    // Envoy's message as it is: repeated string allowed_route_names = 1.
    std::vector<std::string> names;
    plan::WireReader reader({reinterpret_cast<const uint8_t*>(predicate.plan.data()), predicate.plan.size()});
    while (reader.next()) {
      if (!(reader.field() == 1 ? reader.append(names) : reader.skip())) break;
    }
    if (!reader.ok()) return "malformed list of allowed routes";
    redirect.allowed_routes.push_back(std::move(names));
  } else {
    return "no native internal redirect predicate '" + predicate.type + "'";
  }
  return {};
}

base::Result<MirrorPolicy, std::string> MirrorPolicy::make(const plan::MirrorPolicy& plan) {
  MirrorPolicy mirror;
  mirror.cluster = {plan.slot, plan.name, plan.cluster_header};
  if (plan.fraction.has_value()) mirror.fraction.emplace(*plan.fraction);
  mirror.keep_host = plan.keep_host;
  mirror.host_rewrite = plan.host_rewrite;
  if (std::string error = compile(plan.request_mutations, http::MessageSide::kRequest, mirror.request_mutations); !error.empty()) return error;
  return mirror;
}

base::Result<std::unique_ptr<const ClusterAction>, std::string> ClusterAction::make(const plan::ClusterAction& plan,
                                                                                    const SettingsDecoder& decode) {
  auto action = std::make_unique<ClusterAction>();
  action->cluster = {plan.slot, plan.name, plan.cluster_header};
  if (plan.not_found_code != 0) action->not_found_code = plan.not_found_code;
  action->high_priority = plan.high_priority;
  if (plan.metadata_match) action->metadata_match = std::make_unique<const OwnedSubsetCriteria>(*plan.metadata_match);
  for (std::string error : {fillWeighted(plan, *action, decode), fillRewrites(plan, *action)}) {
    if (!error.empty()) return error;
  }
  fillTimes(plan, *action);
  if (plan.retry_policy.has_value()) {
    auto policy = RetryPolicy::make(*plan.retry_policy);
    if (!policy.ok()) return std::move(policy.error());
    action->retry_policy.emplace(std::move(policy.value()));
  }
  auto hashing = HashPolicies::make(plan.hash_policies);
  if (!hashing.ok()) return std::move(hashing.error());
  action->hash_policies = std::move(hashing.value());
  auto limits = RateLimits::make(plan.rate_limits);
  if (!limits.ok()) return std::move(limits.error());
  action->rate_limits = std::move(limits.value());
  action->include_vh_rate_limits = plan.include_vh_rate_limits;
  for (const plan::MirrorPolicy& one : plan.mirrors) {
    auto mirror = MirrorPolicy::make(one);
    if (!mirror.ok()) return std::move(mirror.error());
    action->mirrors.push_back(std::move(mirror.value()));
  }
  for (const plan::UpgradeConfig& upgrade : plan.upgrades) {
    action->upgrades.push_back({upgrade.type, upgrade.enabled, upgrade.connect, upgrade.connect_allow_post});
  }
  if (plan.internal_redirect.has_value()) {
    const plan::InternalRedirect& from = *plan.internal_redirect;
    InternalRedirect& redirect = action->internal_redirect.emplace();
    redirect.max_redirects = from.max_redirects;
    redirect.codes = from.codes;
    redirect.allow_cross_scheme = from.allow_cross_scheme;
    redirect.copy_headers = from.copy_headers;
    for (const plan::Extension& predicate : from.predicates) {
      if (std::string error = addPredicate(predicate, redirect); !error.empty()) return error;
    }
  }
  return std::unique_ptr<const ClusterAction>(std::move(action));
}

const WeightedCluster* ClusterAction::pick(http::HeaderMap& headers, uint64_t random, const NumberLookup* runtime) const {
  if (weighted.empty()) return nullptr;
  uint64_t value = random;
  if (!weighted_random_header.empty()) {
    if (const auto number = base::parseDecimal<uint64_t>(headers.get(weighted_random_header)); number.has_value()) value = *number;
  }
  const auto weightOf = [&](size_t i) -> uint64_t {
    if (runtime == nullptr || weight_keys.empty()) return weighted[i].weight;
    return (*runtime)(weight_keys[i]).value_or(weighted[i].weight);
  };
  uint64_t total = total_weight;
  if (runtime != nullptr && !weight_keys.empty()) {
    total = 0;
    for (size_t i = 0; i < weighted.size(); ++i) total += weightOf(i);
  }
  if (total == 0) return nullptr;
  value %= total;
  for (size_t i = 0; i < weighted.size(); ++i) {
    const uint64_t weight = weightOf(i);
    if (value < weight) return &weighted[i];
    value -= weight;
  }
  return nullptr;
}

std::string_view ClusterAction::rewrittenPath(http::HeaderMap& headers, size_t matched, const http::FormatContext& context,
                                              base::TextBuffer& scratch) const {
  const std::string_view target = headers.get(HeaderId::kPath);
  if (target.data() == nullptr) return {};
  base::Arena& arena = headers.arena();
  if (!prefix_rewrite.empty()) return arena.concat(prefix_rewrite, target.substr(std::min(matched, target.size())));
  const std::string_view path = http::pathWithoutQuery(target);
  const std::string_view rest = target.substr(path.size());
  if (regex_rewrite.has_value()) return arena.concat(regex_rewrite->apply(arena, path), rest);
  if (path_format.has_value()) return arena.concat(formatted(*path_format, context, scratch), rest);
  return {};
}

std::string_view ClusterAction::rewrittenHost(http::HeaderMap& headers, const http::FormatContext& context,
                                              base::TextBuffer& scratch) const {
  if (!host_literal.empty()) return host_literal;
  if (!host_header.empty()) return headers.get(host_header);
  if (host_path_regex.has_value()) {
    return host_path_regex->apply(headers.arena(), http::pathWithoutQuery(headers.get(HeaderId::kPath)));
  }
  if (host_format.has_value()) return headers.arena().copy(formatted(*host_format, context, scratch));
  return {};
}

}  // namespace nuncio::routing
