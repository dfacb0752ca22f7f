#include "http_proxy/manager_config.h"

#include "http_proxy/extension_config.h"

namespace nuncio::http_proxy {
namespace {

constexpr std::string_view kRouter = "envoy.filters.http.router";
constexpr std::string_view kUpstreamCodec = "envoy.filters.http.upstream_codec";

using Made = std::optional<std::string>;  // an error, or nothing

Made makeUpstreamFilters(const std::vector<plan::Extension>& plans, DecodeContext& context, FilterList& out);

Made makeRouter(const plan::Extension& extension, DecodeContext& context, RouterConfig& out) {
  plan::Router plan;
  if (!plan::decode({reinterpret_cast<const uint8_t*>(extension.plan.data()), extension.plan.size()}, plan)) {
    return "malformed plan of " + std::string(kRouter);
  }
  out.dynamic_stats = plan.dynamic_stats;
  out.suppress_envoy_headers = plan.suppress_envoy_headers;
  out.respect_expected_rq_timeout = plan.respect_expected_rq_timeout;
  out.start_child_span = plan.start_child_span;
  out.strict_headers = std::move(plan.strict_check_headers);
  auto loggers = makeLoggers(plan.upstream_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  out.upstream_logs = std::move(loggers.value());
  if (plan.upstream_http_filters.empty()) return {};
  auto filters = std::make_shared<FilterList>();
  if (auto error = makeUpstreamFilters(plan.upstream_http_filters, context, *filters)) return error;
  out.upstream_filters = std::move(filters);
  return {};
}

std::span<const uint8_t> bytesOf(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

const FilterEntry* findEntry(std::string_view type, const DecodeContext& context) {
  for (const FilterEntry* entry : context.filters) {
    if (entry->name == type) return entry;
  }
  return nullptr;
}

Made makeFilter(const plan::Extension& extension, DecodeContext& context, NamedFilter& out) {
  const FilterEntry* entry = findEntry(extension.type, context);
  if (entry == nullptr) return "no native HTTP filter '" + extension.type + "'";
  auto factory = entry->make(bytesOf(extension.plan), context);
  if (!factory.ok()) return "filter '" + extension.name + "': " + factory.error();
  out = {extension.name, entry->name, std::move(factory.value()), extension.disabled};
  return {};
}

/** The codec that ends such a list is always there, and no filter. */
Made makeUpstreamFilters(const std::vector<plan::Extension>& plans, DecodeContext& context, FilterList& out) {
  for (const plan::Extension& extension : plans) {
    if (extension.type == kUpstreamCodec) continue;
    NamedFilter& filter = out.filters.emplace_back();
    if (extension.config_slot) {
      out.discovers = true;
      filter = {extension.name, {}, nullptr, extension.disabled, extension.config_slot};
    } else if (auto error = makeFilter(extension, context, filter)) {
      return error;
    }
  }
  return {};
}

Made makeFilters(const std::vector<plan::Extension>& plans, DecodeContext& context, FilterList& out) {
  for (const plan::Extension& extension : plans) {
    if (extension.config_slot) {
      out.discovers = true;
      if (&extension == &plans.back()) {
        out.router_slot = extension.config_slot;
      } else {
        out.filters.push_back({extension.name, {}, nullptr, extension.disabled, extension.config_slot});
      }
    } else if (extension.type == kRouter) {
      if (auto error = makeRouter(extension, context, out.router)) return error;
    } else if (auto error = makeFilter(extension, context, out.filters.emplace_back())) {
      return error;
    }
  }
  return {};
}

Made makeUpgrades(ManagerConfig& config, DecodeContext& context) {
  for (const plan::UpgradeConfig& upgrade : config.plan.upgrades) {
    config.upgrades.push_back({upgrade.type, upgrade.enabled, upgrade.connect, upgrade.connect_allow_post});
    auto& filters = config.upgrade_filters.emplace_back();
    if (upgrade.filters.empty()) continue;
    auto list = std::make_unique<FilterList>();
    if (auto error = makeFilters(upgrade.filters, context, *list)) return error;
    filters = std::move(list);
  }
  return {};
}

Made makeMapper(const plan::LocalReplyMapper& plan, ManagerConfig& config) {
  auto filter = access_log::Filter::make(plan.filter.value_or(plan::AccessLogFilter{}));
  if (!filter.ok()) return std::move(filter.error());
  auto headers = http::HeaderMutations::make(plan.headers);
  if (!headers.ok()) return std::move(headers.error());
  LocalReplyMapper mapper{std::move(filter.value()), plan.status_code, plan.body, {}, std::move(headers.value())};
  if (plan.body_format) {
    auto format = http::BodyFormatter::make(*plan.body_format);
    if (!format.ok()) return std::move(format.error().message);
    mapper.format = std::move(format.value());
  }
  config.mappers.push_back(std::move(mapper));
  return {};
}

Made makeLocalReplies(ManagerConfig& config) {
  for (const auto& plan : config.plan.local_reply_mappers) {
    if (auto error = makeMapper(plan, config)) return error;
  }
  if (!config.plan.local_reply_format) return {};
  auto format = http::BodyFormatter::make(*config.plan.local_reply_format);
  if (!format.ok()) return std::move(format.error().message);
  config.local_reply_format = std::move(format.value());
  return {};
}

Made makeInternalRanges(ManagerConfig& config) {
  for (const plan::CidrRange& range : config.plan.internal_cidrs) {
    IpRange out{{}, range.prefix_len};
    if (!net::Address::parseIp(range.ip, 0, out.network)) return "'" + range.ip + "' is not an IP address";
    config.internal_ranges.push_back(out);
  }
  return {};
}

}  // namespace

std::optional<std::string> makeHttpFilter(const plan::Extension& plan, DecodeContext& context, ExtensionConfigPart& out) {
  if (plan.type == kRouter) return makeRouter(plan, context, out.router.emplace());
  return makeFilter(plan, context, out.filter);
}

base::Result<RouteSettingsPtr, std::string> makeRouteSettings(const plan::Extension& plan, DecodeContext& context) {
  if (plan.type.empty()) return RouteSettingsPtr();
  const FilterEntry* entry = findEntry(plan.type, context);
  if (entry == nullptr || entry->makeRoute == nullptr) return "no settings for routes of native HTTP filter '" + plan.type + "'";
  return entry->makeRoute(bytesOf(plan.plan), context);
}

base::Result<std::shared_ptr<const upstream::ClusterFilters>, std::string> makeClusterFilters(
    const std::vector<plan::Extension>& plans, DecodeContext& context) {
  auto filters = std::make_shared<ClusterFilterList>();
  if (auto error = makeUpstreamFilters(plans, context, filters->list)) return *error;
  return std::shared_ptr<const upstream::ClusterFilters>(std::move(filters));
}

base::Result<LoggerList, std::string> makeLoggers(const std::vector<plan::AccessLog>& plans, access_log::FileWriters& writers) {
  LoggerList loggers;
  for (const plan::AccessLog& plan : plans) {
    auto logger = access_log::Logger::make(plan, writers);
    if (!logger.ok()) return std::move(logger.error());
    loggers.push_back(std::move(logger.value()));
  }
  return loggers;
}

base::Result<std::unique_ptr<const ManagerConfig>, std::string> ManagerConfig::make(std::span<const uint8_t> bytes,
                                                                                   DecodeContext& context) {
  auto config = std::make_unique<ManagerConfig>();
  plan::HttpConnectionManager& plan = config->plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the HTTP connection manager");
  config->common = plan.common.value_or(plan::HttpCommonOptions{});
  config->client_cert_details = ClientCertificateDetails(plan.client_cert_details);
  config->path_rules = {static_cast<http::EscapedSlashes>(plan.escaped_slashes), plan.normalize_path, plan.merge_slashes};
  auto loggers = makeLoggers(plan.access_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  config->access_logs = std::move(loggers.value());
  if (auto error = makeFilters(plan.http_filters, context, config->filters)) return *error;
  if (auto error = makeUpgrades(*config, context)) return *error;
  if (auto error = makeLocalReplies(*config)) return *error;
  if (auto error = makeInternalRanges(*config)) return *error;
  auto detections = IpDetections::make(plan.ip_detections);
  if (!detections.ok()) return std::move(detections.error());
  config->ip_detections = std::move(detections.value());
  auto early = http::HeaderMutations::make(plan.early_mutations, http::MessageSide::kRequest);
  if (!early.ok()) return std::move(early.error());
  config->early_mutations = std::move(early.value());
  if (plan.tracing) {
    auto tracing = TracingConfig::make(*plan.tracing);
    if (!tracing.ok()) return std::move(tracing.error());
    config->tracing = std::move(tracing.value());
  }
  if (plan.scoped_routes) config->scope_key.emplace(plan.scoped_routes->fragments);
  return std::unique_ptr<const ManagerConfig>(std::move(config));
}

bool ManagerConfig::isInternal(const net::Address& address) const {
  if (address.family() == net::Address::Family::kUnix) return plan.internal_unix_sockets;
  for (const IpRange& range : internal_ranges) {
    if (address.within(range.network, range.prefix_len)) return true;
  }
  return false;
}

}  // namespace nuncio::http_proxy
