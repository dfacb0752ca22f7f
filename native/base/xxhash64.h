// xxHash64 with seed 0: the hash of Envoy's hash policies, ring hash and Maglev tables; equal inputs must lead to the same
// hosts as there. Little-endian machines only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nuncio::base {

namespace xxh {
inline constexpr uint64_t kPrime1 = 0x9e3779b185ebca87;
inline constexpr uint64_t kPrime2 = 0xc2b2ae3d27d4eb4f;
inline constexpr uint64_t kPrime3 = 0x165667b19e3779f9;
inline constexpr uint64_t kPrime4 = 0x85ebca77c2b2ae63;
inline constexpr uint64_t kPrime5 = 0x27d4eb2f165667c5;

inline uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
template <class Int>
Int read(const char* at) {
  Int value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
inline uint64_t round(uint64_t lane, uint64_t input) { return rotate(lane + input * kPrime2, 31) * kPrime1; }
inline uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ round(0, lane)) * kPrime1 + kPrime4; }
}  // namespace xxh

inline uint64_t xxHash64(std::string_view text, uint64_t seed = 0) {
  using namespace xxh;
  const char* at = text.data();
  const char* const end = at + text.size();
  uint64_t hash = seed + kPrime5;
  if (text.size() >= 32) {
    uint64_t lanes[4] = {seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1};
    for (; end - at >= 32; at += 32) {
      for (int i = 0; i < 4; ++i) lanes[i] = round(lanes[i], read<uint64_t>(at + 8 * i));
    }
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (const uint64_t lane : lanes) hash = merge(hash, lane);
  }
  hash += text.size();
  for (; end - at >= 8; at += 8) hash = rotate(hash ^ round(0, read<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    hash = rotate(hash ^ (read<uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at) hash = rotate(hash ^ (static_cast<unsigned char>(*at) * kPrime5), 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace nuncio::base
