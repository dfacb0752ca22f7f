// A chain of network filters of which some come by extension config discovery (ECDS): made of what the snapshot has when a
// connection comes, kept by the connections that were made of it. A connection that finds a configuration missing is closed.
#pragma once

#include <optional>
#include <vector>

#include "tcp/network_filter.h"
#include "tcp/read_filter.h"

namespace nuncio {

/** A filter of such a chain; the last is the terminal one. */
struct DiscoveredPlace {
  std::optional<uint32_t> slot;          // of kind extension-config; else one of:
  tcp::ReadFilterFactoryPtr reader;
  tcp::NetworkFilterFactoryPtr terminal;
};

tcp::NetworkFilterFactoryPtr makeDiscoveredChain(std::vector<DiscoveredPlace> places);

}  // namespace nuncio
