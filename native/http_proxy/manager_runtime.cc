#include "http_proxy/manager_runtime.h"

#include "http_proxy/connection_manager.h"
#include "upstream/http2_options.h"

namespace nuncio::http_proxy {

/** Of a codec. What begins with NUL is nobody's to see: the way of the process's own requests. */
static std::string codecScope(const plan::HttpConnectionManager& plan, std::string_view codec) {
  return plan.stat_prefix.starts_with('\0') ? std::string(1, '\0').append(codec) : std::string(codec);
}

ManagerRuntime::ManagerRuntime(WorkerContext& context, const ManagerConfig& manager, const tcp::ListenerFacts& facts)
    : worker(context),
      config(manager),
      listener(facts),
      http(context.stats.scope<stats::Http>(manager.plan.stat_prefix)),
      listener_http(context.stats.scope<stats::ListenerHttp>(std::string(facts.stat_name) + ".http." + manager.plan.stat_prefix)),
      router(context.stats.scope<stats::Router>(manager.plan.stat_prefix)),
      tracing(context.stats.scope<stats::Tracing>(manager.plan.stat_prefix + ".tracing")),
      http1(context.stats.scope<stats::Http1>(codecScope(manager.plan, "http1"))),
      codec_options(serverOptions(manager.plan, manager.common)),
      custom_settings(customSettings(manager.plan)),
      http2_options(http2ServerOptions(manager.plan, manager.common, facts.buffer_limit, custom_settings)),
      keep_alive(manager.plan.http2 ? upstream::keepAlive(*manager.plan.http2) : http::KeepAliveOptions()),
      filters({worker, &listener, config.plan.stat_prefix, {}}, manager.filters) {
  for (const auto& list : manager.upgrade_filters) {
    upgrade_filters_.push_back(list == nullptr ? nullptr : std::make_unique<FilterListRuntime>(filters.site, *list));
  }
}

FilterListRuntime::FilterListRuntime(const FilterSite& at, const FilterList& configured)
    : site(at),
      list(configured),
      discovered_(list.discovers ? std::make_unique<DiscoveredFilters>(list.filters.size() + 1) : nullptr) {
  for (const NamedFilter& filter : list.filters) {
    runtimes.push_back(filter.factory == nullptr ? nullptr : filter.factory->makeRuntime(siteOf(filter.name)));
  }
  if (list.router.upstream_filters != nullptr) upstream = std::make_unique<const FilterListRuntime>(at, *list.router.upstream_filters);
}

DiscoveredFilterRef FilterListRuntime::discovered(size_t place) const {
  const NamedFilter& filter = list.filters[place];
  DiscoveredFilterRef found = discovered_->at(place, *filter.config_slot, siteOf(filter.name));
  return found && found->config->filter.factory != nullptr ? found : DiscoveredFilterRef();
}

DiscoveredFilterRef FilterListRuntime::discoveredRouter() const {
  DiscoveredFilterRef found = discovered_->at(list.filters.size(), *list.router_slot, siteOf({}));
  return found && found->config->router ? found : DiscoveredFilterRef();
}

ManagerRuntime::~ManagerRuntime() {
  worker.stats.release(http);
  worker.stats.release(listener_http);
  worker.stats.release(router);
  worker.stats.release(tracing);
  worker.stats.release(http1);
  if (http2_) worker.stats.release(http2_);
}

stats::Http2Scope ManagerRuntime::http2() {
  if (!http2_) http2_ = worker.stats.scope<stats::Http2>(codecScope(config.plan, "http2"));
  return http2_;
}

std::unique_ptr<tcp::NetworkFilter> ManagerRuntime::create(const tcp::Downstream& downstream) {
  return std::make_unique<ConnectionManager>(*this, downstream);
}

void ManagerRuntime::retire() {
  if (config.plan.own_routes && !own_routes_) own_routes_ = worker.routeTable(config.plan.route_table_slot);
}

std::unique_ptr<tcp::NetworkFilterRuntime> ManagerFactory::makeRuntime(WorkerContext& worker,
                                                                       const tcp::ListenerFacts& listener) const {
  return std::make_unique<ManagerRuntime>(worker, *config_, listener);
}

}  // namespace nuncio::http_proxy
