#include "routing/rate_limits.h"

#include <netinet/in.h>

#include <charconv>

#include "generated/plan.h"
#include "http/path.h"

namespace nuncio::routing {

using plan::RateLimitAction;

struct RateLimits::Action {
  RateLimitAction::Kind kind = RateLimitAction::Kind::VALUE;
  std::string key;
  std::optional<http::Formatter> value;
  std::string default_value;
  std::string name;
  bool skip_if_absent = false;
  bool unless = false;
  http::FieldMatchers headers;
  http::FieldMatchers query_parameters;
  uint32_t v4_prefix = 32;
  uint32_t v6_prefix = 128;
  std::vector<std::string> path;
  std::vector<std::pair<net::Address, uint32_t>> ranges;
};

struct RateLimits::Limit {
  uint32_t stage = 0;
  std::string disable_key;
  std::vector<Action> actions;
  std::optional<uint64_t> hits;
  std::optional<http::Formatter> hits_format;
  bool negative_hits = false;
  bool on_stream_done = false;
  std::vector<std::string> override_path;
  uint32_t override_requests = 0;
  uint32_t override_unit = 0;
  uint32_t x_ratelimit = 0;
};

namespace {

constexpr double kMaxHits = 1e9;

std::string compileFormat(const std::optional<plan::Format>& plan, std::optional<http::Formatter>& out) {
  if (!plan.has_value()) return {};
  auto format = http::Formatter::make(*plan);
  if (!format.ok()) return format.error().message;
  out.emplace(std::move(format.value()));
  return {};
}

std::string_view textOf(const http::Formatter& format, const DescriptorInput& input) {
  if (format.isConstant()) return format.constant();
  input.scratch.clear();
  format.append(input.context, input.scratch);
  return input.arena.copy(input.scratch.view());
}

/** "10.1.0.0/16": the address with only the bits of the prefix left. */
std::string_view masked(const net::Address& address, uint32_t prefix, DescriptorInput const& input) {
  uint8_t bytes[16] = {};
  const size_t size = address.ipSize();
  for (size_t i = 0; i < size; ++i) {
    const uint32_t kept = prefix <= i * 8 ? 0 : std::min<uint32_t>(8, prefix - static_cast<uint32_t>(i) * 8);
    bytes[i] = static_cast<uint8_t>(address.ipBytes()[i] & (0xff00u >> kept));
  }
  sockaddr_storage storage{};
  socklen_t length = address.toSockaddr(storage);
  if (address.family() == net::Address::Family::kIpv4) {
    std::memcpy(&reinterpret_cast<sockaddr_in&>(storage).sin_addr, bytes, 4);
  } else {
    std::memcpy(&reinterpret_cast<sockaddr_in6&>(storage).sin6_addr, bytes, 16);
  }
  const net::Address network = net::Address::from(reinterpret_cast<const sockaddr*>(&storage), length);
  input.scratch.clear();
  input.scratch.append(network.ipText());
  input.scratch.append('/');
  input.scratch.appendDecimal(static_cast<uint64_t>(prefix));
  return input.arena.copy(input.scratch.view());
}

const http::MetadataValue* routeMetadata(const std::vector<std::string>& path, const DescriptorInput& input) {
  auto* root = input.arena.make<http::MetadataValue>();
  if (input.route_metadata_json.empty() || !http::parseMetadata(input.route_metadata_json, input.arena, *root)) return nullptr;
  const http::MetadataValue* value = root;
  for (const std::string& key : path) {
    if (value != nullptr) value = value->find(key);
  }
  return value;
}

bool allMatchQuery(const http::FieldMatchers& matchers, std::string_view query) {
  for (const http::FieldMatcher& matcher : matchers) {
    if (!matcher.matchesQuery(query)) return false;
  }
  return true;
}

bool anyContains(const std::vector<std::pair<net::Address, uint32_t>>& ranges, const net::Address& address) {
  for (const auto& [network, prefix] : ranges) {
    if (address.within(network, prefix)) return true;
  }
  return false;
}

std::string_view queryOf(http::HeaderMap& headers) {
  const std::string_view path = headers.get(http::HeaderId::kPath);
  const size_t at = path.find('?');
  return at == path.npos ? std::string_view() : path.substr(at + 1);
}

uint32_t unitOf(const http::MetadataValue* unit) {
  if (unit == nullptr || unit->kind != http::MetadataValue::Kind::kString) return 0;
  static constexpr std::pair<std::string_view, uint32_t> kUnits[] = {
      {"SECOND", 1}, {"MINUTE", 2}, {"HOUR", 3}, {"DAY", 4}, {"MONTH", 5}, {"YEAR", 6}, {"WEEK", 7}};
  for (const auto& [name, number] : kUnits) {
    if (unit->text == name) return number;
  }
  return 0;
}

const net::Address& clientOf(const http::StreamInfo& info) {
  return info.remote.family() != net::Address::Family::kNone ? info.remote : info.downstream->remote;
}

}  // namespace

RateLimits::RateLimits() = default;
RateLimits::RateLimits(RateLimits&&) noexcept = default;
RateLimits& RateLimits::operator=(RateLimits&&) noexcept = default;
RateLimits::~RateLimits() = default;

bool RateLimits::empty() const { return limits_.empty(); }

std::string RateLimits::add(const RateLimitAction& plan, std::vector<Action>& actions) {
  Action action;
  action.kind = plan.kind;
  action.key = plan.key;
  action.default_value = plan.default_value;
  action.name = plan.name;
  action.skip_if_absent = plan.skip_if_absent;
  action.unless = plan.unless;
  action.v4_prefix = std::min(plan.v4_prefix, 32u);
  action.v6_prefix = std::min(plan.v6_prefix, 128u);
  action.path = plan.path;
  if (std::string error = compileFormat(plan.value, action.value); !error.empty()) return error;
  for (const auto& [from, to] : {std::pair(&plan.headers, &action.headers), {&plan.query_parameters, &action.query_parameters}}) {
    auto made = http::makeFieldMatchers(*from);
    if (!made.ok()) return made.error();
    *to = std::move(made.value());
  }
  for (const plan::CidrRange& range : plan.ranges) {
    auto& [network, prefix] = action.ranges.emplace_back();
    if (!net::Address::parseIp(range.ip, 0, network)) return "'" + range.ip + "' is not an IP address";
    prefix = range.prefix_len;
  }
  actions.push_back(std::move(action));
  return {};
}

base::Result<RateLimits, std::string> RateLimits::make(const std::vector<plan::RateLimit>& plans) {
  RateLimits result;
  for (const plan::RateLimit& plan : plans) {
    Limit& limit = result.limits_.emplace_back();
    limit.stage = plan.stage;
    limit.disable_key = plan.disable_key;
    limit.hits = plan.hits;
    limit.negative_hits = plan.negative_hits;
    limit.on_stream_done = plan.on_stream_done;
    limit.override_path = plan.override_path;
    limit.override_requests = plan.override_requests;
    limit.override_unit = plan.override_unit;
    limit.x_ratelimit = plan.x_ratelimit;
    if (std::string error = compileFormat(plan.hits_format, limit.hits_format); !error.empty()) return error;
    for (const RateLimitAction& one : plan.actions) {
      if (std::string error = add(one, limit.actions); !error.empty()) return error;
    }
  }
  return result;
}

bool RateLimits::value(const Action& action, const DescriptorInput& input, DescriptorEntry& entry) {
  using Kind = RateLimitAction::Kind;
  const auto found = [&](std::string_view value) {
    entry = {action.key, value};
    return true;
  };
  /** A formatted value; one that comes out empty is the default, or none. */
  const auto formatted = [&] {
    if (!action.value) return found(action.default_value);
    std::string_view text = textOf(*action.value, input);
    if (text.empty()) text = action.default_value;
    return !text.empty() && found(text);
  };
  const net::Address& client = clientOf(input.context.info);
  switch (action.kind) {
    case Kind::VALUE: {
      const bool matches = allMatchHeaders(action.headers, input.headers) && allMatchQuery(action.query_parameters, queryOf(input.headers));
      return matches != action.unless && formatted();
    }
    case Kind::DESTINATION_CLUSTER: return found(input.destination_cluster);
    case Kind::REQUEST_HEADER: {
      const std::string_view text = input.headers.get(std::string_view(action.name));
      return text.data() == nullptr || text.empty() ? action.skip_if_absent : found(text);
    }
    case Kind::REMOTE_ADDRESS: return client.isIp() && found(client.ipText());
    case Kind::MASKED_REMOTE_ADDRESS:
      if (!client.isIp()) return false;
      return found(masked(client, client.family() == net::Address::Family::kIpv4 ? action.v4_prefix : action.v6_prefix, input));
    case Kind::REMOTE_ADDRESS_MATCH:
      return client.isIp() && anyContains(action.ranges, client) != action.unless && formatted();
    case Kind::DYNAMIC_METADATA:
    case Kind::ROUTE_METADATA: {
      const http::MetadataValue* value =
          action.kind == Kind::DYNAMIC_METADATA ? input.metadata.find(action.path) : routeMetadata(action.path, input);
      if (value != nullptr && value->kind == http::MetadataValue::Kind::kString && !value->text.empty()) return found(value->text);
      return action.default_value.empty() ? action.skip_if_absent : found(action.default_value);
    }
    case Kind::QUERY_PARAMETER: {
      const std::string_view text = http::queryParameter(queryOf(input.headers), action.name);
      return text.data() == nullptr || text.empty() ? action.skip_if_absent : found(text);
    }
  }
  return false;
}

bool RateLimits::hits(const Limit& limit, const DescriptorInput& input, Descriptor& descriptor) {
  descriptor.negative_hits = limit.negative_hits;
  descriptor.hits = limit.hits;
  if (!limit.hits_format) return true;
  const std::string_view text = textOf(*limit.hits_format, input);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0 && number <= kMaxHits)) return false;
  descriptor.hits = static_cast<uint64_t>(number);
  return true;
}

void RateLimits::each(const DescriptorInput& input, uint32_t stage, bool done, std::string_view runtime_kind,
                      RuntimeNumber runtime, base::FunctionRef<void(const Descriptor&)> found) const {
  for (const Limit& limit : limits_) {
    if (limit.stage != stage || limit.on_stream_done != done) continue;
    if (!limit.disable_key.empty()) {
      const auto percent = runtime(input.arena.concat("ratelimit.", limit.disable_key, runtime_kind));
      if (percent && *percent == 0) continue;
    }
    auto* entries = input.arena.array<DescriptorEntry>(limit.actions.size());
    size_t count = 0;
    bool complete = true;
    for (const Action& action : limit.actions) {
      DescriptorEntry entry;
      complete = complete && value(action, input, entry);
      if (complete && !entry.key.empty()) entries[count++] = entry;
    }
    Descriptor descriptor{.entries = {entries, count}, .hits = {}, .override_requests = limit.override_requests,
                          .override_unit = limit.override_unit, .x_ratelimit = limit.x_ratelimit};
    if (!complete || !hits(limit, input, descriptor)) continue;
    if (!limit.override_path.empty()) {
      const http::MetadataValue* value = input.metadata.find(limit.override_path);
      const http::MetadataValue* requests = value == nullptr ? nullptr : value->find("requests_per_unit");
      const uint32_t unit = value == nullptr ? 0 : unitOf(value->find("unit"));
      if (requests != nullptr && requests->kind == http::MetadataValue::Kind::kNumber && unit != 0) {
        descriptor.override_requests = static_cast<uint32_t>(requests->numeric);
        descriptor.override_unit = unit;
      }
    }
    found(descriptor);
  }
}

}  // namespace nuncio::routing
