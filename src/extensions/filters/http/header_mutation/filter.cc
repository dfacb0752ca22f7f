// envoy.filters.http.header_mutation: changes headers, trailers and query parameters, in the order given.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "generated/filters/http/header_mutation/plan.h"
#include "http/joined_headers.h"
#include "http/matcher.h"
#include "http/path.h"
#include "http/substitution/formatter.h"
#include "http_proxy/filter.h"
#include "http_proxy/filter_stream.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http::HeaderMap;
using http_proxy::FilterStream;
using http_proxy::Verdict;
namespace plans = plan::header_mutation;
using Action = plans::Step::Action;

/** The text of a format for one stream; a constant one where it is, else a copy in the arena. */
std::string_view valueOf(const http::Formatter& format, FilterStream& stream) {
  if (format.isConstant()) return format.constant();
  base::TextBuffer& scratch = stream.worker().scratch;
  scratch.clear();
  format.append(stream.formatContext(), scratch);
  return stream.arena().copy(scratch.view());
}

// ---------------------------------------------------------------- headers and trailers

struct Step {
  Action action;
  bool keep_empty;
  bool joins;
  std::string name;
  std::unique_ptr<const http::Formatter> value;
  std::unique_ptr<const http::StringMatcher> matcher;
};

class Steps {
 public:
  static std::string fill(const std::vector<plans::Step>& plan, http::MessageSide side, Steps& out) {
    for (const plans::Step& one : plan) {
      const std::string name = one.name == "host" ? ":authority" : one.name;
      Step step{one.action, one.keep_empty_value, http::joinsRepeated(name, side), name, nullptr, nullptr};
      if (one.value) {
        auto format = http::Formatter::make(*one.value);
        if (!format.ok()) return name + ": " + format.error().message;
        step.value = std::make_unique<const http::Formatter>(std::move(format.value()));
      }
      if (one.matcher) {
        auto matcher = http::StringMatcher::make(*one.matcher);
        if (!matcher.ok()) return matcher.error();
        step.matcher = std::make_unique<const http::StringMatcher>(std::move(matcher.value()));
      }
      out.steps_.push_back(std::move(step));
    }
    return {};
  }

  void apply(HeaderMap& headers, FilterStream& stream) const {
    for (const Step& step : steps_) apply(step, headers, stream);
  }

 private:
  static void apply(const Step& step, HeaderMap& headers, FilterStream& stream) {
    switch (step.action) {
      case Action::REMOVE: headers.remove(step.name); return;
      case Action::REMOVE_ON_MATCH: return removeMatching(step, headers);
      case Action::ADD_IF_ABSENT:
        if (headers.find(step.name) != nullptr) return;
        break;
      case Action::OVERWRITE_IF_EXISTS:
        if (headers.find(step.name) == nullptr) return;
        break;
      default: break;
    }
    if (step.value == nullptr) return;
    const std::string_view value = valueOf(*step.value, stream);
    if (value.empty() && !step.keep_empty) return;
    if (step.action == Action::OVERWRITE_IF_EXISTS || step.action == Action::OVERWRITE_IF_EXISTS_OR_ADD) {
      if (step.name[0] != ':') headers.remove(step.name);
      return headers.set(step.name, value);
    }
    if (step.joins) {
      for (http::Header& header : headers.entries()) {
        if (header.name != step.name) continue;
        header.value = headers.arena().concat(header.value, ",", value);
        return;
      }
    }
    headers.add(step.name, value);
  }

  static void removeMatching(const Step& step, HeaderMap& headers) {
    for (size_t i = 0; i < headers.size();) {
      const http::Header& header = headers.entries()[i];
      if (header.name.empty() || header.name[0] == ':' || !step.matcher->matches(header.name)) {
        ++i;
      } else {
        headers.remove(header.name);
      }
    }
  }

  std::vector<Step> steps_;
};

// ---------------------------------------------------------------- query parameters

struct Parameter {
  std::string_view key;   // decoded
  std::string_view text;  // as it is written, name and value
};

int hexDigit(char c) {
  if (base::isDigit(c)) return c - '0';
  const char low = base::toLower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

std::string_view decoded(base::Arena& arena, std::string_view text) {
  if (text.find('%') == std::string_view::npos) return text;
  char* out = arena.array<char>(text.size());
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hexDigit(text[i + 1]);
      const int low = hexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out[size++] = static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out[size++] = text[i];
  }
  return {out, size};
}

bool staysPlain(char c) {
  return base::isDigit(c) || (base::toLower(c) >= 'a' && base::toLower(c) <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
}

void appendEncoded(std::string_view text, base::TextBuffer& out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (staysPlain(c)) {
      out.append(c);
      continue;
    }
    out.append('%');
    out.append(kHex[static_cast<unsigned char>(c) >> 4]);
    out.append(kHex[static_cast<unsigned char>(c) & 15]);
  }
}

/**
 * A query taken apart: parameters of one name stand together, names in the order of the alphabet, as Envoy writes them
 * anew. What was there keeps its escapes, for a decoded blank would end the request target.
 */
class Query {
 public:
  Query(base::Arena& arena, std::string_view text) : arena_(arena) {
    while (!text.empty()) {
      const size_t end = text.find('&');
      const std::string_view item = text.substr(0, end);
      const size_t equals = item.find('=');
      insert(decoded(arena, item.substr(0, equals)), equals == std::string_view::npos ? arena.concat(item, "=") : item);
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
  }

  bool has(std::string_view key) const { return std::any_of(all_, all_ + size_, [&](const Parameter& one) { return one.key == key; }); }
  void remove(std::string_view key) {
    size_ = static_cast<size_t>(std::remove_if(all_, all_ + size_, [&](const Parameter& one) { return one.key == key; }) - all_);
  }
  void add(std::string_view key, std::string_view value, base::TextBuffer& scratch) {
    scratch.clear();
    appendEncoded(key, scratch);
    scratch.append('=');
    appendEncoded(value, scratch);
    insert(key, arena_.copy(scratch.view()));
  }
  void write(base::TextBuffer& out) const {
    for (size_t i = 0; i < size_; ++i) {
      out.append(i == 0 ? '?' : '&');
      out.append(all_[i].text);
    }
  }

 private:
  void insert(std::string_view key, std::string_view text) {
    if (size_ == capacity_) grow();
    Parameter* at = std::upper_bound(all_, all_ + size_, key, [](std::string_view wanted, const Parameter& one) { return wanted < one.key; });
    std::move_backward(at, all_ + size_, all_ + size_ + 1);
    *at = {key, text};
    ++size_;
  }
  void grow() {
    capacity_ = capacity_ == 0 ? 8 : capacity_ * 2;
    auto* more = arena_.array<Parameter>(capacity_);
    std::copy(all_, all_ + size_, more);
    all_ = more;
  }

  base::Arena& arena_;
  Parameter* all_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

struct QueryStep {
  Action action;
  std::string key;
  std::unique_ptr<const http::Formatter> value;
};

// ---------------------------------------------------------------- one level's mutations

class Mutations final : public routing::RouteSettings {
 public:
  static base::Result<std::unique_ptr<const Mutations>, std::string> make(const plans::Mutations& plan) {
    auto made = std::make_unique<Mutations>();
    for (std::string error : {Steps::fill(plan.request, http::MessageSide::kRequest, made->request),
                              Steps::fill(plan.response, http::MessageSide::kResponse, made->response),
                              Steps::fill(plan.request_trailers, http::MessageSide::kRequest, made->request_trailers),
                              Steps::fill(plan.response_trailers, http::MessageSide::kResponse, made->response_trailers)}) {
      if (!error.empty()) return error;
    }
    for (const plans::QueryStep& one : plan.query) {
      QueryStep step{one.action, one.key, nullptr};
      if (one.value) {
        auto format = http::Formatter::make(*one.value);
        if (!format.ok()) return one.key + ": " + format.error().message;
        step.value = std::make_unique<const http::Formatter>(std::move(format.value()));
      }
      made->query_.push_back(std::move(step));
    }
    return std::unique_ptr<const Mutations>(std::move(made));
  }

  void changeRequest(HeaderMap& headers, FilterStream& stream) const {
    request.apply(headers, stream);
    if (!query_.empty() && headers.has(http::HeaderId::kPath)) changeQuery(headers, stream);
  }

  Steps request;
  Steps response;
  Steps request_trailers;
  Steps response_trailers;

 private:
  void changeQuery(HeaderMap& headers, FilterStream& stream) const {
    base::Arena& arena = stream.arena();
    const std::string_view target = headers.get(http::HeaderId::kPath);
    Query query(arena, http::queryOf(target));
    for (const QueryStep& step : query_) change(step, query, stream);
    base::TextBuffer& scratch = stream.worker().scratch;
    scratch.clear();
    scratch.append(target.substr(0, target.find('?')));
    query.write(scratch);
    headers.set(http::HeaderId::kPath, arena.copy(scratch.view()));
  }

  static void change(const QueryStep& step, Query& query, FilterStream& stream) {
    if (step.action == Action::REMOVE || step.value == nullptr) return query.remove(step.key);
    const bool there = query.has(step.key);
    if (step.action == Action::ADD_IF_ABSENT && there) return;
    if (step.action == Action::OVERWRITE_IF_EXISTS && !there) return;
    const std::string_view value = valueOf(*step.value, stream);
    if (step.action == Action::OVERWRITE_IF_EXISTS || step.action == Action::OVERWRITE_IF_EXISTS_OR_ADD) query.remove(step.key);
    query.add(step.key, value, stream.worker().scratch);
  }

  std::vector<QueryStep> query_;
};

// ---------------------------------------------------------------- the filter

class HeaderMutation final : public http_proxy::Filter {
 public:
  HeaderMutation(const Mutations& own, bool most_specific_wins) : own_(own), most_specific_wins_(most_specific_wins) {}

  Verdict onRequestHeaders(HeaderMap& headers, FilterStream& stream, bool) override {
    each(stream, [&](const Mutations& level) { level.changeRequest(headers, stream); });
    return Verdict::kContinue;
  }
  Verdict onRequestTrailers(HeaderMap& trailers, FilterStream& stream) override {
    each(stream, [&](const Mutations& level) { level.request_trailers.apply(trailers, stream); });
    return Verdict::kContinue;
  }
  Verdict onResponseHeaders(HeaderMap& headers, FilterStream& stream, bool) override {
    each(stream, [&](const Mutations& level) { level.response.apply(headers, stream); });
    return Verdict::kContinue;
  }
  Verdict onResponseTrailers(HeaderMap& trailers, FilterStream& stream) override {
    each(stream, [&](const Mutations& level) { level.response_trailers.apply(trailers, stream); });
    return Verdict::kContinue;
  }

 private:
  /** The filter's own mutations, then those of the levels; these are looked up once, so that both directions have the same. */
  template <class Visit>
  void each(FilterStream& stream, Visit&& visit) {
    if (!looked_up_) lookUp(stream);
    visit(own_);
    for (size_t i = 0; i < count_; ++i) visit(*levels_[most_specific_wins_ ? i : count_ - 1 - i]);
  }
  void lookUp(FilterStream& stream) {
    looked_up_ = true;
    stream.eachRouteSettings<Mutations>([&](const Mutations& level) { levels_[count_++] = &level; });
  }

  const Mutations& own_;
  const Mutations* levels_[routing::Route::kLevels];
  uint8_t count_ = 0;
  const bool most_specific_wins_;
  bool looked_up_ = false;
};

class HeaderMutationFactory final : public http_proxy::FilterFactory {
 public:
  HeaderMutationFactory(std::unique_ptr<const Mutations> own, bool most_specific_wins)
      : own_(std::move(own)), most_specific_wins_(most_specific_wins) {}
  http_proxy::Filter* create(base::Arena& arena, WorkerContext&, http_proxy::FilterRuntime*) const override {
    return arena.make<HeaderMutation>(*own_, most_specific_wins_);
  }

 private:
  const std::unique_ptr<const Mutations> own_;
  const bool most_specific_wins_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeHeaderMutation(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plans::HeaderMutationFilter plan;
  if (!plans::decode(bytes, plan)) return std::string("malformed plan");
  auto own = Mutations::make(plan.mutations.value_or(plans::Mutations{}));
  if (!own.ok()) return std::move(own.error());
  return http_proxy::FilterFactoryPtr(std::make_unique<HeaderMutationFactory>(std::move(own.value()), plan.most_specific_wins));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeHeaderMutationRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plans::Mutations plan;
  if (!plans::decode(bytes, plan)) return std::string("malformed plan");
  auto made = Mutations::make(plan);
  if (!made.ok()) return std::move(made.error());
  return http_proxy::RouteSettingsPtr(std::move(made.value()));
}

}  // namespace

extern const http_proxy::FilterEntry header_mutation = {"envoy.filters.http.header_mutation", &makeHeaderMutation, &makeHeaderMutationRoute};

}  // namespace nuncio::ext
