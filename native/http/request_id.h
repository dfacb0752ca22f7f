// Request ids: random UUIDs of version 4 (RFC 9562 §5.4) as text.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/random.h"

namespace nuncio::http {

inline constexpr size_t kUuidLength = 36;

/** Eight lower-case digits in the order of memory, the highest first. */
inline uint64_t hexDigits(uint32_t value) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t spread = value;  // a nibble in each byte
  spread = (spread | spread << 16) & 0x0000ffff0000ffff;
  spread = (spread | spread << 8) & 0x00ff00ff00ff00ff;
  spread = (spread | spread << 4) & 0x0f0f0f0f0f0f0f0f;
  spread = __builtin_bswap64(spread);
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t letters = (spread + 6 * kOnes) >> 4 & kOnes;
  return spread + '0' * kOnes + letters * ('a' - '9' - 1);
}

/** Writes exactly kUuidLength characters. */
inline void writeUuid(char* out, base::Random& random) {
  uint64_t bits[2] = {random.next(), random.next()};
  bits[0] = (bits[0] & ~0xf000ull) | 0x4000ull;                            // version 4
  bits[1] = (bits[1] & 0x3fffffffffffffffull) | 0x8000000000000000ull;     // variant 10
  const uint64_t digits[4] = {hexDigits(static_cast<uint32_t>(bits[0] >> 32)), hexDigits(static_cast<uint32_t>(bits[0])),
                              hexDigits(static_cast<uint32_t>(bits[1] >> 32)), hexDigits(static_cast<uint32_t>(bits[1]))};
  const char* const text = reinterpret_cast<const char*>(digits);
  std::memcpy(out, text, 8);
  std::memcpy(out + 9, text + 8, 4);
  std::memcpy(out + 14, text + 12, 4);
  std::memcpy(out + 19, text + 16, 4);
  std::memcpy(out + 24, text + 20, 12);
  out[8] = out[13] = out[18] = out[23] = '-';
}

/** The first eight hexadecimal digits of a request id as a number, which samples requests; none when it has no such digits. */
inline std::optional<uint64_t> requestIdNumber(std::string_view id) {
  if (id.size() < 8) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + 8, value, 16);
  if (error != std::errc() || end != id.data() + 8) return std::nullopt;
  return value;
}

/** The digit of a UUID that says why a request is traced, in place of the version's. */
inline constexpr size_t kTraceDigit = 14;
inline constexpr char kTraceDigits[] = {'4', '9', 'a', 'b'};  // by TraceReason

}  // namespace nuncio::http
