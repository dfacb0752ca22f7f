// NetworkFilterEntry: a native network filter's one exported symbol: its Envoy name and how it is made from plan bytes.
// The table of them is generated (native/generated/network_filters.inc).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http_proxy/manager_config.h"
#include "tcp/network_filter.h"
#include "tcp/read_filter.h"

namespace nuncio::tcp {

struct NetworkFilterEntry {
  std::string_view name;
  /** A terminal filter; null: it is none. */
  base::Result<NetworkFilterFactoryPtr, std::string> (*make)(std::span<const uint8_t> plan, http_proxy::DecodeContext& context);
  /** A filter before the terminal one; null: it is none. */
  base::Result<ReadFilterFactoryPtr, std::string> (*make_reader)(std::span<const uint8_t> plan,
                                                                 http_proxy::DecodeContext& context) = nullptr;
};

}  // namespace nuncio::tcp
