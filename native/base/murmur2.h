// MurmurHash2, 64 bits, as std::hash of libstdc++ uses it: the other hash a ring can be made with; equal inputs must lead
// to the same places as in Envoy. Little-endian machines only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nuncio::base {

inline constexpr uint64_t kMurmurSeed = 0xc70f6907;

inline uint64_t murmurHash2(std::string_view text, uint64_t seed = kMurmurSeed) {
  constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  const auto mix = [](uint64_t word) { return word ^ (word >> 47); };
  const size_t whole = text.size() & ~size_t{7};
  uint64_t hash = seed ^ (text.size() * kMultiplier);
  for (size_t at = 0; at < whole; at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof(word));
    hash = (hash ^ (mix(word * kMultiplier) * kMultiplier)) * kMultiplier;
  }
  if (whole != text.size()) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + whole, text.size() - whole);
    hash = (hash ^ word) * kMultiplier;
  }
  return mix(mix(hash) * kMultiplier);
}

}  // namespace nuncio::base
