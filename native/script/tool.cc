#include "script/tool.h"

#include "http_proxy/filter_support.h"

namespace nuncio::script {
namespace {

/** Fills `out` with what `T::make` makes of a plan that is there; an error, or an empty text. */
template <class T, class Plan>
std::string made(const std::optional<Plan>& plan, std::optional<T>& out) {
  if (!plan) return {};
  auto result = T::make(*plan);
  if (!result.ok()) return result.error();
  out.emplace(std::move(result.value()));
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Tool>, std::string> Tool::make(const plan::Tool& plan) {
  auto tool = std::make_unique<Tool>();
  std::string error = tool->fill(plan);
  if (!error.empty()) return error;
  return tool;
}

std::string Tool::fill(const plan::Tool& plan) {
  for (std::string error : {made(plan.match, match_), made(plan.text, text_), made(plan.header, header_)}) {
    if (!error.empty()) return error;
  }
  if (plan.format) {
    auto format = http::Formatter::make(*plan.format);
    if (!format.ok()) return format.error().message;
    format_.emplace(std::move(format.value()));
  }
  if (plan.rewrite) {
    auto regex = base::Regex::make(plan.rewrite->pattern);
    if (!regex.ok()) return regex.error();
    rewrite_ = base::RegexRewrite{std::move(regex.value()), plan.rewrite->substitution};
  }
  if (plan.limits) {
    auto limits = routing::RateLimits::make(plan.limits->limits);
    if (!limits.ok()) return limits.error();
    limits_ = std::move(limits.value());
  }
  auto mutations = http::HeaderMutations::make(plan.mutations);
  if (!mutations.ok()) return mutations.error();
  mutations_ = std::move(mutations.value());
  if (plan.fraction) fraction_.emplace(*plan.fraction);
  return {};
}

bool Tool::matches(http_proxy::FilterStream& stream) const {
  http::HeaderMap& headers = stream.requestHeaders();
  if (header_) return header_->matchesHeader(headers);
  if (!match_) return true;
  routing::MatchInput input = routing::MatchInput::of(headers, stream.worker().random_source.next());
  if (const net::TlsInfo* tls = stream.info().downstream->tls) {
    input.certificate_presented = tls->peerCertificatePresented();
    input.certificate_validated = tls->peerCertificateValidated();
  }
  return match_->matches(input, input.path);
}

void Tool::format(http_proxy::FilterStream& stream, base::TextBuffer& out) const {
  if (format_) format_->append(stream.formatContext(), out);
}

std::string_view Tool::rewrite(base::Arena& arena, std::string_view text) const {
  return rewrite_ ? rewrite_->pattern->replaceAll(arena, text, rewrite_->substitution) : text;
}

void Tool::mutate(http::HeaderMap& headers, http_proxy::FilterStream& stream) const {
  mutations_.apply(headers, stream.formatContext(), stream.worker().scratch);
}

bool Tool::covers(WorkerContext& worker) const {
  return !fraction_ || http_proxy::covers(*fraction_, worker.random_source.next(), worker);
}

}  // namespace nuncio::script
