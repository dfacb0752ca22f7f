#include "routing/route.h"

#include "generated/plan.h"
#include "http/authority.h"
#include "http/path.h"
#include "routing/route_table.h"

namespace nuncio::routing {
namespace {

using http::HeaderId;

base::Result<std::unique_ptr<const DirectResponse>, std::string> makeDirect(const plan::DirectResponse& plan) {
  auto direct = std::make_unique<DirectResponse>();
  direct->status = plan.status;
  direct->body = plan.body;
  if (plan.body_format.has_value()) {
    auto format = http::BodyFormatter::make(*plan.body_format);
    if (!format.ok()) return format.error().message;
    direct->format.emplace(std::move(format.value()));
  }
  return std::unique_ptr<const DirectResponse>(std::move(direct));
}

std::string fillAction(const plan::Route& plan, Route& route, const SettingsDecoder& decode) {
  if (plan.cluster.has_value()) {
    auto action = ClusterAction::make(*plan.cluster, decode);
    if (!action.ok()) return action.error();
    route.kind = RouteKind::kCluster;
    route.cluster = std::move(action.value());
  } else if (plan.redirect.has_value()) {
    auto redirect = Redirect::make(*plan.redirect);
    if (!redirect.ok()) return redirect.error();
    route.kind = RouteKind::kRedirect;
    route.redirect = std::make_unique<const Redirect>(std::move(redirect.value()));
  } else if (plan.direct.has_value()) {
    auto direct = makeDirect(*plan.direct);
    if (!direct.ok()) return direct.error();
    route.kind = RouteKind::kDirect;
    route.direct = std::move(direct.value());
  } else {
    route.kind = RouteKind::kNonForwarding;
  }
  return {};
}

/** Visits the mutations of route, virtual host and table in the order they are applied. */
template <class Visit>
void forEachLevel(const Route& route, Visit&& visit) {
  const VirtualHost& host = *route.virtual_host;
  const RouteTable& table = *host.table;
  // What is applied last wins.
  if (table.mostSpecificMutationsWin()) {
    visit(table.requestMutations(), table.responseMutations());
    visit(host.request_mutations, host.response_mutations);
    visit(route.request_mutations, route.response_mutations);
  } else {
    visit(route.request_mutations, route.response_mutations);
    visit(host.request_mutations, host.response_mutations);
    visit(table.requestMutations(), table.responseMutations());
  }
}

}  // namespace

base::Result<std::unique_ptr<Route>, std::string> Route::make(const plan::Route& plan, const SettingsDecoder& decode) {
  auto match = RouteMatch::make(plan.match.has_value() ? *plan.match : plan::RouteMatch());
  if (!match.ok()) return std::move(match.error());
  auto route = std::unique_ptr<Route>(new Route(std::move(match.value())));
  route->name = plan.name;
  route->stat_prefix = plan.stat_prefix;
  route->metadata_json = plan.metadata_json;
  route->request_body_buffer_limit = plan.request_body_buffer_limit;
  if (std::string error = route->filter_configs.fill(plan.per_filter_config, decode); !error.empty()) return error;
  if (std::string error = fillAction(plan, *route, decode); !error.empty()) return error;
  if (plan.tracing) {
    auto tracing = RouteTracing::make(*plan.tracing);
    if (!tracing.ok()) return std::move(tracing.error());
    route->tracing = std::move(tracing.value());
  }
  if (plan.decorator) route->decorator = std::make_unique<const Decorator>(Decorator{plan.decorator->operation, plan.decorator->propagate});
  auto request = http::HeaderMutations::make(plan.request_mutations, http::MessageSide::kRequest);
  if (!request.ok()) return std::move(request.error());
  route->request_mutations = std::move(request.value());
  auto response = http::HeaderMutations::make(plan.response_mutations, http::MessageSide::kResponse);
  if (!response.ok()) return std::move(response.error());
  route->response_mutations = std::move(response.value());
  return route;
}

const RetryPolicy* Route::retryPolicy() const {
  if (cluster != nullptr && cluster->retry_policy.has_value()) return &*cluster->retry_policy;
  return virtual_host->retry_policy.has_value() ? &*virtual_host->retry_policy : nullptr;
}

const std::vector<MirrorPolicy>& Route::mirrors() const {
  if (cluster != nullptr && !cluster->mirrors.empty()) return cluster->mirrors;
  return virtual_host->mirrors.empty() ? virtual_host->table->mirrors() : virtual_host->mirrors;
}

const HashPolicies& Route::hashPolicies() const {
  return cluster != nullptr && !cluster->hash_policies.empty() ? cluster->hash_policies : virtual_host->hash_policies;
}

size_t Route::filterLevels(const WeightedCluster* weighted, const ExtensionConfigs** out) const {
  size_t count = 0;
  const auto take = [&](const ExtensionConfigs& level) {
    if (!level.empty()) out[count++] = &level;
  };
  if (weighted != nullptr) take(weighted->filter_configs);
  take(filter_configs);
  if (virtual_host == nullptr) return count;
  take(virtual_host->filter_configs);
  if (virtual_host->table != nullptr) take(virtual_host->table->filterConfigs());
  return count;
}

void Route::prepareRequest(http::HeaderMap& headers, const WeightedCluster* weighted, const http::FormatContext& context,
                           base::TextBuffer& scratch, bool original) const {
  if (weighted != nullptr) {
    if (!weighted->request_mutations.empty()) weighted->request_mutations.apply(headers, context, scratch);
    if (!weighted->host_rewrite.empty()) headers.set(HeaderId::kAuthority, weighted->host_rewrite);
  }
  forEachLevel(*this, [&](const http::HeaderMutations& request, const http::HeaderMutations&) {
    if (!request.empty()) request.apply(headers, context, scratch);
  });
  if (cluster == nullptr) return;
  if (const std::string_view host = cluster->rewrittenHost(headers, context, scratch); !host.empty()) {
    http::updateAuthority(headers, host, cluster->append_x_forwarded_host, original);
  }
  const std::string_view target = headers.get(HeaderId::kPath);
  const size_t matched = match.matchedLength(http::pathWithoutQuery(target));
  if (const std::string_view path = cluster->rewrittenPath(headers, matched, context, scratch); path.data() != nullptr) {
    if (original) headers.set(HeaderId::kXEnvoyOriginalPath, target);
    headers.set(HeaderId::kPath, path);
  }
}

void Route::prepareResponse(http::HeaderMap& headers, const WeightedCluster* weighted, const http::FormatContext& context,
                            base::TextBuffer& scratch) const {
  if (weighted != nullptr && !weighted->response_mutations.empty()) {
    weighted->response_mutations.apply(headers, context, scratch);
  }
  forEachLevel(*this, [&](const http::HeaderMutations&, const http::HeaderMutations& response) {
    if (!response.empty()) response.apply(headers, context, scratch);
  });
}

std::string_view Route::location(http::HeaderMap& headers, bool original, const RedirectContext* context) const {
  if (kind == RouteKind::kTlsRedirect) return tlsLocationOf(headers);
  const std::string_view target = headers.get(HeaderId::kPath);
  if (target.data() == nullptr) return {};
  if (redirect != nullptr) {
    const size_t matched = match.matchedLength(http::pathWithoutQuery(target));
    const std::string_view path = redirect->rewrittenPath(headers.arena(), target, matched);
    if (path.data() != nullptr) {
      if (original) headers.set(HeaderId::kXEnvoyOriginalPath, target);
      headers.set(HeaderId::kPath, path);
    }
  }
  return locationOf(headers, redirect.get(), context);
}

uint32_t Route::status() const {
  if (redirect != nullptr) return redirect->code;
  return direct != nullptr ? direct->status : 301;
}

}  // namespace nuncio::routing
