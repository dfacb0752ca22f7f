// Which route a stream takes: its table (of its scope, the newest on demand), the route in it, and what the route says of the stream.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "http_proxy/stream.h"

namespace nuncio::http_proxy {

using http::HeaderId;

/** What the route says of the stream's own time limits. */
void Stream::takeRouteTimeouts() {
  const routing::Route* matched = route();
  if (matched == nullptr || matched->cluster == nullptr) return;
  const routing::ClusterAction& action = *matched->cluster;
  if (action.idle_timeout_ms) setIdleTimeout(*action.idle_timeout_ms);
  limitDuration(action);
}

void Stream::pickWeighted() {
  const WorkerContext& context = runtime_.worker;
  const auto weight = [&](std::string_view key) { return context.runtime->integer(key); };
  const routing::NumberLookup weights(weight);
  weighted_ = route_->cluster->pick(*request_headers_, random_, context.runtime == nullptr ? nullptr : &weights);
}

/** The table of the moment; with scoped routes that of the request's scope, which a filter may have changed. */
void Stream::takeRouteTable() {
  const ManagerConfig& manager = config();
  if (!manager.scope_key) [[likely]] return setRouteTable(runtime_.routes());
  const auto key = manager.scope_key->keyOf(*request_headers_, arena_);
  if (key == scope_key_ && table_ != nullptr) return;
  scope_key_ = key;
  const routing::RouteScope* scope = key ? worker().routeScope(manager.plan.scoped_routes->slot, *key) : nullptr;
  setRouteTable(scope == nullptr ? Lease() : worker().routeTable(scope->route_table_slot));
}

void Stream::setRouteTable(Lease lease) {
  if (table_ != nullptr) [[unlikely]] old_tables_ = arena_.make<OldTable>(std::move(table_lease_), old_tables_);
  table_lease_ = std::move(lease);
  table_ = table_lease_ ? static_cast<const RouteTablePart&>(*table_lease_->part).table.get() : nullptr;
}

void Stream::renewRouteTable() {
  scope_key_.reset();
  setRouteTable(Lease());
  takeRouteTable();
  refreshRoute();
}

bool Stream::demandRoute(OnDemand::Waiter& waiter) {
  OnDemand& demands = worker().on_demand;
  if (table_ != nullptr && table_->discoversVirtualHosts()) {
    std::string host(request_headers_->get(HeaderId::kAuthority));
    std::transform(host.begin(), host.end(), host.begin(), base::toLower);
    return demands.wait({DemandKind::kVirtualHost, table_lease_->slot, std::move(host)}, waiter);
  }
  if (!config().scope_key || !scope_key_) return false;
  const uint32_t slot = config().plan.scoped_routes->slot;
  const routing::RouteScope* scope = worker().routeScope(slot, *scope_key_);
  if (scope == nullptr || table_ != nullptr) return false;
  return demands.wait({DemandKind::kScope, slot, scope->name}, waiter);
}

const routing::Route* Stream::route() {
  if (route_known_) return route_;
  route_known_ = true;
  if (config().scope_key) [[unlikely]] takeRouteTable();
  route_ = nullptr;
  weighted_ = nullptr;
  // Without a scheme there is no telling who asks for what: an empty x-forwarded-proto of the client finds nothing.
  if (table_ == nullptr || request_headers_->get(HeaderId::kXForwardedProto).empty()) return nullptr;
  routing::MatchInput input = routing::MatchInput::of(*request_headers_, random_);
  const WorkerContext& context = runtime_.worker;
  const auto lookup = [&](std::string_view key) -> std::optional<routing::FractionValue> {
    const auto percent = context.runtime == nullptr ? std::nullopt : context.runtime->integer(key);
    return percent ? std::optional(routing::FractionValue{*percent, 100}) : std::nullopt;
  };
  const routing::FractionLookup runtime_lookup(lookup);
  if (context.runtime != nullptr) input.runtime = &runtime_lookup;
  input.connection = info_.downstream;
  const routing::VirtualHost* host = nullptr;
  route_ = table_->match(input, &host);
  info_.virtual_host_metadata_json = host == nullptr ? std::string_view() : std::string_view(host->metadata_json);
  info_.route_name = route_ == nullptr ? std::string_view() : std::string_view(route_->name);  // filters that answer are logged with it
  if (route_ != nullptr && route_->cluster != nullptr && !route_->cluster->weighted.empty()) pickWeighted();
  if (filters_.created()) takeRouteTimeouts();  // a filter asked for another look
  return route_;
}

}  // namespace nuncio::http_proxy
