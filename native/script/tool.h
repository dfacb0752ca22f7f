// Tool: what a built-in filter in TypeScript has native code do for it, by the same rules as the rest of the proxy: a
// matcher, a format, descriptors of rate limits. Made from its plan; belongs to JavaScript, which frees it when nobody holds
// it any more. Worker thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "generated/plan.h"
#include "http/header_mutation.h"
#include "http/matcher.h"
#include "http/substitution/formatter.h"
#include "http_proxy/filter_stream.h"
#include "routing/fraction.h"
#include "routing/rate_limits.h"
#include "routing/route_match.h"

namespace nuncio::script {

class Tool {
 public:
  static base::Result<std::unique_ptr<Tool>, std::string> make(const plan::Tool& plan);

  /** Of the stream's request: a match or a header. True for a tool of another kind. */
  bool matches(http_proxy::FilterStream& stream) const;
  bool matchesText(std::string_view text) const { return text_ && text_->matches(text); }
  /** Appends to `out`. */
  void format(http_proxy::FilterStream& stream, base::TextBuffer& out) const;
  std::string_view rewrite(base::Arena& arena, std::string_view text) const;
  void mutate(http::HeaderMap& headers, http_proxy::FilterStream& stream) const;
  bool covers(WorkerContext& worker) const;
  const routing::RateLimits& limits() const { return limits_; }

 private:
  std::string fill(const plan::Tool& plan);

  std::optional<routing::RouteMatch> match_;
  std::optional<http::StringMatcher> text_;
  std::optional<http::Formatter> format_;
  std::optional<http::FieldMatcher> header_;
  std::optional<base::RegexRewrite> rewrite_;
  std::optional<routing::Fraction> fraction_;
  http::HeaderMutations mutations_;
  routing::RateLimits limits_;
};

}  // namespace nuncio::script
