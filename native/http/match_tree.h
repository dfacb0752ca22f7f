// MatchTree: Envoy's unified matcher (xds.type.matcher.v3.Matcher) as a tree of lists and maps that leads from what is
// known of a request or a connection to the number of an action. Made once from its plan, then immutable, shared by all
// workers. What its inputs are worth is asked of the caller; an input that is not there fits nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "generated/plan.h"
#include "http/matcher.h"
#include "net/address.h"

namespace nuncio::http {

class MatchTree {
 public:
  /** The text of an input; null data when there is none. Ports are decimal. */
  using Lookup = base::FunctionRef<std::string_view(const plan::MatchInput&)>;

  static base::Result<MatchTree, std::string> make(const plan::MatchTree& plan);

  /** The action that what is known leads to; null when nothing matches. */
  std::optional<uint32_t> match(const Lookup& lookup) const;

 private:
  enum class Kind : uint8_t { kList, kExact, kPrefix, kIpRanges };
  struct Predicate {
    plan::MatchPredicate::Kind kind;
    plan::MatchInput input;
    std::optional<StringMatcher> value;
    std::vector<std::pair<net::Address, uint32_t>> ranges;
    std::vector<Predicate> children;
    bool holds(const Lookup& lookup) const;
  };
  struct Outcome {
    uint32_t action = 0;
    std::vector<MatchTree> tree;  // at most one
    std::optional<uint32_t> resolve(const Lookup& lookup) const;
  };
  struct Key {
    std::string text;
    net::Address network;
    uint32_t prefix_len = 0;
    Outcome outcome;
  };
  MatchTree() = default;
  static base::Result<Predicate, std::string> makePredicate(const plan::MatchPredicate& plan);
  static std::string fill(const plan::MatchOutcome& plan, Outcome& out);
  std::optional<uint32_t> matchKeys(std::string_view value, const Lookup& lookup) const;

  Kind kind_ = Kind::kList;
  std::vector<std::pair<Predicate, Outcome>> list_;
  plan::MatchInput input_;
  std::vector<Key> keys_;  // exact: sorted by text; prefixes and ranges: the longest first
  std::optional<Outcome> otherwise_;
};

}  // namespace nuncio::http
