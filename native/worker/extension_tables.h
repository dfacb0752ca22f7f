// The native filters compiled in, as the generated tables list them.
#pragma once

#include <span>

#include "http_proxy/filter.h"
#include "http_proxy/listener_filter_entry.h"
#include "http_proxy/network_filter_entry.h"

namespace nuncio {

std::span<const http_proxy::FilterEntry* const> httpFilters();
std::span<const tcp::NetworkFilterEntry* const> networkFilters();
std::span<const tcp::ListenerFilterEntry* const> listenerFilters();

}  // namespace nuncio
