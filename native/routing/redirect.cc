#include "routing/redirect.h"

#include "generated/plan.h"
#include "http/path.h"

namespace nuncio::routing {
namespace {

using http::HeaderId;

/** The request's host; without its port when that is the default of the old scheme and the scheme changes. */
std::string_view requestHost(http::HeaderMap& headers, std::string_view new_scheme, std::string_view new_port) {
  const std::string_view host = headers.get(HeaderId::kAuthority);
  if (host.empty()) return host;
  size_t colon;
  if (host[0] == '[') {
    colon = host.rfind("]:");
    if (colon != std::string_view::npos) ++colon;
  } else {
    colon = host.rfind(':');
  }
  if (colon == std::string_view::npos) return host;
  const std::string_view port = host.substr(colon);
  const std::string_view old_scheme = headers.get(HeaderId::kXForwardedProto);
  bool drop = !new_port.empty();
  if (new_scheme != old_scheme) {
    drop = drop || (old_scheme == "https" && port == ":443") || (old_scheme == "http" && port == ":80");
  }
  return drop ? host.substr(0, colon) : host;
}

}  // namespace

base::Result<Redirect, std::string> Redirect::make(const plan::RedirectAction& plan) {
  Redirect redirect;
  redirect.code = plan.code == 0 ? 301 : plan.code;
  redirect.scheme = !plan.scheme.empty() ? plan.scheme : plan.https ? "https" : "";
  redirect.host = plan.host;
  if (plan.port != 0) redirect.port = ":" + std::to_string(plan.port);
  redirect.path = plan.path;
  redirect.path_has_query = plan.path.find('?') != std::string::npos;
  redirect.strip_query = plan.strip_query;
  if (plan.path_format.has_value()) {
    auto format = http::Formatter::make(*plan.path_format);
    if (!format.ok()) return std::move(format.error().message);
    redirect.path_format.emplace(std::move(format.value()));
  }
  redirect.prefix_rewrite = plan.prefix_rewrite;
  if (plan.regex_rewrite.has_value()) {
    auto regex = base::Regex::make(plan.regex_rewrite->pattern);
    if (!regex.ok()) return std::move(regex.error());
    redirect.regex_rewrite = base::RegexRewrite{std::move(regex.value()), plan.regex_rewrite->substitution};
  }
  return redirect;
}

std::string_view Redirect::rewrittenPath(base::Arena& arena, std::string_view target, size_t matched) const {
  if (regex_rewrite.has_value()) {
    const std::string_view path = http::pathWithoutQuery(target);
    return arena.concat(regex_rewrite->apply(arena, path), target.substr(path.size()));
  }
  if (!prefix_rewrite.has_value() || prefix_rewrite->empty()) return {};
  return arena.concat(*prefix_rewrite, target.substr(std::min(matched, target.size())));
}

std::string_view locationOf(http::HeaderMap& headers, const Redirect* redirect, const RedirectContext* context) {
  static const Redirect kNone;
  const Redirect& rules = redirect == nullptr ? kNone : *redirect;
  base::Arena& arena = headers.arena();
  const std::string_view scheme = rules.scheme.empty() ? headers.get(HeaderId::kScheme) : std::string_view(rules.scheme);
  const std::string_view host = rules.host.empty() ? requestHost(headers, scheme, rules.port) : std::string_view(rules.host);
  const std::string_view target = headers.get(HeaderId::kPath);
  const size_t mark = target.find('?');
  const std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark);
  std::string_view path = target.substr(0, mark);
  std::string_view kept_query = rules.strip_query ? std::string_view() : query;
  if (!rules.path.empty()) {
    path = rules.path;
    if (rules.path_has_query) kept_query = {};
  } else if (rules.path_format && context != nullptr) {
    context->scratch.clear();
    rules.path_format->append(context->format, context->scratch);
    path = arena.copy(context->scratch.view());
    if (path.find('?') != std::string_view::npos) kept_query = {};
  }
  return arena.concat(scheme, "://", host, rules.port, path, kept_query);
}

std::string_view tlsLocationOf(http::HeaderMap& headers) {
  return headers.arena().concat("https://", headers.get(HeaderId::kAuthority), headers.get(HeaderId::kPath));
}

}  // namespace nuncio::routing
