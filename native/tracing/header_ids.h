// Ids as lower-case hexadecimal digits, as trace headers have them, and how these are set. No allocation.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/header_map.h"
#include "http/request_id.h"

namespace nuncio::tracing {

/** Writes 16 digits. */
inline char* writeHex(char* out, uint64_t value) {
  const uint64_t digits[2] = {http::hexDigits(static_cast<uint32_t>(value >> 32)), http::hexDigits(static_cast<uint32_t>(value))};
  std::memcpy(out, digits, 16);
  return out + 16;
}

inline std::string_view hexText(base::Arena& arena, uint64_t value) {
  char* out = arena.array<char>(16);
  writeHex(out, value);
  return {out, 16};
}

/** With the upper half where there is one, or where it is asked for. */
inline std::string_view traceIdText(base::Arena& arena, uint64_t high, uint64_t low, bool wide) {
  if (high == 0 && !wide) return hexText(arena, low);
  char* out = arena.array<char>(32);
  writeHex(writeHex(out, high), low);
  return {out, 32};
}

/** As Envoy sets a header it does not know well: what was there goes, and it stands at the end. */
inline void setLast(http::HeaderMap& headers, std::string_view name, std::string_view value) {
  headers.remove(name);
  headers.add(name, value);
}

/** The whole text as a number, as many digits of either case as fit. */
inline std::optional<uint64_t> parseHex(std::string_view text) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    const bool letter = lower >= 'a' && lower <= 'f';
    if (!letter && (c < '0' || c > '9')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(letter ? lower - 'a' + 10 : c - '0');
  }
  return value;
}

}  // namespace nuncio::tracing
