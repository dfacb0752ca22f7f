// Request targets: splitting a path from its query, cleaning it (RFC 3986 §6.2.2 as Envoy does it), taking an absolute
// URL apart, hosts and ports. Free functions over views; what is made anew lives in the given arena.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace nuncio::http {

/** The path up to "?" or "#". */
std::string_view pathWithoutQuery(std::string_view target);
/** What stands after the first "?", without a fragment; null data when there is no "?". */
std::string_view queryOf(std::string_view target);
/** The path without the parameters (";x") of its segments. The same view comes back when there are none. */
std::string_view withoutParameters(base::Arena& arena, std::string_view path);
bool hasFragment(std::string_view target);
std::string_view withoutFragment(std::string_view target);

/**
 * Dot segments resolved, backslashes turned, escapes of unreserved characters undone, unsafe bytes escaped; the query is
 * kept as it is. Null for a path that cannot be made clean (an escaped NUL); the request is then answered with 400.
 */
std::optional<std::string_view> normalizePath(base::Arena& arena, std::string_view target);

/** Runs of slashes made one; the query is kept as it is. */
std::string_view mergeSlashes(base::Arena& arena, std::string_view target);

/** %2F, %5C (any case) in the path replaced by what they mean. The same view comes back when there was none. */
std::string_view unescapeSlashes(base::Arena& arena, std::string_view target);

enum class EscapedSlashes : uint8_t { kKeep, kReject, kUnescapeAndRedirect, kUnescapeAndForward };

struct PathRules {
  EscapedSlashes escaped_slashes = EscapedSlashes::kKeep;
  bool normalize = false;
  bool merge_slashes = false;
};

enum class PathVerdict : uint8_t { kContinue, kReject, kRedirect };

struct CleanPath {
  PathVerdict verdict;
  std::string_view path;  // the new value of :path (the old one when nothing changed)
};

/** All of a connection manager's rules in Envoy's order: escaped slashes, normalisation, merging. */
CleanPath cleanPath(base::Arena& arena, std::string_view target, const PathRules& rules);

struct AbsoluteUrl {
  std::string_view scheme;     // as written
  std::string_view authority;  // host and port, as written, without user information
  std::string_view path;       // "/" when the URL ends behind the host; "?x" when no slash follows it (Envoy answers 404 then)
  bool has_user_info = false;
};

/** "http://host:port/path?query" (or https) taken apart; null when it is no such URL. */
std::optional<AbsoluteUrl> splitAbsoluteUrl(std::string_view url);

/**
 * May a Referer be passed on? An absolute URL without user information and fragment, or a relative reference whose first
 * segment has no colon (as Envoy tells them apart, so "about:blank" may not).
 */
bool isValidReferer(std::string_view value);

/** Where ":port" begins in "host:port" or "[v6]:port"; npos when there is none. */
size_t portStart(std::string_view authority);

}  // namespace nuncio::http
