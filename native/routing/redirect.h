// Redirect: the answer of a redirect route, ready to write its Location. Immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/regex.h"
#include "base/result.h"
#include "http/header_map.h"
#include "http/substitution/formatter.h"

namespace nuncio::plan {
struct RedirectAction;
}

namespace nuncio::routing {

struct Redirect {
  static base::Result<Redirect, std::string> make(const plan::RedirectAction& plan);

  /** The new target when a prefix or a pattern is to be replaced; null data otherwise. `matched`: see RouteMatch. */
  std::string_view rewrittenPath(base::Arena& arena, std::string_view target, size_t matched) const;

  uint32_t code = 301;
  std::string scheme;  // empty: the request's
  std::string host;
  std::string port;    // ":8443", or empty
  std::string path;
  bool path_has_query = false;
  std::optional<http::Formatter> path_format;  // makes the path anew for each request
  bool strip_query = false;
  std::optional<std::string> prefix_rewrite;
  std::optional<base::RegexRewrite> regex_rewrite;
};

/** What a path made by a format is made from; not needed without one. */
struct RedirectContext {
  const http::FormatContext& format;
  base::TextBuffer& scratch;
};

/**
 * The absolute URL a redirect leads to, in the arena. Without a redirect (a direct response of status 201 or 3xx) it is
 * the URL of the request itself, as in Envoy.
 */
std::string_view locationOf(http::HeaderMap& headers, const Redirect* redirect, const RedirectContext* context = nullptr);

/** Where require_tls sends a clear-text request: "https://", host with its port, target. */
std::string_view tlsLocationOf(http::HeaderMap& headers);

}  // namespace nuncio::routing
