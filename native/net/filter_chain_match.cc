#include "net/filter_chain_match.h"

#include <algorithm>

#include "base/ascii.h"

namespace nuncio::net {
namespace {

constexpr int kSteps = 9;
constexpr uint32_t kSameIpOrLoopback = 1;
constexpr uint32_t kExternal = 2;

bool isLocalSource(const MatchFacts& facts) {
  return facts.remote.family() == Address::Family::kUnix || facts.remote.isLoopback() || facts.remote.sameIp(facts.local);
}

}  // namespace

base::Result<FilterChainMatcher, std::string> FilterChainMatcher::make(const std::vector<plan::FilterChain>& chains) {
  FilterChainMatcher matcher;
  const auto parse = [](const std::vector<plan::CidrRange>& plans, std::vector<Range>& out) -> const std::string* {
    for (const plan::CidrRange& range : plans) {
      Range parsed{{}, range.prefix_len};
      if (!Address::parseIp(range.ip, 0, parsed.network)) return &range.ip;
      out.push_back(parsed);
    }
    return nullptr;
  };
  for (const plan::FilterChain& chain : chains) {
    Criteria criteria;
    if (chain.match) {
      criteria.any = false;
      criteria.plan = *chain.match;
      const std::string* bad = parse(chain.match->prefix_ranges, criteria.destinations);
      if (bad == nullptr) bad = parse(chain.match->direct_source_prefix_ranges, criteria.direct_sources);
      if (bad == nullptr) bad = parse(chain.match->source_prefix_ranges, criteria.sources);
      if (bad != nullptr) return "'" + *bad + "' is not an IP address";
    }
    matcher.chains_.push_back(std::move(criteria));
  }
  matcher.trivial_ = matcher.chains_.size() == 1 && matcher.chains_[0].any;
  return matcher;
}

int FilterChainMatcher::rangeScore(const std::vector<Range>& ranges, const Address& address) {
  if (ranges.empty()) return 0;
  int best = kNoMatch;
  for (const Range& range : ranges) {
    if (address.within(range.network, range.prefix_len)) best = std::max(best, static_cast<int>(range.prefix_len) + 1);
  }
  return best;
}

int FilterChainMatcher::serverNameScore(const std::vector<std::string>& names, std::string_view name) {
  if (names.empty()) return 0;
  int best = kNoMatch;
  for (const std::string& wanted : names) {
    if (base::equalsIgnoreCase(wanted, name)) return 1 << 16;
    if (!wanted.starts_with("*.")) continue;
    const std::string_view suffix = std::string_view(wanted).substr(1);
    if (name.size() <= suffix.size() || !base::equalsIgnoreCase(name.substr(name.size() - suffix.size()), suffix)) continue;
    best = std::max(best, static_cast<int>(suffix.size()));
  }
  return best;
}

/** How specifically the chain's criterion number `step` matches: 0 = it has none, kNoMatch = it excludes the connection. */
int FilterChainMatcher::score(const Criteria& criteria, int step, const MatchFacts& facts) {
  const plan::FilterChainMatch& match = criteria.plan;
  switch (step) {
    case 0:
      if (!match.destination_port) return 0;
      return *match.destination_port == facts.local.port() ? 1 : kNoMatch;
    case 1: return rangeScore(criteria.destinations, facts.local);
    case 2: return serverNameScore(match.server_names, facts.server_name);
    case 3:
      if (match.transport_protocol.empty()) return 0;
      return match.transport_protocol == facts.transport ? 1 : kNoMatch;
    case 4: {
      if (match.application_protocols.empty()) return 0;
      // The first of the client's protocols that any chain wants decides.
      const auto offered = facts.application_protocols;
      const auto& wanted = match.application_protocols;
      const auto found = std::find_if(offered.begin(), offered.end(), [&](std::string_view protocol) {
        return std::find(wanted.begin(), wanted.end(), protocol) != wanted.end();
      });
      return found == offered.end() ? kNoMatch : static_cast<int>(offered.end() - found);
    }
    case 5: return rangeScore(criteria.direct_sources, facts.direct_remote);
    case 6:
      if (match.source_type == kSameIpOrLoopback) return isLocalSource(facts) ? 1 : kNoMatch;
      if (match.source_type == kExternal) return isLocalSource(facts) ? kNoMatch : 1;
      return 0;
    case 7: return rangeScore(criteria.sources, facts.remote);
    default:
      if (match.source_ports.empty()) return 0;
      return std::find(match.source_ports.begin(), match.source_ports.end(), facts.remote.port()) != match.source_ports.end()
                 ? 1
                 : kNoMatch;
  }
}

int FilterChainMatcher::choose(const MatchFacts& facts) const {
  if (trivial_) return 0;
  constexpr size_t kOnStack = 64;
  int few[kOnStack];
  std::vector<int> many(chains_.size() > kOnStack ? chains_.size() : 0);
  int* const left = many.empty() ? few : many.data();
  size_t count = chains_.size();
  for (size_t i = 0; i < count; ++i) left[i] = static_cast<int>(i);
  for (int step = 0; step < kSteps && count > 0; ++step) {
    int best = kNoMatch;
    size_t kept = 0;  // those that are left move to the front
    for (size_t i = 0; i < count; ++i) {
      const int value = score(chains_[static_cast<size_t>(left[i])], step, facts);
      if (value == kNoMatch || value < best) continue;
      if (value > best) kept = 0;
      best = value;
      left[kept++] = left[i];
    }
    count = kept;
  }
  return count == 0 ? -1 : left[0];
}

}  // namespace nuncio::net
