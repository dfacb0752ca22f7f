// What becomes of request headers with an underscore in their name (headers_with_underscores_action). Any thread.
#pragma once

#include <cstdint>

namespace nuncio::http {

enum class Underscores : uint8_t { kAllow, kRejectRequest, kDropHeader };

}  // namespace nuncio::http
