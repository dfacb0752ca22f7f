#include "routing/route_match.h"

#include "base/ascii.h"
#include "generated/plan.h"

namespace nuncio::routing {
namespace {

/** application/grpc, maybe with a "+proto" behind it. */
bool isGrpc(const http::HeaderMap& headers) {
  constexpr std::string_view kGrpc = "application/grpc";
  const std::string_view type = headers.get(http::HeaderId::kContentType);
  return type.starts_with(kGrpc) && (type.size() == kGrpc.size() || type[kGrpc.size()] == '+');
}

bool startsWith(std::string_view path, std::string_view prefix, bool case_sensitive) {
  if (path.size() < prefix.size()) return false;
  path = path.substr(0, prefix.size());
  return case_sensitive ? path == prefix : base::equalsIgnoreCase(path, prefix);
}

// What a glob of a URI template may stand for: the characters of a path segment, and slashes for the long one.
constexpr std::string_view kSegmentGlob = "[a-zA-Z0-9-._~%!$&'()*+,;:@=]+";
constexpr std::string_view kPathGlob = "[a-zA-Z0-9-._~%!$&'()*+,;:@=/]*";

void appendLiteral(std::string& out, char c) {
  if (!base::isAlpha(c) && !base::isDigit(c) && c != '/' && c != '_') out += '\\';
  out += c;
}

/**
 * A run of literals with globs ("*", "**"), which count at the start of a segment or variable only; false for three stars.
 * A star elsewhere goes into the pattern as it is, so that it repeats the character before it, as in Envoy.
 */
bool appendGlobs(std::string& out, std::string_view text, bool at_start) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '*' && at_start) {
      const bool deep = i + 1 < text.size() && text[i + 1] == '*';
      out += deep ? kPathGlob : kSegmentGlob;
      if (deep) ++i;
      if (i + 1 < text.size() && text[i + 1] == '*') return false;
    } else if (text[i] == '*') {
      out += '*';
    } else {
      appendLiteral(out, text[i]);
    }
    at_start = text[i] == '/';
  }
  return true;
}

}  // namespace

bool templateToRegex(std::string_view uri_template, std::string& out) {
  if (!uri_template.starts_with('/')) return false;
  for (size_t at = 0; at < uri_template.size();) {
    const size_t open = uri_template.find('{', at);
    if (!appendGlobs(out, uri_template.substr(at, open == std::string_view::npos ? open : open - at), false)) return false;
    if (open == std::string_view::npos) break;
    const size_t close = uri_template.find('}', open);
    if (close == std::string_view::npos) return false;
    const std::string_view variable = uri_template.substr(open + 1, close - open - 1);
    const size_t equal = variable.find('=');
    const std::string_view name = variable.substr(0, equal);
    if (name.empty()) return false;
    out += "(?P<" + std::string(name) + ">";
    if (!appendGlobs(out, equal == std::string_view::npos ? "*" : variable.substr(equal + 1), true)) return false;
    out += ')';
    at = close + 1;
  }
  return true;
}

base::Result<RouteMatch, std::string> RouteMatch::make(const plan::RouteMatch& plan) {
  RouteMatch match;
  using Plan = plan::RouteMatch::Path;
  switch (plan.path) {
    case Plan::PREFIX: match.path_ = Path::kPrefix; break;
    case Plan::EXACT: match.path_ = Path::kExact; break;
    case Plan::REGEX: match.path_ = Path::kRegex; break;
    case Plan::PATH_SEPARATED_PREFIX: match.path_ = Path::kSeparatedPrefix; break;
    case Plan::CONNECT: match.path_ = Path::kConnect; break;
    case Plan::TEMPLATE: match.path_ = Path::kTemplate; break;
    default: return std::string("unknown kind of path match");
  }
  match.value_ = plan.value;
  match.case_sensitive_ = plan.case_sensitive;
  match.grpc_ = plan.grpc;
  match.presented_ = plan.tls_presented;
  match.validated_ = plan.tls_validated;
  if (match.path_ == Path::kRegex || match.path_ == Path::kTemplate) {
    std::string pattern = plan.value;
    if (match.path_ == Path::kTemplate) {
      pattern.clear();
      if (!templateToRegex(plan.value, pattern)) return "malformed URI template: " + plan.value;
    }
    auto regex = base::Regex::make(pattern);
    if (!regex.ok()) return std::move(regex.error());
    match.regex_ = std::move(regex.value());
  }
  if (plan.runtime_fraction.has_value()) match.fraction_.emplace(*plan.runtime_fraction);
  const auto fill = [](const std::vector<plan::FieldMatcher>& plans, http::FieldMatchers& out) -> std::string {
    auto made = http::makeFieldMatchers(plans);
    if (!made.ok()) return made.error();
    out = std::move(made.value());
    return {};
  };
  for (std::string error : {fill(plan.headers, match.headers_), fill(plan.query_parameters, match.query_), fill(plan.cookies, match.cookies_)}) {
    if (!error.empty()) return error;
  }
  match.conditional_ = match.grpc_ || match.presented_.has_value() || match.validated_.has_value() || match.fraction_.has_value() ||
                       !match.headers_.empty() || !match.query_.empty() || !match.cookies_.empty();
  return match;
}

bool RouteMatch::matchesPath(const MatchInput& input, std::string_view path) const {
  if (path_ == Path::kConnect) return input.is_connect;
  if (path.data() == nullptr) return false;
  switch (path_) {
    case Path::kPrefix: return startsWith(path, value_, case_sensitive_);
    case Path::kExact: return path.size() == value_.size() && startsWith(path, value_, case_sensitive_);
    case Path::kSeparatedPrefix:
      return startsWith(path, value_, case_sensitive_) && (path.size() == value_.size() || path[value_.size()] == '/');
    default: return regex_->fullMatch(path);
  }
}

bool RouteMatch::matchesRest(const MatchInput& input) const {
  if (fraction_.has_value() && !fraction_->covers(input.random, input.runtime)) return false;
  if (grpc_ && (input.path.data() == nullptr || !isGrpc(input.headers))) return false;
  if (presented_.has_value() || validated_.has_value()) {
    const net::TlsInfo* tls = input.connection == nullptr ? nullptr : input.connection->tls;
    const bool presented = input.certificate_presented || (tls != nullptr && tls->peerCertificatePresented());
    const bool validated = input.certificate_validated || (tls != nullptr && tls->peerCertificateValidated());
    if (presented_.value_or(presented) != presented || validated_.value_or(validated) != validated) return false;
  }
  if (!http::allMatchHeaders(headers_, input.headers)) return false;
  for (const http::FieldMatcher& matcher : query_) {
    if (!matcher.matchesQuery(input.query)) return false;
  }
  for (const http::FieldMatcher& matcher : cookies_) {
    if (!matcher.matchesCookie(input.headers)) return false;
  }
  return true;
}

size_t RouteMatch::matchedLength(std::string_view path) const {
  switch (path_) {
    case Path::kPrefix:
    case Path::kExact:
    case Path::kSeparatedPrefix: return value_.size();
    default: return path.size();
  }
}

}  // namespace nuncio::routing
