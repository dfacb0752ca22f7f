#include "generated/plan.h"
#include "http/connection_inputs.h"
#include "routing/route.h"

namespace nuncio::routing {
namespace {

using http::HeaderId;

std::string fillPolicies(const plan::VirtualHost& plan, VirtualHost& host) {
  if (plan.retry_policy.has_value()) {
    auto policy = RetryPolicy::make(*plan.retry_policy);
    if (!policy.ok()) return policy.error();
    host.retry_policy.emplace(std::move(policy.value()));
  }
  for (const plan::MirrorPolicy& one : plan.mirrors) {
    auto mirror = MirrorPolicy::make(one);
    if (!mirror.ok()) return mirror.error();
    host.mirrors.push_back(std::move(mirror.value()));
  }
  auto hashing = HashPolicies::make(plan.hash_policies);
  if (!hashing.ok()) return hashing.error();
  host.hash_policies = std::move(hashing.value());
  auto limits = RateLimits::make(plan.rate_limits);
  if (!limits.ok()) return limits.error();
  host.rate_limits = std::move(limits.value());
  for (const plan::VirtualCluster& one : plan.virtual_clusters) {
    auto headers = http::makeFieldMatchers(one.headers);
    if (!headers.ok()) return headers.error();
    host.virtual_clusters.push_back({one.name, std::move(headers.value())});
  }
  auto request = http::HeaderMutations::make(plan.request_mutations, http::MessageSide::kRequest);
  if (!request.ok()) return request.error();
  host.request_mutations = std::move(request.value());
  auto response = http::HeaderMutations::make(plan.response_mutations, http::MessageSide::kResponse);
  if (!response.ok()) return response.error();
  host.response_mutations = std::move(response.value());
  return {};
}

std::string fillRoutes(const plan::VirtualHost& plan, VirtualHost& host, const SettingsDecoder& decode) {
  std::vector<const RouteMatch*> matches;
  matches.reserve(plan.routes.size());
  for (const plan::Route& one : plan.routes) {
    auto route = Route::make(one, decode);
    if (!route.ok()) return "routes[" + std::to_string(host.routes.size()) + "]: " + route.error();
    route.value()->index = static_cast<uint32_t>(host.routes.size());
    route.value()->virtual_host = &host;
    if (!route.value()->request_body_buffer_limit.has_value()) {
      route.value()->request_body_buffer_limit = host.request_body_buffer_limit;
    }
    matches.push_back(&route.value()->match);
    host.routes.push_back(std::move(route.value()));
  }
  if (!plan.matcher) {
    host.index.build(matches);
    return {};
  }
  auto tree = http::MatchTree::make(*plan.matcher);
  if (!tree.ok()) return tree.error();
  host.matcher.emplace(std::move(tree.value()));
  for (const plan::MatchRoutes& list : plan.matched) host.matched.push_back(list.routes);
  return {};
}

/** What a matcher tree asks of a request. */
std::string_view valueOf(const plan::MatchInput& wanted, const MatchInput& input, base::TextBuffer& scratch) {
  using Kind = plan::MatchInput::Kind;
  switch (wanted.kind) {
    case Kind::REQUEST_HEADER: return input.headers.getJoined(wanted.name);
    case Kind::QUERY_PARAMETER: return http::queryParameter(input.query, wanted.name);
    default: break;
  }
  if (input.connection == nullptr) return {};
  return http::ConnectionInputs::of(*input.connection).value(wanted, scratch);
}

}  // namespace

base::Result<std::unique_ptr<VirtualHost>, std::string> VirtualHost::make(const plan::VirtualHost& plan,
                                                                          const SettingsDecoder& decode) {
  auto host = std::make_unique<VirtualHost>();
  host->name = plan.name;
  host->metadata_json = plan.metadata_json;
  host->include_attempt_count = plan.include_attempt_count;
  host->include_attempt_count_in_response = plan.include_attempt_count_in_response;
  host->include_is_timeout_retry_header = plan.include_is_timeout_retry_header;
  host->request_body_buffer_limit = plan.request_body_buffer_limit;
  for (std::string error : {host->filter_configs.fill(plan.per_filter_config, decode), fillPolicies(plan, *host),
                            fillRoutes(plan, *host, decode)}) {
    if (!error.empty()) return "virtual host " + plan.name + ": " + error;
  }
  if (plan.require_tls > 2) return "virtual host " + plan.name + ": unknown value of require_tls";
  host->require_tls = static_cast<RequireTls>(plan.require_tls);
  if (host->require_tls != RequireTls::kNone) {
    auto redirect = Route::make(plan::Route());
    if (!redirect.ok()) return std::move(redirect.error());
    host->tls_redirect = std::move(redirect.value());
    host->tls_redirect->kind = RouteKind::kTlsRedirect;
    host->tls_redirect->virtual_host = host.get();
  }
  return host;
}

const Route* VirtualHost::match(const MatchInput& input, std::string_view path) const {
  if (require_tls != RequireTls::kNone && input.headers.get(HeaderId::kXForwardedProto) != "https") {
    if (require_tls == RequireTls::kAll || input.headers.get(HeaderId::kXEnvoyInternal) != "true") return tls_redirect.get();
  }
  if (matcher) [[unlikely]] return matchTree(input, path);
  const int64_t found = index.find(path, [&](uint32_t route, bool path_holds) {
    const RouteMatch& conditions = routes[route]->match;
    return (path_holds || conditions.matchesPath(input, path)) && (!conditions.conditional() || conditions.matchesRest(input));
  });
  return found < 0 ? nullptr : routes[static_cast<size_t>(found)].get();
}

const Route* VirtualHost::matchTree(const MatchInput& input, std::string_view path) const {
  base::TextBuffer scratch;
  const auto value = [&](const plan::MatchInput& wanted) { return valueOf(wanted, input, scratch); };
  const auto action = matcher->match(http::MatchTree::Lookup(value));
  if (!action || *action >= matched.size()) return nullptr;
  for (const uint32_t place : matched[*action]) {
    if (place < routes.size() && routes[place]->match.matches(input, path)) return routes[place].get();
  }
  return nullptr;
}

const Route* VirtualHost::matchLinear(const MatchInput& input, std::string_view path) const {
  for (const auto& route : routes) {
    if (route->match.matches(input, path)) return route.get();
  }
  return nullptr;
}

const VirtualCluster* VirtualHost::virtualCluster(http::HeaderMap& headers) const {
  for (const VirtualCluster& cluster : virtual_clusters) {
    if (http::allMatchHeaders(cluster.headers, headers)) return &cluster;
  }
  return nullptr;
}

}  // namespace nuncio::routing
