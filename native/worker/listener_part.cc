#include "worker/listener_part.h"

#include <utility>

#include "http_proxy/manager_runtime.h"
#include "worker/extension_tables.h"

namespace nuncio {
namespace {

constexpr std::string_view kConnectionManager = "envoy.filters.network.http_connection_manager";

std::span<const uint8_t> bytesOf(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

base::Result<tcp::NetworkFilterFactoryPtr, std::string> makeFilter(const plan::Extension& extension,
                                                                   http_proxy::DecodeContext& context) {
  if (extension.type == kConnectionManager) {
    auto config = http_proxy::ManagerConfig::make(bytesOf(extension.plan), context);
    if (!config.ok()) return std::move(config.error());
    return tcp::NetworkFilterFactoryPtr(std::make_unique<http_proxy::ManagerFactory>(std::move(config.value())));
  }
  for (const tcp::NetworkFilterEntry* entry : networkFilters()) {
    if (entry->name == extension.type) return entry->make(bytesOf(extension.plan), context);
  }
  return "no native network filter '" + extension.type + "'";
}

base::Result<FilterChainPart, std::string> makeChain(const plan::FilterChain& plan, http_proxy::DecodeContext& context) {
  if (plan.filters.empty()) return FilterChainPart{plan.name, nullptr};
  if (plan.filters.size() != 1) return "filter chain '" + plan.name + "': exactly one network filter is carried out for now";
  auto filter = makeFilter(plan.filters[0], context);
  if (!filter.ok()) return std::move(filter.error());
  return FilterChainPart{plan.name, std::move(filter.value())};
}

}  // namespace

base::Result<snapshot::PartPtr, std::string> decodeListener(std::string_view name, std::span<const uint8_t> bytes,
                                                            http_proxy::DecodeContext& context) {
  auto part = std::make_shared<ListenerPart>();
  if (!plan::decode(bytes, part->plan)) return "malformed listener plan '" + std::string(name) + "'";
  auto matcher = net::FilterChainMatcher::make(part->plan.filter_chains);
  if (!matcher.ok()) return std::move(matcher.error());
  part->matcher = std::move(matcher.value());
  for (const plan::FilterChain& plan : part->plan.filter_chains) {
    auto chain = makeChain(plan, context);
    if (!chain.ok()) return std::move(chain.error());
    part->chains.push_back(std::move(chain.value()));
  }
  if (part->plan.default_filter_chain) {
    auto chain = makeChain(*part->plan.default_filter_chain, context);
    if (!chain.ok()) return std::move(chain.error());
    part->default_chain = std::move(chain.value());
  }
  auto loggers = http_proxy::makeLoggers(part->plan.access_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  part->access_logs = std::move(loggers.value());
  return snapshot::PartPtr(std::move(part));
}

}  // namespace nuncio
