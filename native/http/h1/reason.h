// Reason phrases of status lines, Envoy's list. Constants; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::http::h1 {

/** "OK" for 200; "Unknown" for what Envoy has no words for. */
std::string_view reasonPhrase(uint32_t status);

}  // namespace nuncio::http::h1
