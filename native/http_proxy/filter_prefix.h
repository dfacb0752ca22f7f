// The beginning of the names of a filter's statistics, by where it stands. Worker thread.
#pragma once

#include <string>

#include "http_proxy/filter.h"

namespace nuncio::http_proxy {

/** "http.<stat_prefix>." of its connection manager, or "cluster.<name>." for an upstream filter of a cluster. */
inline std::string statPrefix(const FilterSite& site) {
  if (site.listener == nullptr) return std::string(site.stat_prefix);
  return "http." + std::string(site.stat_prefix) + ".";
}

}  // namespace nuncio::http_proxy
