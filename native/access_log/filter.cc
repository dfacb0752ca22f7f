#include "access_log/filter.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "base/ascii.h"
#include "generated/plan.h"
#include "http/dynamic_metadata.h"
#include "http/header_map.h"
#include "http/matcher.h"
#include "http/request_id.h"
#include "http/substitution/grpc_status.h"

namespace nuncio::access_log {

using plan::AccessLogFilter;
using Kind = AccessLogFilter::Kind;

struct Filter::Node {
  Kind kind = Kind::STATUS_CODE;
  AccessLogFilter::Op op = AccessLogFilter::Op::EQ;
  bool exclude = false;                  // METADATA: passes when the key is not found
  bool independent_randomness = false;
  uint32_t value = 0;
  uint64_t bits = 0;                     // response flags, log types, gRPC statuses (0 to 16)
  uint32_t numerator = 0;
  uint32_t denominator = 100;
  std::string runtime_key;
  std::vector<std::string> path;         // METADATA: filter name, then keys
  std::optional<http::FieldMatcher> matcher;
  std::vector<Node> children;

  bool passes(const http::FormatContext& context, const Conditions& conditions) const;
  bool compares(uint64_t actual, const Conditions& conditions) const;
  bool sampled(const http::FormatContext& context, const Conditions& conditions) const;
  bool headerMatches(const http::FormatContext& context) const;
  bool metadataMatches(const http::FormatContext& context) const;
};

namespace {

bool addFlag(std::string_view name, uint64_t& bits) {
  for (unsigned i = 0; i < static_cast<unsigned>(http::ResponseFlag::kCount); ++i) {
    if (http::shortName(static_cast<http::ResponseFlag>(i)) == name) return bits |= 1ull << i, true;
  }
  return false;
}

bool addLogType(std::string_view name, uint64_t& bits) {
  for (unsigned i = 0; i < static_cast<unsigned>(http::AccessLogType::kCount); ++i) {
    if (http::accessLogTypeName(static_cast<http::AccessLogType>(i)) == name) return bits |= 1ull << i, true;
  }
  return false;
}

bool hasBit(uint64_t bits, uint64_t at) { return at < 64 && ((bits >> at) & 1) != 0; }

// Fractions are kept in parts per million; the sampling arithmetic is in the denominator the configuration has.
void setFraction(const plan::Fraction& fraction, uint32_t& numerator, uint32_t& denominator) {
  denominator = fraction.denominator == 0 ? 100 : fraction.denominator;
  numerator = static_cast<uint32_t>(static_cast<uint64_t>(fraction.ppm) * denominator / 1'000'000);
}

}  // namespace

Filter::Filter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

namespace {

using NodeError = std::optional<std::string>;

template <class Node>
NodeError fill(const AccessLogFilter& plan, Node& node) {
  node.kind = plan.kind;
  node.op = plan.op;
  node.value = plan.value;
  node.runtime_key = plan.runtime_key;
  node.exclude = plan.exclude;
  node.independent_randomness = plan.independent_randomness;
  if (plan.fraction.has_value()) setFraction(*plan.fraction, node.numerator, node.denominator);
  for (const std::string& name : plan.flags) {
    const bool known = plan.kind == Kind::LOG_TYPE ? addLogType(name, node.bits) : plan.kind != Kind::RESPONSE_FLAG || addFlag(name, node.bits);
    if (!known) return "unknown response flag or log type '" + name + "' in an access log filter";
  }
  for (const uint32_t status : plan.grpc_statuses) node.bits |= status < 64 ? 1ull << status : 0;
  if (plan.kind == Kind::METADATA) node.path = plan.flags;
  if (plan.header.has_value()) {
    base::Result<http::FieldMatcher, std::string> made = http::FieldMatcher::make(*plan.header);
    if (!made.ok()) return std::move(made.error());
    node.matcher.emplace(std::move(made.value()));
  } else if (plan.kind == Kind::HEADER) {
    return "an access log filter by header has no matcher";
  }
  for (const AccessLogFilter& each : plan.children) {
    if (NodeError error = fill(each, node.children.emplace_back())) return error;
  }
  return std::nullopt;
}

}  // namespace

base::Result<Filter, std::string> Filter::make(const AccessLogFilter& plan) {
  auto root = std::make_unique<Node>();
  if (NodeError error = fill(plan, *root)) return std::move(*error);
  return Filter(std::move(root));
}

bool Filter::passes(const http::FormatContext& context, const Conditions& conditions) const {
  return root_->passes(context, conditions);
}

bool Filter::Node::passes(const http::FormatContext& context, const Conditions& conditions) const {
  const http::StreamInfo& info = context.info;
  const auto passing = [&](const Node& child) { return child.passes(context, conditions); };
  switch (kind) {
    case Kind::STATUS_CODE: return compares(info.response_code, conditions);
    case Kind::DURATION: {
      const int64_t end = info.at.end != 0 ? info.at.end : context.now_ns;
      return compares(end > info.at.start ? static_cast<uint64_t>(end - info.at.start) / 1'000'000 : 0, conditions);
    }
    case Kind::NOT_HEALTH_CHECK: return !info.health_check;
    case Kind::TRACEABLE: return info.trace_reason == http::TraceReason::kForced && !info.health_check;
    case Kind::RUNTIME: return sampled(context, conditions);
    case Kind::AND: return std::all_of(children.begin(), children.end(), passing);
    case Kind::OR: return std::any_of(children.begin(), children.end(), passing);
    case Kind::HEADER: return headerMatches(context);
    case Kind::RESPONSE_FLAG:
      if (bits == 0) return !info.flags.empty();
      for (size_t i = 0; i < info.flags.size(); ++i) {
        if (hasBit(bits, static_cast<uint64_t>(info.flags[i]))) return true;
      }
      return false;
    case Kind::GRPC_STATUS:
      return hasBit(bits, http::substitution::grpcStatus(context).value_or(2)) != exclude;
    case Kind::METADATA: return metadataMatches(context);
    case Kind::LOG_TYPE: return hasBit(bits, static_cast<uint64_t>(info.log_type)) != exclude;
  }
  return true;
}

bool Filter::Node::compares(uint64_t actual, const Conditions& conditions) const {
  const uint64_t expected = runtime_key.empty() ? value : conditions.runtimeInteger(runtime_key, value);
  switch (op) {
    case AccessLogFilter::Op::EQ: return actual == expected;
    case AccessLogFilter::Op::GE: return actual >= expected;
    case AccessLogFilter::Op::LE: return actual <= expected;
    case AccessLogFilter::Op::NE: return actual != expected;
  }
  return false;
}

// The request id decides, so that all hops of a request sample alike; without one, chance does.
bool Filter::Node::sampled(const http::FormatContext& context, const Conditions& conditions) const {
  const std::optional<uint64_t> stable = independent_randomness ? std::nullopt : http::requestIdNumber(context.info.request_id);
  const uint64_t draw = stable.has_value() ? *stable : conditions.random();
  const uint64_t limit = runtime_key.empty() ? numerator : conditions.runtimeInteger(runtime_key, numerator);
  return draw % denominator < limit;
}

bool Filter::Node::headerMatches(const http::FormatContext& context) const {
  if (context.request == nullptr) return matcher->matches({});
  // Joining repeated headers puts the joined text into the map's arena and leaves the map as it is.
  return matcher->matchesHeader(const_cast<http::HeaderMap&>(*context.request));
}

bool Filter::Node::metadataMatches(const http::FormatContext& context) const {
  const http::DynamicMetadata* store = context.info.dynamic_metadata;
  const http::MetadataValue* found = store == nullptr || path.empty() ? nullptr : store->find(path);
  if (found == nullptr || !matcher.has_value()) return exclude;
  if (found->kind == http::MetadataValue::Kind::kString) return matcher->matches(found->text);
  base::TextBuffer json;
  found->writeJson(json);
  return matcher->matches(json.view());
}

}  // namespace nuncio::access_log
