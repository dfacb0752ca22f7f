#include "worker/listener_part.h"

#include <algorithm>
#include <utility>

#include "http_proxy/extension_config.h"
#include "http_proxy/manager_runtime.h"
#include "tcp/network_filter_chain.h"
#include "worker/discovered_network_filter.h"
#include "worker/extension_tables.h"

namespace nuncio {
namespace {

constexpr std::string_view kRawBuffer = "envoy.transport_sockets.raw_buffer";
constexpr std::string_view kTls = "envoy.transport_sockets.tls";
constexpr std::string_view kConnectionManager = "envoy.filters.network.http_connection_manager";

std::span<const uint8_t> bytesOf(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

const tcp::NetworkFilterEntry* findNetworkFilter(std::string_view type) {
  for (const tcp::NetworkFilterEntry* entry : networkFilters()) {
    if (entry->name == type) return entry;
  }
  return nullptr;
}

base::Result<tcp::NetworkFilterFactoryPtr, std::string> makeFilter(const plan::Extension& extension,
                                                                   http_proxy::DecodeContext& context) {
  if (extension.type == kConnectionManager) {
    auto config = http_proxy::ManagerConfig::make(bytesOf(extension.plan), context);
    if (!config.ok()) return std::move(config.error());
    return tcp::NetworkFilterFactoryPtr(std::make_unique<http_proxy::ManagerFactory>(std::move(config.value())));
  }
  const tcp::NetworkFilterEntry* entry = findNetworkFilter(extension.type);
  if (entry != nullptr && entry->make != nullptr) return entry->make(bytesOf(extension.plan), context);
  return "no native network filter '" + extension.type + "' that can end a chain";
}

base::Result<tcp::ReadFilterFactoryPtr, std::string> makeReader(const plan::Extension& extension,
                                                                http_proxy::DecodeContext& context) {
  const tcp::NetworkFilterEntry* entry = findNetworkFilter(extension.type);
  if (entry != nullptr && entry->make_reader != nullptr) return entry->make_reader(bytesOf(extension.plan), context);
  return "no native network filter '" + extension.type + "' that can stand before another";
}

/** Null: the chain's connections are clear text. */
base::Result<tls::DownstreamConfigPtr, std::string> makeTls(const plan::FilterChain& plan) {
  if (!plan.transport_socket || plan.transport_socket->type == kRawBuffer) return tls::DownstreamConfigPtr();
  if (plan.transport_socket->type != kTls) return "no native transport socket '" + plan.transport_socket->type + "'";
  return tls::DownstreamConfig::make(bytesOf(plan.transport_socket->plan));
}

base::Result<tcp::NetworkFilterFactoryPtr, std::string> makeDiscoveredFilters(const plan::FilterChain& plan,
                                                                               http_proxy::DecodeContext& context) {
  std::vector<DiscoveredPlace> places;
  for (const plan::Extension& filter : plan.filters) {
    DiscoveredPlace& place = places.emplace_back();
    place.slot = filter.config_slot;
    if (place.slot) continue;
    if (&filter == &plan.filters.back()) {
      auto terminal = makeFilter(filter, context);
      if (!terminal.ok()) return std::move(terminal.error());
      place.terminal = std::move(terminal.value());
    } else {
      auto reader = makeReader(filter, context);
      if (!reader.ok()) return std::move(reader.error());
      place.reader = std::move(reader.value());
    }
  }
  return makeDiscoveredChain(std::move(places));
}

base::Result<FilterChainPart, std::string> makeChain(const plan::FilterChain& plan, http_proxy::DecodeContext& context) {
  auto tls = makeTls(plan);
  if (!tls.ok()) return std::move(tls.error());
  FilterChainPart part{plan.name, plan.id, std::move(tls.value()), plan.transport_socket_connect_timeout_ms, nullptr, plan.metadata_json};
  if (plan.filters.empty()) return part;
  const auto discovered = [](const plan::Extension& filter) { return filter.config_slot.has_value(); };
  if (std::any_of(plan.filters.begin(), plan.filters.end(), discovered)) {
    auto chain = makeDiscoveredFilters(plan, context);
    if (!chain.ok()) return std::move(chain.error());
    part.filter = std::move(chain.value());
    return part;
  }
  auto filter = makeFilter(plan.filters.back(), context);
  if (!filter.ok()) return std::move(filter.error());
  part.filter = std::move(filter.value());
  if (plan.filters.size() == 1) return part;
  tcp::ChainFactories chain;
  chain.terminal = std::move(part.filter);
  for (size_t i = 0; i + 1 < plan.filters.size(); ++i) {
    auto reader = makeReader(plan.filters[i], context);
    if (!reader.ok()) return std::move(reader.error());
    chain.readers.push_back(std::move(reader.value()));
  }
  part.filter = tcp::makeChainFactory(std::move(chain));
  return part;
}

base::Result<tcp::ListenerFilterFactoryPtr, std::string> makeListenerFilter(const plan::Extension& extension,
                                                                            http_proxy::DecodeContext& context) {
  for (const tcp::ListenerFilterEntry* entry : listenerFilters()) {
    if (entry->name == extension.type) return entry->make(bytesOf(extension.plan), context);
  }
  return "no native listener filter '" + extension.type + "'";
}

base::Result<ListenerFilterPart, std::string> makeListenerFilterPart(const plan::ListenerFilter& plan,
                                                                     http_proxy::DecodeContext& context) {
  if (!plan.filter) return std::string("a listener filter without a type");
  ListenerFilterPart part{plan.filter->name, nullptr, plan.disabled ? &*plan.disabled : nullptr, plan.filter->config_slot};
  if (part.config_slot) return part;
  auto factory = makeListenerFilter(*plan.filter, context);
  if (!factory.ok()) return std::move(factory.error());
  part.factory = std::move(factory.value());
  return part;
}

std::optional<std::string> makeNetworkFilter(const plan::Extension& extension, http_proxy::DecodeContext& context,
                                             http_proxy::ExtensionConfigPart& out) {
  const tcp::NetworkFilterEntry* entry = findNetworkFilter(extension.type);
  if (entry != nullptr && entry->make_reader != nullptr) {
    auto reader = makeReader(extension, context);
    if (!reader.ok()) return std::move(reader.error());
    out.reader = std::move(reader.value());
    if (entry->make == nullptr) return {};
  }
  auto terminal = makeFilter(extension, context);
  if (!terminal.ok()) return std::move(terminal.error());
  out.terminal = std::move(terminal.value());
  return {};
}

}  // namespace

bool holds(const plan::ListenerFilterPredicate& predicate, const net::Address& local) {
  using Kind = plan::ListenerFilterPredicate::Kind;
  const auto child = [&](const plan::ListenerFilterPredicate& of) { return holds(of, local); };
  const auto& children = predicate.children;
  switch (predicate.kind) {
    case Kind::ANY: return true;
    case Kind::DESTINATION_PORT: return local.isIp() && local.port() >= predicate.start && local.port() < predicate.end;
    case Kind::NOT: return !children.empty() && !child(children.front());
    case Kind::AND: return std::all_of(children.begin(), children.end(), child);
    case Kind::OR: return std::any_of(children.begin(), children.end(), child);
  }
  return false;
}

base::Result<snapshot::PartPtr, std::string> decodeExtensionConfig(std::string_view name, std::span<const uint8_t> bytes,
                                                                   http_proxy::DecodeContext& context) {
  using Category = plan::ExtensionConfig::Category;
  plan::ExtensionConfig plan;
  if (!plan::decode(bytes, plan) || !plan.extension) return "malformed extension config plan '" + std::string(name) + "'";
  auto part = std::make_shared<http_proxy::ExtensionConfigPart>();
  std::optional<std::string> error;
  switch (plan.category) {
    case Category::HTTP_FILTER: error = http_proxy::makeHttpFilter(*plan.extension, context, *part); break;
    case Category::NETWORK_FILTER: error = makeNetworkFilter(*plan.extension, context, *part); break;
    case Category::LISTENER_FILTER: {
      auto factory = makeListenerFilter(*plan.extension, context);
      if (!factory.ok()) return std::move(factory.error());
      part->listener_filter = std::move(factory.value());
    }
  }
  if (error) return std::move(*error);
  return snapshot::PartPtr(std::move(part));
}

base::Result<snapshot::PartPtr, std::string> decodeListener(std::string_view name, std::span<const uint8_t> bytes,
                                                            http_proxy::DecodeContext& context) {
  auto part = std::make_shared<ListenerPart>();
  if (!plan::decode(bytes, part->plan)) return "malformed listener plan '" + std::string(name) + "'";
  auto matcher = net::FilterChainMatcher::make(part->plan.filter_chains);
  if (!matcher.ok()) return std::move(matcher.error());
  part->matcher = std::move(matcher.value());
  if (part->plan.chain_matcher) {
    auto tree = http::MatchTree::make(*part->plan.chain_matcher);
    if (!tree.ok()) return std::move(tree.error());
    part->chain_tree.emplace(std::move(tree.value()));
  }
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
  for (const plan::ListenerFilter& plan : part->plan.listener_filters) {
    auto filter = makeListenerFilterPart(plan, context);
    if (!filter.ok()) return std::move(filter.error());
    part->listener_filters.push_back(std::move(filter.value()));
  }
  auto loggers = http_proxy::makeLoggers(part->plan.access_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  part->access_logs = std::move(loggers.value());
  return snapshot::PartPtr(std::move(part));
}

}  // namespace nuncio
