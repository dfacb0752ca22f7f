// Matchers of single values: StringMatcher (Envoy's type.matcher.v3.StringMatcher) and FieldMatcher (HeaderMatcher,
// QueryParameterMatcher, CookieMatcher). Made once from their plans, then immutable and shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "base/result.h"
#include "http/header_map.h"

namespace nuncio::plan {
struct FieldMatcher;
struct StringMatcher;
}  // namespace nuncio::plan

namespace nuncio::http {

class StringMatcher {
 public:
  /** Fails with RE2's sentence when the pattern is not a regular expression. */
  static base::Result<StringMatcher, std::string> make(const plan::StringMatcher& plan);

  bool matches(std::string_view text) const;

 private:
  enum class Kind : uint8_t { kExact, kPrefix, kSuffix, kContains, kRegex };
  StringMatcher() = default;

  Kind kind_ = Kind::kExact;
  bool ignore_case_ = false;
  std::string value_;  // lower case when the case is ignored
  std::unique_ptr<const base::Regex> regex_;
};

class FieldMatcher {
 public:
  static base::Result<FieldMatcher, std::string> make(const plan::FieldMatcher& plan);

  const std::string& name() const { return name_; }

  /**
   * Against the header of this name: one of its values must fit (of headers Envoy keeps in one piece, all values joined
   * with ","). "host" means :authority, as in Envoy.
   */
  bool matchesHeader(HeaderMap& headers) const;
  /** Against the first parameter of this name in a query ("a=1&b"); nothing is decoded. */
  bool matchesQuery(std::string_view query) const;
  /** Against the cookie of this name. */
  bool matchesCookie(const HeaderMap& headers) const;

  /** The rule for one value: null data is a missing field. */
  bool matches(std::string_view value) const;

 private:
  enum class Kind : uint8_t { kString, kRange, kPresent };
  FieldMatcher() = default;
  /** The rule before inversion, for a value that is there. */
  bool fits(std::string_view value) const;

  Kind kind_ = Kind::kPresent;
  bool present_ = true;
  bool invert_ = false;
  bool missing_is_empty_ = false;
  bool joined_ = false;  // all values count as one
  HeaderId id_ = HeaderId::kUnknown;
  int64_t range_start_ = 0;
  int64_t range_end_ = 0;
  std::string name_;
  std::unique_ptr<const StringMatcher> string_;
};

using FieldMatchers = std::vector<FieldMatcher>;

base::Result<FieldMatchers, std::string> makeFieldMatchers(const std::vector<plan::FieldMatcher>& plans);

/** All of them hold (an empty list does). */
bool allMatchHeaders(const FieldMatchers& matchers, HeaderMap& headers);

/** The first parameter of this name in a query, not decoded; null data when there is none. */
std::string_view queryParameter(std::string_view query, std::string_view name);
/** The first cookie of this name, without surrounding quotes; null data when there is none. */
std::string_view cookieValue(const HeaderMap& headers, std::string_view name);

}  // namespace nuncio::http
