// ListenerFilterEntry: a native listener filter's one exported symbol: its Envoy name and how it is made from plan bytes.
// The table of them is generated (native/generated/listener_filters.inc).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http_proxy/manager_config.h"
#include "tcp/listener_filter.h"

namespace nuncio::tcp {

struct ListenerFilterEntry {
  std::string_view name;
  base::Result<ListenerFilterFactoryPtr, std::string> (*make)(std::span<const uint8_t> plan, http_proxy::DecodeContext& context);
};

}  // namespace nuncio::tcp
