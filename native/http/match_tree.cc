#include "http/match_tree.h"

#include <algorithm>

namespace nuncio::http {

base::Result<MatchTree::Predicate, std::string> MatchTree::makePredicate(const plan::MatchPredicate& plan) {
  Predicate predicate{plan.kind, plan.input.value_or(plan::MatchInput{}), {}, {}, {}};
  if (plan.value) {
    auto matcher = StringMatcher::make(*plan.value);
    if (!matcher.ok()) return std::move(matcher.error());
    predicate.value.emplace(std::move(matcher.value()));
  }
  for (const plan::CidrRange& range : plan.cidrs) {
    auto& [network, length] = predicate.ranges.emplace_back(net::Address(), range.prefix_len);
    if (!net::Address::parseIp(range.ip, 0, network)) return "'" + range.ip + "' is not an IP address";
  }
  for (const plan::MatchPredicate& one : plan.children) {
    auto child = makePredicate(one);
    if (!child.ok()) return std::move(child.error());
    predicate.children.push_back(std::move(child.value()));
  }
  return predicate;
}

std::string MatchTree::fill(const plan::MatchOutcome& plan, Outcome& out) {
  out.action = plan.action;
  if (plan.tree.empty()) return {};
  auto tree = make(plan.tree.front());
  if (!tree.ok()) return tree.error();
  out.tree.push_back(std::move(tree.value()));
  return {};
}

base::Result<MatchTree, std::string> MatchTree::make(const plan::MatchTree& plan) {
  MatchTree tree;
  tree.kind_ = static_cast<Kind>(plan.kind);
  tree.input_ = plan.input.value_or(plan::MatchInput{});
  if (plan.predicates.size() != plan.outcomes.size()) return std::string("a matcher list with unequal halves");
  for (size_t i = 0; i < plan.predicates.size(); ++i) {
    auto predicate = makePredicate(plan.predicates[i]);
    if (!predicate.ok()) return std::move(predicate.error());
    auto& entry = tree.list_.emplace_back(std::move(predicate.value()), Outcome());
    if (std::string error = fill(plan.outcomes[i], entry.second); !error.empty()) return error;
  }
  for (const plan::MatchKey& one : plan.keys) {
    Key& key = tree.keys_.emplace_back();
    key.text = one.key;
    if (one.range) {
      key.prefix_len = one.range->prefix_len;
      if (!net::Address::parseIp(one.range->ip, 0, key.network)) return "'" + one.range->ip + "' is not an IP address";
    }
    if (std::string error = fill(one.outcome.value_or(plan::MatchOutcome{}), key.outcome); !error.empty()) return error;
  }
  if (tree.kind_ == Kind::kExact) {
    std::sort(tree.keys_.begin(), tree.keys_.end(), [](const Key& a, const Key& b) { return a.text < b.text; });
  } else {
    std::stable_sort(tree.keys_.begin(), tree.keys_.end(), [](const Key& a, const Key& b) {
      return a.text.size() != b.text.size() ? a.text.size() > b.text.size() : a.prefix_len > b.prefix_len;
    });
  }
  if (plan.otherwise) {
    if (std::string error = fill(*plan.otherwise, tree.otherwise_.emplace()); !error.empty()) return error;
  }
  return tree;
}

bool MatchTree::Predicate::holds(const Lookup& lookup) const {
  using Kind = plan::MatchPredicate::Kind;
  const auto child = [&](const Predicate& one) { return one.holds(lookup); };
  if (kind == Kind::AND) return std::all_of(children.begin(), children.end(), child);
  if (kind == Kind::OR) return std::any_of(children.begin(), children.end(), child);
  if (kind == Kind::NOT) return !children.empty() && !children.front().holds(lookup);
  const std::string_view text = lookup(input);
  if (text.data() == nullptr) return false;
  if (value) return value->matches(text);
  net::Address address;
  if (!net::Address::parseIp(text, 0, address)) return false;
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) { return address.within(range.first, range.second); });
}

std::optional<uint32_t> MatchTree::Outcome::resolve(const Lookup& lookup) const {
  return tree.empty() ? std::optional(action) : tree.front().match(lookup);
}

std::optional<uint32_t> MatchTree::matchKeys(std::string_view value, const Lookup& lookup) const {
  if (kind_ == Kind::kExact) {
    const auto at = std::lower_bound(keys_.begin(), keys_.end(), value, [](const Key& key, std::string_view text) { return key.text < text; });
    return at != keys_.end() && at->text == value ? at->outcome.resolve(lookup) : std::nullopt;
  }
  net::Address address;
  const bool by_range = kind_ == Kind::kIpRanges;
  if (by_range && !net::Address::parseIp(value, 0, address)) return std::nullopt;
  for (const Key& key : keys_) {
    if (by_range ? !address.within(key.network, key.prefix_len) : !value.starts_with(key.text)) continue;
    if (const auto action = key.outcome.resolve(lookup)) return action;  // else a shorter one may
  }
  return std::nullopt;
}

std::optional<uint32_t> MatchTree::match(const Lookup& lookup) const {
  if (kind_ == Kind::kList) {
    for (const auto& [predicate, outcome] : list_) {
      if (!predicate.holds(lookup)) continue;
      if (const auto action = outcome.resolve(lookup)) return action;
    }
  } else if (const std::string_view value = lookup(input_); value.data() != nullptr) {
    if (const auto action = matchKeys(value, lookup)) return action;
  }
  return otherwise_ ? otherwise_->resolve(lookup) : std::nullopt;
}

}  // namespace nuncio::http
