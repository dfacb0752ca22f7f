// FilterChainMatch: which filter chain takes a connection. Criteria are looked at in Envoy's order (destination port,
// destination address, server name, transport, application protocol, direct source, source type, source, source port); at
// each the most specific value wins, and there is no way back. Made once from the plan, immutable, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "plan/plan_types.h"

namespace nuncio::net {

/** What is known of a connection when its chain is chosen. */
struct MatchFacts {
  const Address& local;
  const Address& remote;
  const Address& direct_remote;
  std::string_view server_name = {};
  std::string_view transport = "raw_buffer";
  std::span<const std::string_view> application_protocols = {};
};

class FilterChainMatcher {
 public:
  static base::Result<FilterChainMatcher, std::string> make(const std::vector<plan::FilterChain>& chains);

  /** Index of the chain, or -1. */
  int choose(const MatchFacts& facts) const;

 private:
  struct Range {
    Address network;
    uint32_t prefix_len;
  };
  struct Criteria {
    bool any = true;  // no criterion at all
    plan::FilterChainMatch plan;
    std::vector<Range> destinations, direct_sources, sources;
  };
  static constexpr int kNoMatch = -1;
  static int rangeScore(const std::vector<Range>& ranges, const Address& address);
  static int serverNameScore(const std::vector<std::string>& names, std::string_view name);
  static int score(const Criteria& criteria, int step, const MatchFacts& facts);

  std::vector<Criteria> chains_;
  bool trivial_ = false;  // one chain that takes everything
};

}  // namespace nuncio::net
