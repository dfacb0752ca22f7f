#include "routing/hash_policy.h"

#include <algorithm>

#include "base/xxhash64.h"
#include "generated/plan.h"
#include "http/dynamic_metadata.h"
#include "http/matcher.h"
#include "http/path.h"

namespace nuncio::routing {
namespace {

/** Of one header; more than these are not looked at. */
constexpr size_t kMaxValues = 32;

/** "; Max-Age=…; Path=…; name=value; HttpOnly", as Envoy writes them. */
std::string cookieTail(const plan::HashPolicy& plan) {
  std::string tail;
  if (plan.cookie_ttl_s.value_or(0) != 0) tail += "; Max-Age=" + std::to_string(*plan.cookie_ttl_s);
  if (!plan.cookie_path.empty()) tail += "; Path=" + plan.cookie_path;
  for (const std::string& attribute : plan.cookie_attributes) tail += "; " + attribute;
  tail += "; HttpOnly";
  return tail;
}

}  // namespace

base::Result<HashPolicies, std::string> HashPolicies::make(const std::vector<plan::HashPolicy>& plans) {
  HashPolicies result;
  for (const plan::HashPolicy& plan : plans) {
    Policy policy{};
    using Plan = plan::HashPolicy::Kind;
    switch (plan.kind) {
      case Plan::HEADER: policy.kind = Kind::kHeader; break;
      case Plan::COOKIE: policy.kind = Kind::kCookie; break;
      case Plan::SOURCE_IP: policy.kind = Kind::kSourceIp; break;
      case Plan::QUERY_PARAMETER: policy.kind = Kind::kQueryParameter; break;
      case Plan::FILTER_STATE: policy.kind = Kind::kFilterState; break;
      default: return std::string("unknown kind of hash policy");
    }
    policy.terminal = plan.terminal;
    policy.name = plan.name;
    policy.ttl_s = plan.cookie_ttl_s;
    if (policy.kind == Kind::kCookie) policy.cookie_tail = cookieTail(plan);
    if (plan.rewrite.has_value()) {
      auto regex = base::Regex::make(plan.rewrite->pattern);
      if (!regex.ok()) return std::move(regex.error());
      policy.rewrite = base::RegexRewrite{std::move(regex.value()), plan.rewrite->substitution};
    }
    result.policies_.push_back(std::move(policy));
  }
  return result;
}

std::optional<uint64_t> HashPolicies::hashOf(const Policy& policy, const HashInput& input) {
  http::HeaderMap& headers = input.headers;
  switch (policy.kind) {
    case Kind::kHeader: {
      // All values count, in whatever order they come.
      const std::string_view name = policy.name == "host" ? ":authority" : std::string_view(policy.name);
      std::string_view values[kMaxValues];
      size_t count = 0;
      for (const http::Header& header : headers.entries()) {
        if (count == kMaxValues || header.name != name) continue;
        values[count++] = policy.rewrite.has_value() ? policy.rewrite->apply(headers.arena(), header.value) : header.value;
      }
      if (count == 0) return std::nullopt;
      std::sort(values, values + count);
      uint64_t hash = 0;
      for (size_t i = 0; i < count; ++i) hash = base::xxHash64(values[i], hash);
      return hash;
    }
    case Kind::kCookie: {
      const std::string_view value = http::cookieValue(headers, policy.name);
      if (!value.empty()) return base::xxHash64(value);
      if (!policy.ttl_s.has_value() || input.new_cookie == nullptr) return std::nullopt;
      const uint64_t hash = base::xxHash64(input.made_up_cookie);
      char hex[16];
      for (int i = 0; i < 16; ++i) hex[i] = "0123456789abcdef"[(hash >> (60 - 4 * i)) & 15];
      const std::string_view text = headers.arena().copy({hex, sizeof(hex)});
      *input.new_cookie = NewCookie{policy.name, text,
                                    headers.arena().concat(std::string_view(policy.name), "=\"", text, "\"", policy.cookie_tail)};
      return base::xxHash64(text);
    }
    case Kind::kSourceIp: return input.source_ip.empty() ? std::nullopt : std::optional(base::xxHash64(input.source_ip));
    case Kind::kQueryParameter: {
      const std::string_view value = http::queryParameter(http::queryOf(headers.get(http::HeaderId::kPath)), policy.name);
      return value.data() == nullptr ? std::nullopt : std::optional(base::xxHash64(value));
    }
    case Kind::kFilterState: {
      for (const http::FilterState* state : {input.filter_state, input.connection_state}) {
        const std::string_view text = state == nullptr ? std::string_view() : state->find(policy.name);
        if (text.data() != nullptr) return base::xxHash64(text);
      }
      break;
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> HashPolicies::hash(const HashInput& input) const {
  std::optional<uint64_t> combined;
  for (const Policy& policy : policies_) {
    const std::optional<uint64_t> one = hashOf(policy, input);
    if (one.has_value()) {
      // Rotating keeps two equal values from cancelling each other out.
      const uint64_t before = combined.has_value() ? (*combined << 1) | (*combined >> 63) : 0;
      combined = before ^ *one;
    }
    if (policy.terminal && combined.has_value()) break;
  }
  return combined;
}

}  // namespace nuncio::routing
