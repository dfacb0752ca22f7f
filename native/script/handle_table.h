// HandleTable: what JavaScript knows by a number instead of a pointer. A handle is a slot and a generation, so that one
// that is out of date is recognised: JavaScript may keep it as long as it likes. Owned by the ScriptSet; worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nuncio::script {

template <class T>
class HandleTable {
 public:
  static constexpr uint32_t kSlotBits = 16;
  static constexpr uint32_t kMost = 1u << kSlotBits;

  /** 0: there is none left. */
  uint32_t enter(T& object) {
    uint32_t slot = free_;
    if (slot == kNone) [[unlikely]] {
      if (entries_.size() == kMost) return 0;
      slot = static_cast<uint32_t>(entries_.size());
      entries_.emplace_back();
    } else {
      free_ = entries_[slot].next;
    }
    Entry& entry = entries_[slot];
    entry.object = &object;
    entry.generation = entry.generation % kGenerations + 1;  // never 0, so that no handle is
    return entry.generation << kSlotBits | slot;
  }

  void leave(uint32_t handle) {
    if (find(handle) == nullptr) return;
    const uint32_t slot = handle & (kMost - 1);
    entries_[slot].object = nullptr;
    entries_[slot].next = free_;
    free_ = slot;
  }

  /** Null: it is over. */
  T* find(uint32_t handle) const {
    const uint32_t slot = handle & (kMost - 1);
    if (slot >= entries_.size() || entries_[slot].generation != handle >> kSlotBits) return nullptr;
    return entries_[slot].object;
  }

  /** `visit` may make objects leave. */
  template <class Visit>
  void forEach(Visit&& visit) {
    for (size_t slot = 0; slot < entries_.size(); ++slot) {
      if (entries_[slot].object != nullptr) visit(*entries_[slot].object);
    }
  }

 private:
  struct Entry {
    T* object = nullptr;
    uint32_t generation = 0;
    uint32_t next = kNone;  // of those that are free
  };
  static constexpr uint32_t kGenerations = 0x7fff;
  static constexpr uint32_t kNone = UINT32_MAX;

  std::vector<Entry> entries_;
  uint32_t free_ = kNone;  // the first
};

}  // namespace nuncio::script
