// What HTTP status a grpc-status stands for (gRPC: "HTTP to gRPC status code mapping", and Envoy's table for the way back).
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

#include "base/ascii.h"

namespace nuncio::http {

/** 500 for what is no status. */
inline uint32_t httpStatusOf(std::string_view grpc_status) {
  static constexpr uint16_t kCodes[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
  const uint64_t code = base::parseDecimal(grpc_status).value_or(std::size(kCodes));
  return code < std::size(kCodes) ? kCodes[code] : 500;
}

}  // namespace nuncio::http
