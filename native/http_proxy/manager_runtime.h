// ManagerRuntime: one worker's part of a connection manager on one listener: its stat scopes. Lives with the listener's
// runtime in that worker; connections refer to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/h1/options.h"
#include "http/keep_alive.h"
#include "http_proxy/codec_options.h"
#include "http_proxy/discovered_filter.h"
#include "http_proxy/manager_config.h"
#include "http_proxy/worker_context.h"
#include "tcp/network_filter.h"

namespace nuncio::http_proxy {

class ManagerRuntime;

/** A worker's part of a list of filters. */
struct FilterListRuntime {
  /** `at`: where they stand; a filter's own name apart. */
  FilterListRuntime(const FilterSite& at, const FilterList& list);

  const FilterSite site;
  const FilterList& list;
  std::vector<std::unique_ptr<FilterRuntime>> runtimes;  // beside list.filters; null where a filter needs none

  /** What stands for the filter at this place of the list now; empty: nothing has come. */
  DiscoveredFilterRef discovered(size_t place) const;
  /** And for the router. */
  DiscoveredFilterRef discoveredRouter() const;

  /** Of the router at its end: what stands behind it where the cluster says nothing. Null: nothing. */
  std::unique_ptr<const FilterListRuntime> upstream;

 private:
  FilterSite siteOf(std::string_view name) const { return {site.worker, site.listener, site.stat_prefix, name}; }

  const std::unique_ptr<DiscoveredFilters> discovered_;  // with list.discovers
};

class ManagerRuntime final : public tcp::NetworkFilterRuntime {
 public:
  ManagerRuntime(WorkerContext& worker, const ManagerConfig& config, const tcp::ListenerFacts& listener);
  ~ManagerRuntime() override;
  std::unique_ptr<tcp::NetworkFilter> create(const tcp::Downstream& downstream) override;
  void retire() override;

  WorkerContext& worker;
  const ManagerConfig& config;
  const tcp::ListenerFacts listener;
  stats::HttpScope http;
  stats::ListenerHttpScope listener_http;
  stats::RouterScope router;
  stats::TracingScope tracing;
  stats::Http1Scope http1;
  const http::h1::ServerOptions codec_options;
  const std::vector<http::h2::Setting> custom_settings;
  const http::h2::ServerOptions http2_options;
  const http::KeepAliveOptions keep_alive;
  const FilterListRuntime filters;
  /** The filters of an upgrade (a position in config.upgrades); the ordinary ones when it has none of its own. */
  const FilterListRuntime& upgradeFilters(size_t upgrade) const {
    return upgrade_filters_[upgrade] ? *upgrade_filters_[upgrade] : filters;
  }
  /** Of the moment; of a listener that is no more, those it had last where they were its own. */
  Lease routes() const { return own_routes_ ? own_routes_ : worker.routeTable(config.plan.route_table_slot); }
  /** Made with the first connection that speaks it. */
  stats::Http2Scope http2();

 private:
  std::vector<std::unique_ptr<const FilterListRuntime>> upgrade_filters_;
  stats::Http2Scope http2_;
  Lease own_routes_;  // since retire()
};

class ManagerFactory final : public tcp::NetworkFilterFactory {
 public:
  explicit ManagerFactory(std::unique_ptr<const ManagerConfig> config) : config_(std::move(config)) {}
  std::unique_ptr<tcp::NetworkFilterRuntime> makeRuntime(WorkerContext& worker,
                                                         const tcp::ListenerFacts& listener) const override;

 private:
  const std::unique_ptr<const ManagerConfig> config_;
};

}  // namespace nuncio::http_proxy
