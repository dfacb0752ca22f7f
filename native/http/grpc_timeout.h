// The grpc-timeout header: up to eight digits and a unit (gRPC over HTTP/2 spec), in milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/ascii.h"

namespace nuncio::http {

/** Null: no header, or none that can be read. Parts of a millisecond count as a whole one. */
inline std::optional<uint64_t> grpcTimeoutMs(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto number = base::parseDecimal<uint32_t>(text.substr(0, text.size() - 1));
  if (!number) return std::nullopt;
  const uint64_t n = *number;
  switch (text.back()) {
    case 'H': return n * 3'600'000;
    case 'M': return n * 60'000;
    case 'S': return n * 1000;
    case 'm': return n;
    case 'u': return (n + 999) / 1000;
    case 'n': return (n + 999'999) / 1'000'000;
    default: return std::nullopt;
  }
}

/** The finest unit that keeps within eight digits. */
inline std::string_view grpcTimeoutText(base::Arena& arena, uint64_t ms) {
  constexpr uint64_t kMost = 99'999'999;
  constexpr struct {
    uint64_t next;
    std::string_view name;
  } kUnits[] = {{1000, "m"}, {60, "S"}, {60, "M"}, {1, "H"}};
  size_t unit = 0;
  for (; unit < 3 && ms > kMost; ++unit) ms /= kUnits[unit].next;
  char text[20];
  const char* end = base::writeDecimal(text, ms);
  return arena.concat(std::string_view(text, static_cast<size_t>(end - text)), kUnits[unit].name);
}

}  // namespace nuncio::http
