#include "http/h2/huffman.h"

#include <array>
#include <cstring>

namespace nuncio::http::h2 {
namespace {

// The code is canonical: its lengths say all. One for each byte, then the one of EOS.
constexpr int kSymbols = 257;
constexpr int kEos = 256;
constexpr int kMaxBits = 30;
constexpr uint8_t kLengths[kSymbols] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10,
    13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30};

/** Codes in the order of their value; where each length begins, as first code (left-aligned) and position in that order. */
struct Code {
  std::array<uint32_t, kSymbols> bits{};
  std::array<uint16_t, kSymbols> ordered{};
  std::array<uint64_t, kMaxBits + 2> first{};      // of each length, left-aligned in 32 bits
  std::array<uint16_t, kMaxBits + 2> position{};
};

constexpr Code makeCode() {
  Code code;
  uint32_t next = 0;
  uint16_t count = 0;
  for (int length = 1; length <= kMaxBits; ++length) {
    next <<= 1;
    code.first[length] = static_cast<uint64_t>(next) << (32 - length);
    code.position[length] = count;
    for (int symbol = 0; symbol < kSymbols; ++symbol) {
      if (kLengths[symbol] != length) continue;
      code.bits[symbol] = next++;
      code.ordered[count++] = static_cast<uint16_t>(symbol);
    }
  }
  code.first[kMaxBits + 1] = uint64_t{1} << 32;
  code.position[kMaxBits + 1] = count;
  return code;
}
constexpr Code kCode = makeCode();

// What the next bits say: up to two symbols at once. `total` 0: the code is longer than the index.
constexpr int kIndexBits = 11;
struct Step {
  uint8_t symbols[2];
  uint8_t total;
  uint8_t first;    // bits of the first symbol; equal to `total` when there is one only
};
constexpr std::array<Step, 1 << kIndexBits> makeSteps() {
  std::array<Step, 1 << kIndexBits> steps{};
  for (int symbol = 0; symbol < 256; ++symbol) {
    const int length = kLengths[symbol];
    if (length > kIndexBits) continue;
    const uint32_t from = kCode.bits[symbol] << (kIndexBits - length);
    const auto bits = static_cast<uint8_t>(length);
    for (uint32_t i = 0; i < (1u << (kIndexBits - length)); ++i) steps[from + i] = {{static_cast<uint8_t>(symbol), 0}, bits, bits};
    const int left = kIndexBits - length;
    for (int second = 0; second < 256 && left >= 5; ++second) {
      const int more = kLengths[second];
      if (more > left) continue;
      const uint32_t at = from + (kCode.bits[second] << (left - more));
      for (uint32_t i = 0; i < (1u << (left - more)); ++i) {
        steps[at + i] = {{static_cast<uint8_t>(symbol), static_cast<uint8_t>(second)}, static_cast<uint8_t>(length + more), bits};
      }
    }
  }
  return steps;
}
constexpr std::array<Step, 1 << kIndexBits> kSteps = makeSteps();

/** A code longer than the index, in the upper bits of `window`. EOS is no symbol: -1. */
int longSymbol(uint32_t window, int& length) {
  length = kIndexBits + 1;
  while (window >= kCode.first[length + 1]) ++length;
  const size_t at = kCode.position[length] + static_cast<size_t>((window - kCode.first[length]) >> (32 - length));
  return kCode.ordered[at] == kEos ? -1 : kCode.ordered[at];
}

}  // namespace

size_t huffmanSize(std::string_view text) {
  size_t bits = 0;
  for (const char c : text) bits += kLengths[static_cast<unsigned char>(c)];
  return (bits + 7) / 8;
}

char* huffmanEncode(std::string_view text, char* out) {
  uint64_t held = 0;    // `count` bits, in the lower end
  int count = 0;
  for (const char c : text) {
    const auto symbol = static_cast<unsigned char>(c);
    held = (held << kLengths[symbol]) | kCode.bits[symbol];
    count += kLengths[symbol];
    if (count >= 32) {
      count -= 32;
      const uint32_t word = __builtin_bswap32(static_cast<uint32_t>(held >> count));
      std::memcpy(out, &word, 4);
      out += 4;
    }
  }
  for (; count >= 8; count -= 8) *out++ = static_cast<char>(held >> (count - 8));
  if (count > 0) *out++ = static_cast<char>((held << (8 - count)) | (0xffu >> count));
  return out;
}

char* huffmanDecode(std::string_view coded, char* out) {
  const char* at = coded.data();
  const char* const end = at + coded.size();
  uint64_t held = 0;    // `count` bits at the upper end, ones behind them
  int count = 0;
  for (;;) {
    if (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, 8);
      held |= __builtin_bswap64(word) >> count;
      const int bytes = (63 - count) / 8;
      at += bytes;
      count += bytes * 8;
      held &= ~uint64_t{0} << (64 - count);
    } else {
      while (count <= 56 && at < end) {
        held |= static_cast<uint64_t>(static_cast<unsigned char>(*at++)) << (56 - count);
        count += 8;
      }
    }
    if (at == end && count < 2 * kMaxBits) break;
    while (count >= kMaxBits) {
      const Step& step = kSteps[held >> (64 - kIndexBits)];
      if (step.total != 0) [[likely]] {
        std::memcpy(out, step.symbols, 2);
        out += step.total == step.first ? 1 : 2;
        held <<= step.total;
        count -= step.total;
      } else {
        int length;
        const int symbol = longSymbol(static_cast<uint32_t>(held >> 32), length);
        if (symbol < 0) return nullptr;
        *out++ = static_cast<char>(symbol);
        held <<= length;
        count -= length;
      }
    }
  }
  while (count > 0) {
    const uint64_t window = count == 64 ? held : held | (~uint64_t{0} >> count);
    const Step& step = kSteps[window >> (64 - kIndexBits)];
    int length = step.total != 0 ? step.first : 0;
    int symbol = step.symbols[0];
    if (length == 0) symbol = longSymbol(static_cast<uint32_t>(window >> 32), length);
    if (symbol < 0 || length > count) return count < 8 && window == ~uint64_t{0} ? out : nullptr;
    *out++ = static_cast<char>(symbol);
    held <<= length;
    count -= length;
  }
  return out;
}

}  // namespace nuncio::http::h2
