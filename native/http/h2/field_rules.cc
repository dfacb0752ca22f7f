#include "http/h2/field_rules.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "base/ascii.h"

namespace nuncio::http::h2 {
namespace {

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

enum CharClass : uint8_t { kNameChar = 1, kMethodChar = 2, kPathChar = 4 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const char text = static_cast<char>(c);
    const bool mark = kTokenMarks.find(text) != std::string_view::npos;
    const bool upper = c >= 'A' && c <= 'Z';
    if (mark || base::isDigit(text) || (c >= 'a' && c <= 'z')) classes[c] |= kNameChar;
    if (mark || base::isDigit(text) || base::isAlpha(text)) {
      if (upper || (classes[c] & kNameChar) != 0) classes[c] |= kMethodChar;
    }
    if (c > 0x20 && c != 0x7f) classes[c] |= kPathChar;
  }
  return classes;
}();

bool allOf(std::string_view text, uint8_t wanted) {
  for (const char c : text) {
    if ((kClasses[static_cast<unsigned char>(c)] & wanted) == 0) return false;
  }
  return !text.empty();
}

}  // namespace

uint8_t nameFacts(std::string_view name) {
  const std::string_view token = name.starts_with(':') ? name.substr(1) : name;
  uint8_t facts = allOf(token, kNameChar) ? kNameValid : 0;
  if (name.find('_') != std::string_view::npos) facts |= kNameHasUnderscore;
  return facts;
}

uint8_t valueFacts(std::string_view value) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHigh = kOnes * 0x80;
  size_t at = 0;
  for (; at + 8 <= value.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, value.data() + at, 8);
    const uint64_t below_space = (word - kOnes * 0x20) & ~word & kHigh;
    const uint64_t deleted = word ^ (kOnes * 0x7f);
    const uint64_t is_delete = (deleted - kOnes) & ~deleted & kHigh;
    if ((below_space | is_delete) != 0) break;    // perhaps; the bytes are looked at below
  }
  for (; at < value.size(); ++at) {
    const auto c = static_cast<unsigned char>(value[at]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return 0;
  }
  return kValueValid;
}

bool isPathText(std::string_view text) { return allOf(text, kPathChar); }
bool isMethodText(std::string_view text) { return allOf(text, kMethodChar); }

bool isSchemeText(std::string_view text) {
  if (text.empty() || !base::isAlpha(text.front())) return false;
  for (const char c : text) {
    if (!base::isAlpha(c) && !base::isDigit(c) && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

}  // namespace nuncio::http::h2
