// envoy.filters.http.header_to_metadata: what headers and cookies say, as dynamic metadata.
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/regex.h"
#include "generated/filters/http/header_to_metadata/plan.h"
#include "http/matcher.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http::MetadataValue;
using http_proxy::FilterStream;
using http_proxy::Verdict;
namespace plans = plan::header_to_metadata;

constexpr size_t kMaxValue = 8 * 1024;

struct Pair {
  const plans::Pair* plan;
  std::optional<base::RegexRewrite> rewrite;
};

struct Rule {
  const plans::Rule* plan;
  std::unique_ptr<const Pair> present;
  std::unique_ptr<const Pair> missing;
};

struct MetadataRules final : routing::RouteSettings {
  static base::Result<std::unique_ptr<const MetadataRules>, std::string> make(std::span<const uint8_t> bytes) {
    auto made = std::make_unique<MetadataRules>();
    if (!plans::decode(bytes, made->plan)) return std::string("malformed plan");
    for (const auto& [from, to] : {std::pair(&made->plan.request, &made->request), {&made->plan.response, &made->response}}) {
      for (const plans::Rule& one : *from) {
        Rule& rule = to->emplace_back();
        rule.plan = &one;
        for (const auto& [pair, out] : {std::pair(&one.present, &rule.present), {&one.missing, &rule.missing}}) {
          if (!*pair) continue;
          auto ready = std::make_unique<Pair>();
          ready->plan = &**pair;
          if ((*pair)->rewrite) {
            auto regex = base::Regex::make((*pair)->rewrite->pattern);
            if (!regex.ok()) return std::move(regex.error());
            ready->rewrite.emplace(base::RegexRewrite{std::move(regex.value()), (*pair)->rewrite->substitution});
          }
          *out = std::move(ready);
        }
      }
    }
    return std::unique_ptr<const MetadataRules>(std::move(made));
  }

  plans::HeaderToMetadata plan;
  std::vector<Rule> request;
  std::vector<Rule> response;
};

class HeaderToMetadata final : public http_proxy::Filter {
 public:
  explicit HeaderToMetadata(const MetadataRules& own) : own_(own) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    apply(rulesOf(stream).request, headers, stream);
    return Verdict::kContinue;
  }
  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    apply(rulesOf(stream).response, headers, stream);
    return Verdict::kContinue;
  }

 private:
  const MetadataRules& rulesOf(FilterStream& stream) {
    const auto* route = stream.routeSettings<MetadataRules>();
    return route == nullptr ? own_ : *route;
  }

  static void apply(const std::vector<Rule>& rules, http::HeaderMap& headers, FilterStream& stream) {
    for (const Rule& rule : rules) {
      const std::string_view value = valueOf(rule, headers);
      if (value.data() != nullptr) {
        if (rule.present != nullptr) put(*rule.present, value, stream);
      } else if (rule.missing != nullptr) {
        put(*rule.missing, {}, stream);
      }
    }
  }

  /** Null data: there is none. */
  static std::string_view valueOf(const Rule& rule, http::HeaderMap& headers) {
    if (rule.plan->header.empty()) {
      const std::string_view cookie = http::cookieValue(headers, rule.plan->cookie);
      return cookie.empty() ? std::string_view() : cookie;
    }
    if (headers.find(rule.plan->header) == nullptr) return {};
    const std::string_view value = headers.getJoined(rule.plan->header);
    if (rule.plan->remove) headers.remove(rule.plan->header);
    return value.data() == nullptr ? std::string_view("", 0) : value;
  }

  static void put(const Pair& pair, std::string_view value, FilterStream& stream) {
    base::Arena& arena = stream.arena();
    if (!pair.plan->value.empty()) {
      value = pair.plan->value;
    } else if (pair.rewrite) {
      value = pair.rewrite->apply(arena, value);
    }
    if (value.empty() || value.size() >= kMaxValue) return;
    if (pair.plan->base64) {
      value = decoded(arena, value);
      if (value.empty()) return;
    }
    if (!pair.plan->number) return stream.dynamicMetadata().setString(pair.plan->name, pair.plan->key, value);
    const std::string text(value);
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    while (end != nullptr && (*end == ' ' || *end == '\t')) ++end;
    if (end == text.c_str() || *end != '\0') return;
    stream.dynamicMetadata().set(pair.plan->name, pair.plan->key, MetadataValue::number(number));
  }

  /** Base64 with or without its padding; empty: it is none. */
  static std::string_view decoded(base::Arena& arena, std::string_view value) {
    while (value.ends_with('=')) value.remove_suffix(1);
    if (value.size() % 4 == 1) return {};
    const std::string_view padded = value.size() % 4 == 0 ? value : arena.concat(value, value.size() % 4 == 2 ? "==" : "=");
    char* out = arena.array<char>(padded.size());
    const auto size = base::decodeBase64(padded, out);
    return size ? std::string_view(out, *size) : std::string_view();
  }

  const MetadataRules& own_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeHeaderToMetadata(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto rules = MetadataRules::make(bytes);
  if (!rules.ok()) return std::move(rules.error());
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::PlainFactory<HeaderToMetadata, MetadataRules>>(std::move(rules.value())));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeHeaderToMetadataRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto rules = MetadataRules::make(bytes);
  if (!rules.ok()) return std::move(rules.error());
  return http_proxy::RouteSettingsPtr(std::move(rules.value()));
}

}  // namespace

extern const http_proxy::FilterEntry header_to_metadata = {"envoy.filters.http.header_to_metadata", &makeHeaderToMetadata,
                                                           &makeHeaderToMetadataRoute};

}  // namespace nuncio::ext
