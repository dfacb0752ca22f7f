// Request ids: random UUIDs of version 4 (RFC 9562 §5.4) as text.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace nuncio::http {

inline constexpr size_t kUuidLength = 36;

/** Writes exactly kUuidLength characters. */
inline void writeUuid(char* out, base::Random& random) {
  static constexpr char kHex[] = "0123456789abcdef";
  uint64_t bits[2] = {random.next(), random.next()};
  bits[0] = (bits[0] & ~0xf000ull) | 0x4000ull;                            // version 4
  bits[1] = (bits[1] & 0x3fffffffffffffffull) | 0x8000000000000000ull;     // variant 10
  int position = 0;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out[position++] = '-';
    out[position++] = kHex[(bits[i / 16] >> (60 - 4 * (i % 16))) & 15];
  }
}

}  // namespace nuncio::http
