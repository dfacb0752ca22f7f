// StringTable: a fixed map from texts to small numbers, for look-ups by view without allocation. Immutable after build().
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nuncio::routing {

class StringTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /** Adds a text; false when it is there already. */
  bool insert(std::string_view text, uint32_t value) {
    if (find(text) != kNone) return false;
    if ((entries_.size() + 1) * 2 > slots_.size()) {
      entries_.emplace_back(std::string(text), value);
      rehash();
    } else {
      entries_.emplace_back(std::string(text), value);
      place(static_cast<uint32_t>(entries_.size() - 1));
    }
    return true;
  }

  uint32_t find(std::string_view text) const {
    if (slots_.empty()) return kNone;
    const size_t hash = std::hash<std::string_view>()(text);
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.entry == kNone) return kNone;
      if (slot.hash == static_cast<uint32_t>(hash) && entries_[slot.entry].first == text) return entries_[slot.entry].second;
    }
  }
  bool empty() const { return entries_.empty(); }

 private:
  struct Slot {
    uint32_t entry = kNone;
    uint32_t hash = 0;
  };
  size_t mask() const { return slots_.size() - 1; }
  void place(uint32_t entry) {
    const size_t hash = std::hash<std::string_view>()(entries_[entry].first);
    size_t at = hash & mask();
    while (slots_[at].entry != kNone) at = (at + 1) & mask();
    slots_[at] = {entry, static_cast<uint32_t>(hash)};
  }
  void rehash() {
    slots_.assign(slots_.empty() ? 8 : slots_.size() * 2, Slot());
    for (uint32_t i = 0; i < entries_.size(); ++i) place(i);
  }

  std::vector<std::pair<std::string, uint32_t>> entries_;
  std::vector<Slot> slots_;
};

}  // namespace nuncio::routing
