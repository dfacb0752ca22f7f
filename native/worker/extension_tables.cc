#include "worker/extension_tables.h"

#include <array>

namespace nuncio {

namespace ext {
#define NUNCIO_HTTP_FILTER(name) extern const http_proxy::FilterEntry name;
#include "generated/http_filters.inc"
#undef NUNCIO_HTTP_FILTER
#define NUNCIO_NETWORK_FILTER(name) \
  namespace network {               \
  extern const tcp::NetworkFilterEntry name; \
  }
#include "generated/network_filters.inc"
#undef NUNCIO_NETWORK_FILTER
#define NUNCIO_LISTENER_FILTER(name) \
  namespace listener {               \
  extern const tcp::ListenerFilterEntry name; \
  }
#include "generated/listener_filters.inc"
#undef NUNCIO_LISTENER_FILTER
}  // namespace ext

// Each table ends in a null that is not part of it, so that an empty list is a table too.
std::span<const http_proxy::FilterEntry* const> httpFilters() {
  static constexpr const http_proxy::FilterEntry* kTable[] = {
#define NUNCIO_HTTP_FILTER(name) &ext::name,
#include "generated/http_filters.inc"
#undef NUNCIO_HTTP_FILTER
      nullptr};
  return {kTable, std::size(kTable) - 1};
}

std::span<const tcp::NetworkFilterEntry* const> networkFilters() {
  static constexpr const tcp::NetworkFilterEntry* kTable[] = {
#define NUNCIO_NETWORK_FILTER(name) &ext::network::name,
#include "generated/network_filters.inc"
#undef NUNCIO_NETWORK_FILTER
      nullptr};
  return {kTable, std::size(kTable) - 1};
}

std::span<const tcp::ListenerFilterEntry* const> listenerFilters() {
  static constexpr const tcp::ListenerFilterEntry* kTable[] = {
#define NUNCIO_LISTENER_FILTER(name) &ext::listener::name,
#include "generated/listener_filters.inc"
#undef NUNCIO_LISTENER_FILTER
      nullptr};
  return {kTable, std::size(kTable) - 1};
}

}  // namespace nuncio
