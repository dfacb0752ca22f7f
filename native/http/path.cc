#include "http/path.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/ascii.h"

namespace nuncio::http {
namespace {

constexpr bool isUnreserved(char c) {
  return base::isAlpha(c) || base::isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/** Bytes a clean path carries only as %XX. */
constexpr bool mustEscape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte <= 0x20 || byte >= 0x7f) return true;
  return std::string_view("\"#<>?^`{|}").find(c) != std::string_view::npos;
}

constexpr int hexValue(char c) {
  if (base::isDigit(c)) return c - '0';
  const char lower = base::toLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/** The byte "%XX" at the start of `text` means; -1 when there is no such escape. */
int escapedByte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hexValue(text[1]);
  const int low = hexValue(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Length of a dot ("." or "%2e") at the start of `text`; 0 when there is none. */
size_t dotLength(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == '.') return 1;
  return escapedByte(text) == '.' ? 3 : 0;
}

/** Is nothing to be done? Most paths are clean; anything odd goes the long way. */
bool isClean(std::string_view path) {
  if (path.empty() || path[0] != '/') return false;
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '%' || c == '\\' || mustEscape(c)) return false;
    if (c == '.' && path[i - 1] == '/') return false;
  }
  return true;
}

/** Where a segment ends: before the next slash of either kind. */
bool isSlash(char c) { return c == '/' || c == '\\'; }

struct DotSegment {
  int dots = 0;     // 1, 2; 0: an ordinary segment
  size_t size = 0;  // input to skip, the following slash with it
};

/**
 * Reads "." or ".." (escaped or not) with what ends it. Plain dots right behind a forward slash may carry parameters
 * (";x"), which go with them.
 */
DotSegment dotSegment(std::string_view text, bool behind_slash) {
  const size_t first = dotLength(text);
  if (first == 0) return {};
  size_t size = first;
  int dots = 1;
  if (const size_t second = dotLength(text.substr(first)); second != 0) {
    size += second;
    dots = 2;
  }
  const bool plain = size == static_cast<size_t>(dots);
  if (plain && behind_slash && size < text.size() && text[size] == ';') {
    const size_t slash = text.find('/', size);
    return {dots, slash == std::string_view::npos ? text.size() : slash + 1};
  }
  if (size == text.size()) return {dots, size};
  if (isSlash(text[size])) return {dots, size + 1};
  return {};
}

// Writes a clean path. A "%" that begins no escape stays as it is, unless what was unescaped behind it would make it one
// ("%4%41" is not "%4A"): then it becomes "%25".
class CleanWriter {
 public:
  explicit CleanWriter(char* out) : begin_(out), at_(out) {}
  char* end() const { return at_; }
  bool behindSlash() const { return at_ > begin_ && at_[-1] == '/'; }
  void put(char c) {
    if (bare_ != nullptr && bare_ == at_ - 2 && hexValue(at_[-1]) >= 0 && hexValue(c) >= 0) {
      const char digit = at_[-1];
      std::memcpy(at_ - 1, "25", 2);
      at_[1] = digit;
      at_ += 2;
      bare_ = nullptr;
    }
    *at_++ = c;
  }
  void putBarePercent() {
    bare_ = at_;
    *at_++ = '%';
  }
  void copy(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void escape(char c) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    *at_++ = '%';
    *at_++ = kHex[static_cast<unsigned char>(c) >> 4];
    *at_++ = kHex[static_cast<unsigned char>(c) & 15];
  }
  /** Standing behind a slash: goes back behind the one before, if there is one. */
  void dropSegment() {
    bare_ = nullptr;
    if (at_ - begin_ <= 1) return;
    --at_;
    while (at_ > begin_ && at_[-1] != '/') --at_;
  }

 private:
  char* begin_;
  char* at_;
  char* bare_ = nullptr;
};

/** Writes the clean form of `path` at `out` (three times its size suffices); null when it cannot be made clean. */
char* writeNormalized(char* out, std::string_view path) {
  CleanWriter writer(out);
  size_t i = 0;
  if (path.empty() || !isSlash(path[0])) writer.put('/');
  while (i < path.size()) {
    const char c = path[i];
    if (writer.behindSlash()) {
      const DotSegment segment = dotSegment(path.substr(i), i > 0 && path[i - 1] == '/');
      if (segment.dots == 2) writer.dropSegment();
      i += segment.size;
      if (segment.dots != 0) continue;
    }
    if (c == '%') {
      const int byte = escapedByte(path.substr(i));
      if (byte == 0) return nullptr;
      if (byte < 0) {
        writer.putBarePercent();
      } else if (byte < 0x80 && isUnreserved(static_cast<char>(byte))) {
        writer.put(static_cast<char>(byte));
      } else {
        writer.copy(path.substr(i, 3));
      }
      i += byte < 0 ? 1 : 3;
      continue;
    }
    if (c == '\\') {
      writer.put('/');
    } else if (mustEscape(c)) {
      writer.escape(c);
    } else {
      writer.put(c);
    }
    ++i;
  }
  return writer.end();
}

bool isHostCharacter(char c) { return base::isAlpha(c) || base::isDigit(c) || c == '.' || c == '-'; }

bool validPort(std::string_view port) {
  const auto number = base::parseDecimal<uint32_t>(port);
  return number.has_value() && *number <= 65535;
}

/** An IPv6 address, maybe with a zone ("fe80::1%eth0"), or an IPv4 one. */
bool validIp(std::string_view text) {
  const size_t percent = text.find('%');
  const std::string_view zone = percent == std::string_view::npos ? "0" : text.substr(percent + 1);
  if (zone.empty()) return false;
  for (const char c : zone) {
    if (!isUnreserved(c)) return false;
  }
  char copy[INET6_ADDRSTRLEN + 1];
  const std::string_view address = text.substr(0, percent);
  if (address.size() >= sizeof(copy)) return false;
  std::memcpy(copy, address.data(), address.size());
  copy[address.size()] = '\0';
  unsigned char bytes[16];
  return inet_pton(AF_INET6, copy, bytes) == 1 || (percent == std::string_view::npos && inet_pton(AF_INET, copy, bytes) == 1);
}

/** "host", "host:port", "[v6]", "[v6%zone]:port". */
bool validAuthority(std::string_view authority) {
  size_t end = 0;
  if (!authority.empty() && authority[0] == '[') {
    end = authority.find(']');
    if (end == std::string_view::npos || !validIp(authority.substr(1, end - 1))) return false;
    ++end;
  } else {
    while (end < authority.size() && isHostCharacter(authority[end])) ++end;
    if (end == 0) return false;
  }
  if (end == authority.size()) return true;
  return authority[end] == ':' && validPort(authority.substr(end + 1));
}

bool validUserInfo(std::string_view user) {
  for (const char c : user) {
    const bool known = isUnreserved(c) || std::string_view("!*'()%;:&=+$,").find(c) != std::string_view::npos;
    if (!known) return false;
  }
  return true;
}

/** What a URL may hold behind its host; a fragment is none of it. */
bool isUrlCharacter(char c) { return c > ' ' && c < 0x7f && c != '#'; }

bool isSchemeCharacter(char c) { return base::isAlpha(c) || base::isDigit(c) || c == '+' || c == '-' || c == '.'; }

/** "scheme://user@host:port/path?query" taken apart, for any scheme. */
std::optional<AbsoluteUrl> splitUrl(std::string_view url) {
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view scheme = url.substr(0, colon);
  if (!base::isAlpha(scheme[0]) || !std::all_of(scheme.begin(), scheme.end(), isSchemeCharacter)) return std::nullopt;
  const std::string_view rest = url.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  bool has_user_info = false;
  if (const size_t at = authority.find('@'); at != std::string_view::npos) {
    if (!validUserInfo(authority.substr(0, at))) return std::nullopt;
    has_user_info = at != 0;
    authority.remove_prefix(at + 1);
  }
  if (!validAuthority(authority)) return std::nullopt;
  const std::string_view path = end == rest.size() ? std::string_view("/") : rest.substr(end);
  return AbsoluteUrl{scheme, authority, path, has_user_info};
}

}  // namespace

std::string_view pathWithoutQuery(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  return path.substr(0, path.find('#'));
}

std::string_view queryOf(std::string_view target) {
  const size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : withoutFragment(target.substr(mark + 1));
}

std::string_view withoutParameters(base::Arena& arena, std::string_view path) {
  if (path.find(';') == std::string_view::npos) return path;
  char* const begin = static_cast<char*>(arena.allocate(path.size(), 1));
  char* out = begin;
  bool inside = false;
  for (const char c : path) {
    inside = c != '/' && (inside || c == ';');
    if (!inside) *out++ = c;
  }
  return {begin, static_cast<size_t>(out - begin)};
}

bool hasFragment(std::string_view target) { return target.find('#') != std::string_view::npos; }
std::string_view withoutFragment(std::string_view target) { return target.substr(0, target.find('#')); }

std::optional<std::string_view> normalizePath(base::Arena& arena, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (isClean(path)) return target;
  const std::string_view query = target.substr(path.size());
  char* const begin = static_cast<char*>(arena.allocate(path.size() * 3 + query.size() + 1, 1));
  char* end = writeNormalized(begin, path);
  if (end == nullptr) return std::nullopt;
  if (!query.empty()) std::memcpy(end, query.data(), query.size());
  return std::string_view(begin, static_cast<size_t>(end - begin) + query.size());
}

std::string_view mergeSlashes(base::Arena& arena, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.find("//") == std::string_view::npos) return target;
  const std::string_view query = target.substr(path.size());
  char* const begin = static_cast<char*>(arena.allocate(target.size(), 1));
  char* out = begin;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/' && out > begin && out[-1] == '/') continue;
    *out++ = path[i];
  }
  // Envoy puts first and last slash around the joined segments: nothing but slashes becomes two.
  if (out - begin == 1) *out++ = '/';
  if (!query.empty()) std::memcpy(out, query.data(), query.size());
  return {begin, static_cast<size_t>(out - begin) + query.size()};
}

std::string_view unescapeSlashes(base::Arena& arena, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const auto slashAt = [&](size_t i) -> char {
    const int byte = escapedByte(path.substr(i));
    return byte == '/' || byte == '\\' ? static_cast<char>(byte) : '\0';
  };
  size_t first = path.find('%');
  while (first != std::string_view::npos && slashAt(first) == '\0') first = path.find('%', first + 1);
  if (first == std::string_view::npos) return target;
  char* const begin = static_cast<char*>(arena.allocate(target.size(), 1));
  char* out = begin;
  for (size_t i = 0; i < path.size();) {
    const char slash = path[i] == '%' ? slashAt(i) : '\0';
    *out++ = slash != '\0' ? slash : path[i];
    i += slash != '\0' ? 3 : 1;
  }
  const std::string_view query = target.substr(path.size());
  if (!query.empty()) std::memcpy(out, query.data(), query.size());
  return {begin, static_cast<size_t>(out - begin) + query.size()};
}

CleanPath cleanPath(base::Arena& arena, std::string_view target, const PathRules& rules) {
  PathVerdict verdict = PathVerdict::kContinue;
  std::string_view path = target;
  if (rules.escaped_slashes != EscapedSlashes::kKeep) {
    path = unescapeSlashes(arena, target);
    if (path.data() != target.data()) {
      if (rules.escaped_slashes == EscapedSlashes::kReject) return {PathVerdict::kReject, target};
      if (rules.escaped_slashes == EscapedSlashes::kUnescapeAndRedirect) verdict = PathVerdict::kRedirect;
    }
  }
  if (rules.normalize) {
    const auto normal = normalizePath(arena, path);
    if (!normal.has_value()) return {PathVerdict::kReject, target};
    path = *normal;
  }
  if (rules.merge_slashes) path = mergeSlashes(arena, path);
  return {verdict, path};
}

std::optional<AbsoluteUrl> splitAbsoluteUrl(std::string_view url) {
  const auto parts = splitUrl(url);
  const bool known = parts && (base::equalsIgnoreCase(parts->scheme, "http") || base::equalsIgnoreCase(parts->scheme, "https"));
  return known ? parts : std::nullopt;
}

bool isValidReferer(std::string_view value) {
  if (const auto url = splitUrl(value)) {
    return !url->has_user_info && std::all_of(url->path.begin(), url->path.end(), isUrlCharacter);
  }
  bool behind_slash = false;
  for (const char c : value) {
    if (c == ':' && !behind_slash) return false;
    if (mustEscape(c) != (c == '?') || c == '[' || c == ']' || c == '\\') return false;
    behind_slash = behind_slash || c == '/';
  }
  return true;
}

size_t portStart(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos) return colon;
  const size_t bracket = authority.rfind(']');
  return bracket == std::string_view::npos || bracket < colon ? colon : std::string_view::npos;
}

}  // namespace nuncio::http
