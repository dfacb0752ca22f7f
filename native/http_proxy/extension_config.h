// ExtensionConfigPart: the configuration of a filter that came by extension config discovery (ECDS), as the snapshot carries
// it: made ready like those in a listener's plan, immutable, shared by all workers. A filter chain refers to its slot, so
// that a new configuration changes this leaf and no listener; a stream or connection keeps the one it began with.
#pragma once

#include <optional>

#include "http_proxy/manager_config.h"
#include "snapshot/snapshot.h"
#include "tcp/listener_filter.h"
#include "tcp/network_filter.h"
#include "tcp/read_filter.h"

namespace nuncio::http_proxy {

struct ExtensionConfigPart final : snapshot::Part {
  // of an HTTP filter; the router has settings instead of a factory
  NamedFilter filter;
  std::optional<RouterConfig> router;
  // of a network filter: whichever of the two it can be
  tcp::NetworkFilterFactoryPtr terminal;
  tcp::ReadFilterFactoryPtr reader;
  tcp::ListenerFilterFactoryPtr listener_filter;
};

/** One filter of a list from its plan. An error, or nothing. */
std::optional<std::string> makeHttpFilter(const plan::Extension& plan, DecodeContext& context, ExtensionConfigPart& out);

}  // namespace nuncio::http_proxy
