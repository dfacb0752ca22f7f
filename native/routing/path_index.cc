#include "routing/path_index.h"

#include <algorithm>

#include "routing/route_match.h"

namespace nuncio::routing {

void PathTrie::build(std::vector<Entry> entries) {
  if (entries.empty()) return;
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.text != b.text) return a.text < b.text;
    if (a.kind != b.kind) return a.kind < b.kind;
    return a.route < b.route;
  });
  nodes_.push_back({});
  first_bytes_.push_back('\0');
  fill(0, entries, 0);
}

// Fills a node with the sorted entries that share their first `depth` bytes, then its children. All children of a node
// lie side by side, so that one search through their first bytes finds the next step.
void PathTrie::fill(uint32_t node, std::span<const Entry> entries, size_t depth) {
  nodes_[node].first_rule = static_cast<uint32_t>(rules_.size());
  size_t at = 0;
  while (at < entries.size() && entries[at].text.size() == depth) {
    Rule rule{entries[at].kind, static_cast<uint32_t>(routes_.size()), 0};
    for (; at < entries.size() && entries[at].text.size() == depth && entries[at].kind == rule.kind; ++at, ++rule.count) {
      routes_.push_back(entries[at].route);
    }
    rules_.push_back(rule);
    ++nodes_[node].rules;
  }

  struct Group {
    size_t begin, end, depth;
  };
  std::vector<Group> groups;
  while (at < entries.size()) {
    Group group{at, at, 0};
    const char byte = entries[at].text[depth];
    while (group.end < entries.size() && entries[group.end].text[depth] == byte) ++group.end;
    // Sorted: what the first and the last share, all share.
    const std::string_view first = entries[group.begin].text;
    const std::string_view last = entries[group.end - 1].text;
    const auto [split, ignored] = std::mismatch(first.begin(), first.end(), last.begin(), last.end());
    group.depth = static_cast<size_t>(split - first.begin());
    groups.push_back(group);
    at = group.end;
  }

  const auto first_child = static_cast<uint32_t>(nodes_.size());
  nodes_[node].first_child = first_child;
  nodes_[node].children = static_cast<uint16_t>(groups.size());
  for (const Group& group : groups) {
    const std::string_view label = entries[group.begin].text.substr(depth, group.depth - depth);
    nodes_.push_back({static_cast<uint32_t>(labels_.size()), static_cast<uint32_t>(label.size()), 0, 0, 0, 0});
    first_bytes_.push_back(label[0]);
    labels_.append(label);
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const Group& group = groups[i];
    fill(first_child + static_cast<uint32_t>(i), entries.subspan(group.begin, group.end - group.begin), group.depth);
  }
}

void PathIndex::build(std::span<const RouteMatch* const> matches) {
  size_ = static_cast<uint32_t>(matches.size());
  std::vector<PathTrie::Entry> exact_case;
  std::vector<PathTrie::Entry> any_case;
  std::vector<std::string> lowered;
  lowered.reserve(matches.size());
  for (uint32_t i = 0; i < size_; ++i) {
    const RouteMatch& match = *matches[i];
    PathTrie::Kind kind;
    switch (match.path()) {
      case RouteMatch::Path::kPrefix: kind = PathTrie::Kind::kPrefix; break;
      case RouteMatch::Path::kExact: kind = PathTrie::Kind::kExact; break;
      case RouteMatch::Path::kSeparatedPrefix: kind = PathTrie::Kind::kSeparatedPrefix; break;
      default: others_.push_back(i); continue;
    }
    if (match.caseSensitive()) {
      exact_case.push_back({match.value(), kind, i});
      continue;
    }
    std::string& lower = lowered.emplace_back(match.value());
    std::transform(lower.begin(), lower.end(), lower.begin(), base::toLower);
    any_case.push_back({lower, kind, i});
  }
  exact_case_.build(std::move(exact_case));
  any_case_.build(std::move(any_case));
}

}  // namespace nuncio::routing
