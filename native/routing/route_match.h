// RouteMatch: the conditions of one route, compiled. Immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/regex.h"
#include "base/result.h"
#include "http/matcher.h"
#include "routing/fraction.h"
#include "routing/match_input.h"

namespace nuncio::plan {
struct RouteMatch;
}

namespace nuncio::routing {

class RouteMatch {
 public:
  enum class Path : uint8_t { kPrefix, kExact, kRegex, kSeparatedPrefix, kConnect, kTemplate };

  static base::Result<RouteMatch, std::string> make(const plan::RouteMatch& plan);

  /** Path and all other conditions; `path` is the request's, without query (and without parameters, if so configured). */
  bool matches(const MatchInput& input, std::string_view path) const {
    return matchesPath(input, path) && (!conditional_ || matchesRest(input));
  }
  bool matchesPath(const MatchInput& input, std::string_view path) const;
  /** Everything but the path. */
  bool matchesRest(const MatchInput& input) const;

  /** Has it conditions besides the path? */
  bool conditional() const { return conditional_; }
  Path path() const { return path_; }
  bool caseSensitive() const { return case_sensitive_; }
  /** The prefix, the exact path, or the text of the pattern. */
  const std::string& value() const { return value_; }

  /** How many bytes of `path` (which matched) a prefix rewrite replaces. */
  size_t matchedLength(std::string_view path) const;

 private:
  RouteMatch() = default;

  Path path_ = Path::kPrefix;
  bool case_sensitive_ = true;
  bool conditional_ = false;
  bool grpc_ = false;
  std::optional<bool> presented_;
  std::optional<bool> validated_;
  std::string value_;
  std::unique_ptr<const base::Regex> regex_;
  std::optional<Fraction> fraction_;
  http::FieldMatchers headers_;
  http::FieldMatchers query_;
  http::FieldMatchers cookies_;
};

/** Appends the regular expression a URI template (/v1/{id}/x.m3u8, with globs) stands for; false for a malformed one. */
bool templateToRegex(std::string_view uri_template, std::string& out);

}  // namespace nuncio::routing
