#include "http/h1/start_line.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "http/h1/errors.h"

namespace nuncio::http::h1 {
namespace {

// Methods Envoy's parser takes without allow_custom_methods.
constexpr std::string_view kMethods[] = {
    "ACL",     "BIND",     "CHECKOUT",  "CONNECT", "COPY",   "DELETE", "GET",        "HEAD",  "LINK",     "LOCK",    "MERGE",
    "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE",   "MSEARCH", "NOTIFY", "OPTIONS",   "PATCH", "POST",     "PROPFIND", "PROPPATCH",
    "PURGE",   "PUT",      "QUERY",     "REBIND",  "REPORT", "SEARCH", "SOURCE",     "SUBSCRIBE", "TRACE", "UNBIND",  "UNLINK",
    "UNLOCK",  "UNSUBSCRIBE"};

enum : uint8_t { kToken = 1, kTargetChar = 2, kHostChar = 4, kSchemeChar = 8, kSpace = 16, kControl = 32 };

constexpr std::array<uint8_t, 256> buildClasses() {
  std::array<uint8_t, 256> table{};
  const auto mark = [&](std::string_view set, uint8_t what) {
    for (const char c : set) table[static_cast<unsigned char>(c)] |= what;
  };
  for (int c = 0; c < 128; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    if (alnum) table[c] |= kToken | kHostChar | kSchemeChar;
    if (c > 0x20 && c < 0x7f) table[c] |= kTargetChar;
    if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) table[c] |= kControl;
  }
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("!$%&'()*+,-.:;=@[]_~", kHostChar);
  mark("+-.", kSchemeChar);
  mark(" \t\r", kSpace);
  return table;
}
constexpr std::array<uint8_t, 256> kClasses = buildClasses();

constexpr bool is(char c, uint8_t what) { return (kClasses[static_cast<unsigned char>(c)] & what) != 0; }

bool all(std::string_view text, uint8_t what) {
  uint8_t common = what;
  for (const char c : text) common &= kClasses[static_cast<unsigned char>(c)];
  return (common & what) != 0;
}

bool isKnownMethod(std::string_view method) {
  if (method == "GET" || method == "POST") return true;
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

/** Cuts the next run of non-space characters off the front of `rest`, and the spaces behind it. */
std::string_view cutWord(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && !is(rest[end], kSpace)) ++end;
  const std::string_view word = rest.substr(0, end);
  while (end < rest.size() && is(rest[end], kSpace)) ++end;
  rest.remove_prefix(end);
  return word;
}

std::string_view trimLineEnd(std::string_view text) {
  while (!text.empty() && is(text.back(), kSpace)) text.remove_suffix(1);
  return text;
}

bool isVersion(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/") && base::isDigit(text[5]) && text[6] == '.' && base::isDigit(text[7]);
}

constexpr bool isPathStart(char c) { return c == '/' || c == '?'; }

/** The form of a target, before anybody asks what it means. */
bool isTarget(std::string_view target, bool connect) {
  if (target.empty()) return false;
  if (target.front() == '/' || target.front() == '*') return all(target, kTargetChar);
  if (!connect) {
    if (!base::isAlpha(target.front())) return false;
    const size_t colon = target.find("://");
    if (colon == std::string_view::npos || !all(target.substr(0, colon), kSchemeChar)) return false;
    target.remove_prefix(colon + 3);
  }
  const auto path = std::find_if(target.begin(), target.end(), isPathStart);
  const std::string_view host = target.substr(0, static_cast<size_t>(path - target.begin()));
  const std::string_view rest = target.substr(host.size());
  return (host.empty() || (all(host, kHostChar) && host.find("@@") == std::string_view::npos)) &&
         (rest.empty() || all(rest, kTargetChar));
}

bool isPort(std::string_view text) {
  const auto port = base::parseDecimal<uint32_t>(text);
  return port.has_value() && *port <= 65535;
}

/** Splits at the colon before the port; the brackets of an IPv6 address hide theirs. npos: no port. */
size_t portColon(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos || bracket + 1 >= authority.size()) return std::string_view::npos;
    return authority[bracket + 1] == ':' ? bracket + 1 : std::string_view::npos;
  }
  return authority.find(':');
}

const CodecError* classify(std::string_view line, const CodecError& otherwise) {
  return hasControlCharacter(line) ? &kInvalidCharacters : &otherwise;
}

}  // namespace

bool hasControlCharacter(std::string_view text) {
  uint8_t any = 0;
  for (const char c : text) any |= kClasses[static_cast<unsigned char>(c)];
  return (any & kControl) != 0;
}

const CodecError* parseRequestLine(std::string_view line, bool allow_custom_methods, RequestLine& out) {
  // The form nearly all lines have: known method, path, HTTP/1.1, one space between them.
  constexpr std::string_view kEnd = " HTTP/1.1\r";
  const size_t space = line.find(' ');
  if (line.ends_with(kEnd) && space + kEnd.size() < line.size() && line[space + 1] == '/') {
    out = {line.substr(0, space), line.substr(space + 1, line.size() - kEnd.size() - space - 1), true, true};
    if (isKnownMethod(out.method) && all(out.target, kTargetChar)) return nullptr;
  }
  std::string_view rest = trimLineEnd(line);
  out.method = cutWord(rest);
  out.target = cutWord(rest);
  const bool known = allow_custom_methods ? !out.method.empty() && all(out.method, kToken) : isKnownMethod(out.method);
  if (!known) return classify(line, kInvalidMethod);
  out.has_version = !rest.empty();
  if (out.has_version && !isVersion(rest)) return classify(line, kInvalidVersion);
  out.http_11 = rest == "HTTP/1.1";
  if (!isTarget(out.target, out.method == "CONNECT")) return classify(line, kInvalidTarget);
  return nullptr;
}

const CodecError* parseStatusLine(std::string_view line, StatusLine& out) {
  std::string_view rest = trimLineEnd(line);
  if (rest.empty() || hasControlCharacter(rest)) return &kInvalidStatusLine;
  const std::string_view version = cutWord(rest);
  const std::string_view status = cutWord(rest);
  const auto number = base::parseDecimal<uint32_t>(status);
  if (!isVersion(version) || !number.has_value() || *number > 65535) return &kInvalidStatusLine;
  out.status = *number;
  out.http_11 = version == "HTTP/1.1";
  return nullptr;
}

const CodecError* parseAbsoluteTarget(std::string_view target, TargetParts& out) {
  const size_t colon = target.find("://");
  if (colon == std::string_view::npos) return &kInvalidUrl;
  out.scheme = target.substr(0, colon);
  target.remove_prefix(colon + 3);
  const auto path = std::find_if(target.begin(), target.end(), isPathStart);
  out.authority = target.substr(0, static_cast<size_t>(path - target.begin()));
  out.path = target.substr(out.authority.size());
  if (out.path.empty()) out.path = "/";
  if (const size_t at = out.authority.rfind('@'); at != std::string_view::npos) out.authority.remove_prefix(at + 1);
  const size_t port = portColon(out.authority);
  if (port != std::string_view::npos && !isPort(out.authority.substr(port + 1))) return &kInvalidUrl;
  if (out.authority.empty() || port == 0) return &kInvalidUrl;
  if (!base::equalsIgnoreCase(out.scheme, "http") && !base::equalsIgnoreCase(out.scheme, "https")) return &kInvalidScheme;
  return nullptr;
}

bool isAuthorityTarget(std::string_view target) {
  const size_t port = portColon(target);
  return port != std::string_view::npos && port != 0 && isPort(target.substr(port + 1)) && all(target, kHostChar);
}

}  // namespace nuncio::http::h1
