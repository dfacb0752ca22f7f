// ManagerConfig: the HTTP connection manager's settings ready to use: loggers open, filters made, patterns compiled.
// Made once from its plan, immutable, shared by all workers and leased by every connection through its listener.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access_log/filter.h"
#include "access_log/logger.h"
#include "base/result.h"
#include "http/header_mutation.h"
#include "http/path.h"
#include "http/substitution/body_formatter.h"
#include "http_proxy/client_certificate.h"
#include "http_proxy/filter.h"
#include "http_proxy/ip_detection.h"
#include "http_proxy/tracing_config.h"
#include "plan/plan_types.h"
#include "routing/cluster_action.h"
#include "routing/route_scopes.h"
#include "upstream/cluster_part.h"

namespace nuncio::http_proxy {

/** What making a configuration needs from the process. Main thread. */
struct DecodeContext {
  access_log::FileWriters& writers;
  std::span<const FilterEntry* const> filters;
};

using LoggerList = std::vector<std::unique_ptr<const access_log::Logger>>;

struct LocalReplyMapper {
  access_log::Filter filter;
  std::optional<uint32_t> status;
  std::optional<std::string> body;
  std::optional<http::BodyFormatter> format;
  http::HeaderMutations headers;
};

struct FilterList;

/** Settings of the router filter. */
struct RouterConfig {
  bool dynamic_stats = true;
  bool suppress_envoy_headers = false;
  bool respect_expected_rq_timeout = false;
  bool start_child_span = false;
  std::vector<std::string> strict_headers;
  LoggerList upstream_logs;
  std::shared_ptr<const FilterList> upstream_filters;  // of every attempt whose cluster has none of its own; null: none
};

struct NamedFilter {
  std::string name;       // as configured: settings of routes are found by it
  std::string_view type;  // Envoy's, of its FilterEntry
  FilterFactoryPtr factory;
  bool disabled = false;  // unless a route says otherwise
  std::optional<uint32_t> config_slot = std::nullopt;  // discovered (ECDS): type and factory are what stands there
};

/** A chain of filters, the router at its end apart. */
struct FilterList {
  std::vector<NamedFilter> filters;
  RouterConfig router;
  std::optional<uint32_t> router_slot;  // its settings are discovered
  bool discovers = false;               // one of the filters, or the router, has a slot
};

struct IpRange {
  net::Address network;
  uint32_t prefix_len;
};

struct ManagerConfig {
  static base::Result<std::unique_ptr<const ManagerConfig>, std::string> make(std::span<const uint8_t> plan,
                                                                             DecodeContext& context);

  plan::HttpConnectionManager plan;
  plan::HttpCommonOptions common;
  LoggerList access_logs;
  std::vector<LocalReplyMapper> mappers;
  std::optional<http::BodyFormatter> local_reply_format;
  std::vector<IpRange> internal_ranges;
  IpDetections ip_detections;
  http::HeaderMutations early_mutations;
  http::PathRules path_rules;
  ClientCertificateDetails client_cert_details;
  FilterList filters;
  std::vector<routing::UpgradeRule> upgrades;
  std::unique_ptr<const TracingConfig> tracing;       // null: requests are not traced
  std::optional<routing::ScopeKeyBuilder> scope_key;  // scoped routes
  std::vector<std::unique_ptr<const FilterList>> upgrade_filters;  // beside `upgrades`; null: `filters`

  bool isInternal(const net::Address& address) const;
};

/** The upstream filters of a cluster. */
struct ClusterFilterList final : upstream::ClusterFilters {
  FilterList list;
};

base::Result<std::shared_ptr<const upstream::ClusterFilters>, std::string> makeClusterFilters(const std::vector<plan::Extension>& plans,
                                                                                             DecodeContext& context);

/** A filter's settings for a route or a level above it, for RouteTable::make. */
base::Result<RouteSettingsPtr, std::string> makeRouteSettings(const plan::Extension& plan, DecodeContext& context);

base::Result<LoggerList, std::string> makeLoggers(const std::vector<plan::AccessLog>& plans, access_log::FileWriters& writers);

}  // namespace nuncio::http_proxy
