// PathIndex: which routes of one virtual host may match a path, in the order they are written, without trying the others.
// Immutable after build(), shared by all workers.
//
//   Two compressed tries (one for case-sensitive values, one in lower case) hold prefixes, separated prefixes and exact
//   paths. Walking down along the path meets every node whose text begins the path; the routes of these nodes, and the
//   few that no trie can hold (patterns, CONNECT), are sorted lists, merged while they are visited.
//
//   /api ─┬─ /users  exact: 3   prefix: 7
//         └─ /u      prefix: 1, 9                 request /api/users ⇒ 1, 3, 7, 9
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace nuncio::routing {

class RouteMatch;

class PathTrie {
 public:
  enum class Kind : uint8_t { kPrefix, kExact, kSeparatedPrefix };
  struct Entry {
    std::string_view text;  // borrowed until build() returns
    Kind kind;
    uint32_t route;
  };

  void build(std::vector<Entry> entries);

  using Routes = std::span<const uint32_t>;

  /** Adds the list of each rule that holds for `path` to `out`; false when there is no room for all. */
  template <bool kLower>
  bool collect(std::string_view path, Routes* out, size_t& count, size_t limit) const;

 private:
  struct Rule {
    Kind kind;
    uint32_t first;  // in routes_
    uint32_t count;
  };
  struct Node {
    uint32_t label;        // in labels_
    uint32_t label_size;
    uint32_t first_child;  // in nodes_ and first_bytes_
    uint16_t children;
    uint16_t rules;
    uint32_t first_rule;   // in rules_
  };
  void fill(uint32_t node, std::span<const Entry> entries, size_t depth);

  template <bool kLower>
  static bool sameLabel(const char* text, const char* label, size_t size) {
    if constexpr (!kLower) return std::memcmp(text, label, size) == 0;
    for (size_t i = 0; i < size; ++i) {
      if (base::toLower(text[i]) != label[i]) return false;
    }
    return true;
  }

  std::vector<Node> nodes_;
  std::string first_bytes_;  // first_bytes_[i]: first byte of the label of nodes_[i]
  std::string labels_;
  std::vector<Rule> rules_;
  std::vector<uint32_t> routes_;
};

class PathIndex {
 public:
  /** `matches[i]` is the condition of route i; borrowed only during the call. */
  void build(std::span<const RouteMatch* const> matches);

  /**
   * Calls `accept(route, path_holds)` for the routes whose path may match, by rising number, until it returns true;
   * yields that number, or -1. `path_holds`: the path is known to match, only the other conditions are open. A path with
   * null data (CONNECT has none) fits only routes that no trie holds.
   */
  template <class Accept>
  int64_t find(std::string_view path, Accept&& accept) const {
    Routes lists[kMaxLists];
    size_t count = 0;
    if (path.data() != nullptr) {
      if (!exact_case_.collect<false>(path, lists, count, kMaxLists)) return scan(accept);
      if (!any_case_.collect<true>(path, lists, count, kMaxLists)) return scan(accept);
    }
    Routes others = others_;
    for (;;) {
      size_t best = 0;
      for (size_t i = 1; i < count; ++i) {
        if (lists[i].front() < lists[best].front()) best = i;
      }
      if (!others.empty() && (count == 0 || others.front() < lists[best].front())) {
        if (accept(others.front(), false)) return others.front();
        others = others.subspan(1);
        continue;
      }
      if (count == 0) return -1;
      if (accept(lists[best].front(), true)) return lists[best].front();
      lists[best] = lists[best].subspan(1);
      if (lists[best].empty()) lists[best] = lists[--count];
    }
  }

 private:
  using Routes = PathTrie::Routes;
  static constexpr size_t kMaxLists = 24;

  /** For paths that more rules hold for than lists fit on the stack. */
  template <class Accept>
  int64_t scan(Accept&& accept) const {
    for (uint32_t route = 0; route < size_; ++route) {
      if (accept(route, false)) return route;
    }
    return -1;
  }

  PathTrie exact_case_;
  PathTrie any_case_;
  std::vector<uint32_t> others_;
  uint32_t size_ = 0;
};

template <bool kLower>
bool PathTrie::collect(std::string_view path, Routes* out, size_t& count, size_t limit) const {
  if (nodes_.empty()) return true;
  size_t depth = 0;
  uint32_t at = 0;
  for (;;) {
    const Node& node = nodes_[at];
    for (uint32_t i = 0; i < node.rules; ++i) {
      const Rule& rule = rules_[node.first_rule + i];
      const bool ends = depth == path.size();
      if (rule.kind == Kind::kExact ? !ends : rule.kind == Kind::kSeparatedPrefix && !ends && path[depth] != '/') continue;
      if (count == limit) return false;
      out[count++] = {routes_.data() + rule.first, rule.count};
    }
    if (depth == path.size() || node.children == 0) return true;
    const char byte = kLower ? base::toLower(path[depth]) : path[depth];
    const char* bytes = first_bytes_.data() + node.first_child;
    // First bytes are sorted and often follow one another (digits, letters): look where it would stand then.
    size_t place = static_cast<unsigned char>(byte) - static_cast<size_t>(static_cast<unsigned char>(bytes[0]));
    if (place >= node.children || bytes[place] != byte) {
      const char* found = std::char_traits<char>::find(bytes, node.children, byte);
      if (found == nullptr) return true;
      place = static_cast<size_t>(found - bytes);
    }
    at = node.first_child + static_cast<uint32_t>(place);
    const Node& child = nodes_[at];
    if (path.size() - depth < child.label_size) return true;
    if (child.label_size > 1 && !sameLabel<kLower>(path.data() + depth + 1, labels_.data() + child.label + 1, child.label_size - 1)) return true;
    depth += child.label_size;
  }
}

}  // namespace nuncio::routing
