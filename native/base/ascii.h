// ASCII text as protocols use it: case, trimming, numbers. Locale-free, no allocation.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace nuncio::base {

constexpr char toLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr char toUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }
constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isAlpha(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

inline bool equalsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (toLower(a[i]) != toLower(b[i])) return false;
  }
  return true;
}

/** Removes spaces and tabs at both ends (OWS of RFC 9110 §5.6.3). */
inline std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/** The whole text as a decimal number; nothing else may stand in it. */
template <class Int = uint64_t>
std::optional<Int> parseDecimal(std::string_view text) {
  Int value = 0;
  if constexpr (std::is_unsigned_v<Int> && sizeof(Int) >= 4) {
    if (text.size() - 1 < 9) [[likely]] {  // cannot overflow
      for (const char c : text) {
        if (!isDigit(c)) return std::nullopt;
        value = value * 10 + static_cast<Int>(c - '0');
      }
      return value;
    }
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/** Writes a decimal number at `out` (at least 20 bytes) and returns the end. */
inline char* writeDecimal(char* out, uint64_t value) {
  if (value < 10) {
    *out = static_cast<char>('0' + value);
    return out + 1;
  }
  return std::to_chars(out, out + 20, value).ptr;
}

/** Calls `visit(item)` for every trimmed, non-empty item of a comma-separated list; stops when it returns false. */
template <class Visit>
void forEachToken(std::string_view list, Visit&& visit, char separator = ',') {
  while (!list.empty()) {
    const size_t cut = list.find(separator);
    const std::string_view item = trim(list.substr(0, cut));
    if (!item.empty() && !visit(item)) return;
    if (cut == std::string_view::npos) return;
    list.remove_prefix(cut + 1);
  }
}

/** Does a comma-separated list hold `token`, in any case? */
inline bool listContains(std::string_view list, std::string_view token) {
  bool found = false;
  forEachToken(list, [&](std::string_view item) {
    found = equalsIgnoreCase(item, token);
    return !found;
  });
  return found;
}

}  // namespace nuncio::base
