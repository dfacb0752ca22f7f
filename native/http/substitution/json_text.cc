#include "http/substitution/json_text.h"

#include <cstdint>
#include <cstring>

namespace nuncio::http::substitution {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr size_t kLongestEscape = 6;  // \u00ff

bool needsEscape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

// The length of the UTF-8 sequence at `at`, 0 when it is none (RFC 3629: no surrogates, nothing overlong).
size_t sequenceLength(const unsigned char* at, const unsigned char* end) {
  const unsigned char first = at[0];
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length == 0 || static_cast<size_t>(end - at) < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && at[1] < 0xa0) return 0;
  if (first == 0xed && at[1] > 0x9f) return 0;
  if (first == 0xf0 && at[1] < 0x90) return 0;
  if (first == 0xf4 && at[1] > 0x8f) return 0;
  return length;
}

struct Scan {
  bool clean;  // can be written as it is
  bool utf8;
};

Scan scan(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* end = at + text.size();
  bool clean = true;
  while (at < end) {
    if (*at < 0x80) {
      clean = clean && !needsEscape(*at);
      ++at;
      continue;
    }
    const size_t length = sequenceLength(at, end);
    if (length == 0) return {false, false};
    at += length;
  }
  return {clean, true};
}

char* writeUnicode(char* to, unsigned char c) {
  std::memcpy(to, "\\u00", 4);
  to[4] = kHex[c >> 4];
  to[5] = kHex[c & 15];
  return to + 6;
}

char* writeEscaped(char* to, std::string_view text, bool utf8) {
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && !utf8) {
      to = writeUnicode(to, byte);
    } else if (!needsEscape(byte)) {
      *to++ = c;
    } else {
      constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
      constexpr std::string_view kLetters = "\"\\bfnrt";
      const size_t at = kShort.find(c);
      if (at == std::string_view::npos) {
        to = writeUnicode(to, byte);
      } else {
        *to++ = '\\';
        *to++ = kLetters[at];
      }
    }
  }
  return to;
}

size_t skipSpace(std::string_view json, size_t at) {
  while (at < json.size() && std::string_view(" \t\r\n").find(json[at]) != std::string_view::npos) ++at;
  return at;
}

// One past the closing quote of the string at `at`; npos when it has none.
size_t endOfString(std::string_view json, size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

size_t endOfValue(std::string_view json, size_t at) {
  if (at >= json.size()) return std::string_view::npos;
  if (json[at] == '"') return endOfString(json, at);
  if (json[at] != '{' && json[at] != '[') {
    while (at < json.size() && std::string_view(",]} \t\r\n").find(json[at]) == std::string_view::npos) ++at;
    return at;
  }
  size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = endOfString(json, at);
      if (at == std::string_view::npos) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return std::string_view::npos;
}

bool keyIs(std::string_view quoted, std::string_view key) {
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner == key;
  base::TextBuffer plain;  // a key with escapes: rare enough for a buffer of its own
  appendJsonString(quoted, plain);
  return plain.view() == key;
}

std::string_view member(std::string_view object, std::string_view key) {
  if (object.empty() || object[0] != '{') return {};
  size_t at = skipSpace(object, 1);
  while (at < object.size() && object[at] == '"') {
    const size_t key_end = endOfString(object, at);
    if (key_end == std::string_view::npos) return {};
    const std::string_view name = object.substr(at, key_end - at);
    at = skipSpace(object, key_end);
    if (at >= object.size() || object[at] != ':') return {};
    at = skipSpace(object, at + 1);
    const size_t end = endOfValue(object, at);
    if (end == std::string_view::npos) return {};
    if (keyIs(name, key)) return object.substr(at, end - at);
    at = skipSpace(object, end);
    if (at < object.size() && object[at] == ',') at = skipSpace(object, at + 1);
  }
  return {};
}

// Four hexadecimal digits; -1 when they are not.
int hexFour(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void appendUtf8(uint32_t code, base::TextBuffer& out) {
  if (code < 0x80) {
    out.append(static_cast<char>(code));
  } else if (code < 0x800) {
    out.append(static_cast<char>(0xc0 | (code >> 6)));
    out.append(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.append(static_cast<char>(0xe0 | (code >> 12)));
    out.append(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out.append(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.append(static_cast<char>(0xf0 | (code >> 18)));
    out.append(static_cast<char>(0x80 | ((code >> 12) & 0x3f)));
    out.append(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out.append(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

}  // namespace

void escapeJsonTail(base::TextBuffer& out, size_t start) {
  const size_t size = out.size() - start;
  const Scan found = scan(out.view().substr(start));
  if (found.clean) return;
  // The text moves behind the longest escaped form it can have, and comes back from there.
  out.reserve(size * kLongestEscape);
  char* to = out.data() + start;
  char* from = to + size * kLongestEscape;
  std::memmove(from, to, size);
  out.commit(writeEscaped(to, {from, size}, found.utf8));
}

void appendJsonEscaped(std::string_view text, base::TextBuffer& out) {
  const Scan found = scan(text);
  if (found.clean) return out.append(text);
  out.commit(writeEscaped(out.reserve(text.size() * kLongestEscape), text, found.utf8));
}

std::string_view findJson(std::string_view json, std::span<const std::string> path) {
  for (const std::string& key : path) {
    json = member(json, key);
    if (json.empty()) return {};
  }
  return json;
}

void appendJsonString(std::string_view quoted, base::TextBuffer& out) {
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out.append(text[at]);
      continue;
    }
    const char letter = text[++at];
    constexpr std::string_view kLetters = "bfnrt";
    constexpr std::string_view kMeaning = "\b\f\n\r\t";
    const size_t control = kLetters.find(letter);
    if (control != std::string_view::npos) {
      out.append(kMeaning[control]);
    } else if (letter != 'u') {
      out.append(letter);
    } else {
      const int high = hexFour(text, at + 1);
      if (high < 0) return;
      at += 4;
      uint32_t code = static_cast<uint32_t>(high);
      if (high >= 0xd800 && high < 0xdc00 && text.substr(at + 1, 2) == "\\u") {
        const int low = hexFour(text, at + 3);
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
          at += 6;
        }
      }
      appendUtf8(code, out);
    }
  }
}

}  // namespace nuncio::http::substitution
