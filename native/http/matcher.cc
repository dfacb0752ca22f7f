#include "http/matcher.h"

#include <algorithm>

#include "base/ascii.h"
#include "generated/plan.h"
#include "http/joined_headers.h"

namespace nuncio::http {
namespace {

bool containsIgnoreCase(std::string_view text, std::string_view lower) {
  if (lower.size() > text.size()) return false;
  for (size_t i = 0; i + lower.size() <= text.size(); ++i) {
    if (base::equalsIgnoreCase(text.substr(i, lower.size()), lower)) return true;
  }
  return false;
}

/** A number as Envoy reads it: blanks around it and a leading "+" are allowed. */
std::optional<int64_t> parseNumber(std::string_view text) {
  const auto isBlank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && isBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && isBlank(text.back())) text.remove_suffix(1);
  if (text.size() > 1 && text.front() == '+' && base::isDigit(text[1])) text.remove_prefix(1);
  return base::parseDecimal<int64_t>(text);
}

}  // namespace

base::Result<StringMatcher, std::string> StringMatcher::make(const plan::StringMatcher& plan) {
  StringMatcher matcher;
  using Plan = plan::StringMatcher::Kind;
  switch (plan.kind) {
    case Plan::EXACT: matcher.kind_ = Kind::kExact; break;
    case Plan::PREFIX: matcher.kind_ = Kind::kPrefix; break;
    case Plan::SUFFIX: matcher.kind_ = Kind::kSuffix; break;
    case Plan::CONTAINS: matcher.kind_ = Kind::kContains; break;
    case Plan::REGEX: matcher.kind_ = Kind::kRegex; break;
    default: return std::string("unknown kind of string matcher");
  }
  matcher.value_ = plan.value;
  matcher.ignore_case_ = plan.ignore_case;
  if (matcher.kind_ == Kind::kRegex) {
    auto regex = base::Regex::make(plan.value);
    if (!regex.ok()) return std::move(regex.error());
    matcher.regex_ = std::move(regex.value());
  } else if (plan.ignore_case) {
    std::transform(matcher.value_.begin(), matcher.value_.end(), matcher.value_.begin(), base::toLower);
  }
  return matcher;
}

bool StringMatcher::matches(std::string_view text) const {
  const std::string_view value = value_;
  if (kind_ == Kind::kRegex) return regex_->fullMatch(text);
  if (!ignore_case_) {
    switch (kind_) {
      case Kind::kExact: return text == value;
      case Kind::kPrefix: return text.starts_with(value);
      case Kind::kSuffix: return text.ends_with(value);
      default: return text.find(value) != std::string_view::npos;
    }
  }
  if (text.size() < value.size()) return false;
  switch (kind_) {
    case Kind::kExact: return base::equalsIgnoreCase(text, value);
    case Kind::kPrefix: return base::equalsIgnoreCase(text.substr(0, value.size()), value);
    case Kind::kSuffix: return base::equalsIgnoreCase(text.substr(text.size() - value.size()), value);
    default: return containsIgnoreCase(text, value);
  }
}

base::Result<FieldMatcher, std::string> FieldMatcher::make(const plan::FieldMatcher& plan) {
  FieldMatcher matcher;
  matcher.name_ = plan.name == "host" ? ":authority" : plan.name;
  matcher.id_ = headerId(matcher.name_);
  matcher.joined_ = joinsRepeated(matcher.name_, MessageSide::kRequest);
  matcher.invert_ = plan.invert;
  matcher.missing_is_empty_ = plan.treat_missing_as_empty;
  switch (plan.kind) {
    case plan::FieldMatcher::Kind::STRING: {
      matcher.kind_ = Kind::kString;
      if (!plan.string.has_value()) return std::string("a string matcher is missing");
      auto string = StringMatcher::make(*plan.string);
      if (!string.ok()) return std::move(string.error());
      matcher.string_ = std::make_unique<StringMatcher>(std::move(string.value()));
      break;
    }
    case plan::FieldMatcher::Kind::RANGE:
      matcher.kind_ = Kind::kRange;
      matcher.range_start_ = plan.range_start;
      matcher.range_end_ = plan.range_end;
      break;
    case plan::FieldMatcher::Kind::PRESENT:
      matcher.kind_ = Kind::kPresent;
      matcher.present_ = plan.present;
      break;
    default: return std::string("unknown kind of field matcher");
  }
  return matcher;
}

base::Result<FieldMatchers, std::string> makeFieldMatchers(const std::vector<plan::FieldMatcher>& plans) {
  FieldMatchers matchers;
  matchers.reserve(plans.size());
  for (const plan::FieldMatcher& plan : plans) {
    auto matcher = FieldMatcher::make(plan);
    if (!matcher.ok()) return plan.name + ": " + matcher.error();
    matchers.push_back(std::move(matcher.value()));
  }
  return matchers;
}

bool FieldMatcher::fits(std::string_view value) const {
  switch (kind_) {
    case Kind::kString: return string_->matches(value);
    case Kind::kRange: {
      const auto number = parseNumber(value);
      return number.has_value() && *number >= range_start_ && *number < range_end_;
    }
    default: return present_;
  }
}

bool FieldMatcher::matches(std::string_view value) const {
  if (value.data() != nullptr) return fits(value) != invert_;
  if (missing_is_empty_) return fits(std::string_view("", 0)) != invert_;
  return kind_ == Kind::kPresent && present_ == invert_;
}

bool FieldMatcher::matchesHeader(HeaderMap& headers) const {
  if (id_ != HeaderId::kUnknown && !headers.has(id_)) return matches({});
  if (joined_) return matches(headers.getJoined(name_));
  bool found = false;
  for (const Header& header : headers.entries()) {
    if (header.id != id_ || header.name != name_) continue;
    if (fits(header.value)) return !invert_;
    found = true;
  }
  return found ? invert_ : matches({});
}

bool FieldMatcher::matchesQuery(std::string_view query) const { return matches(queryParameter(query, name_)); }

bool FieldMatcher::matchesCookie(const HeaderMap& headers) const {
  const std::string_view value = cookieValue(headers, name_);
  return value.data() == nullptr && !missing_is_empty_ && kind_ == Kind::kString ? invert_ : matches(value);
}

bool allMatchHeaders(const FieldMatchers& matchers, HeaderMap& headers) {
  for (const FieldMatcher& matcher : matchers) {
    if (!matcher.matchesHeader(headers)) return false;
  }
  return true;
}

std::string_view queryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view parameter = query.substr(0, end);
    const size_t equal = parameter.find('=');
    if (parameter.substr(0, equal) == name) {
      return equal == std::string_view::npos ? std::string_view("", 0) : parameter.substr(equal + 1);
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return {};
}

std::string_view cookieValue(const HeaderMap& headers, std::string_view name) {
  if (!headers.has(HeaderId::kCookie)) return {};
  for (const Header& header : headers.entries()) {
    if (header.id != HeaderId::kCookie) continue;
    std::string_view list = header.value;
    while (!list.empty()) {
      const size_t end = list.find(';');
      std::string_view cookie = list.substr(0, end);
      list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
      while (!cookie.empty() && cookie.front() == ' ') cookie.remove_prefix(1);
      const size_t equal = cookie.find('=');
      if (equal == std::string_view::npos || cookie.substr(0, equal) != name) continue;
      std::string_view value = cookie.substr(equal + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      return value.data() == nullptr ? std::string_view("", 0) : value;
    }
  }
  return {};
}

}  // namespace nuncio::http
