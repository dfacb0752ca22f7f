// Base64 of RFC 4648 §4, with padding. Pure functions over caller's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nuncio::base {

constexpr size_t base64Size(size_t bytes) { return (bytes + 2) / 3 * 4; }

/** Writes base64Size(bytes.size()) characters and returns their end. */
inline char* encodeBase64(std::string_view bytes, char* out) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i = 0;
  const auto at = [&](size_t n) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[n])); };
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *out++ = kAlphabet[group >> 18];
    *out++ = kAlphabet[group >> 12 & 63];
    *out++ = kAlphabet[group >> 6 & 63];
    *out++ = kAlphabet[group & 63];
  }
  const size_t left = bytes.size() - i;
  if (left == 0) return out;
  const uint32_t group = at(i) << 16 | (left == 2 ? at(i + 1) << 8 : 0);
  *out++ = kAlphabet[group >> 18];
  *out++ = kAlphabet[group >> 12 & 63];
  *out++ = left == 2 ? kAlphabet[group >> 6 & 63] : '=';
  *out++ = '=';
  return out;
}

/** Decodes whole groups of four, each padded or not, into at most text.size() / 4 * 3 bytes. Null: not base64. */
inline std::optional<size_t> decodeBase64(std::string_view text, char* out) {
  const auto digit = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
  };
  if (text.size() % 4 != 0) return std::nullopt;
  char* const begin = out;
  for (size_t i = 0; i < text.size(); i += 4) {
    const int a = digit(text[i]), b = digit(text[i + 1]), c = digit(text[i + 2]), d = digit(text[i + 3]);
    if (a < 0 || b < 0) return std::nullopt;
    *out++ = static_cast<char>(a << 2 | b >> 4);
    if (c < 0) {
      if (text[i + 2] != '=' || text[i + 3] != '=' || (b & 15) != 0) return std::nullopt;
      continue;
    }
    *out++ = static_cast<char>((b & 15) << 4 | c >> 2);
    if (d < 0) {
      if (text[i + 3] != '=' || (c & 3) != 0) return std::nullopt;
      continue;
    }
    *out++ = static_cast<char>((c & 3) << 6 | d);
  }
  return static_cast<size_t>(out - begin);
}

}  // namespace nuncio::base
