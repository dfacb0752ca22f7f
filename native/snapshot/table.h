// Table: slot → part, in chunks that versions of it share: the next version copies one chunk and a list of pointers to the
// others, and what two versions differ in is found by comparing those pointers. A table of ten thousand costs an update of
// one of them next to nothing. Values are immutable once they are part of a snapshot; copying is cheap.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace nuncio::snapshot {

/** A decoded plan. Each kind's own type derives from it; who asks for a kind knows the type. */
class Part {
 public:
  virtual ~Part() = default;
};
using PartPtr = std::shared_ptr<const Part>;

class Table {
 public:
  /** Slots from here on were never used. */
  uint32_t size() const { return size_; }

  const PartPtr& operator[](uint32_t slot) const {
    static const PartPtr kNone;
    return slot < size_ && chunks_[slot / kChunk] != nullptr ? (*chunks_[slot / kChunk])[slot % kChunk] : kNone;
  }

  /** Of a table that is no snapshot's yet. A chunk that nobody else has was copied for it before, and is not copied again. */
  void set(uint32_t slot, PartPtr part) {
    size_ = std::max(size_, slot + 1);
    const size_t at = slot / kChunk;
    if (chunks_.size() <= at) chunks_.resize(at + 1);
    auto& chunk = chunks_[at];
    if (chunk == nullptr) chunk = std::make_shared<Chunk>();
    else if (chunk.use_count() > 1) chunk = std::make_shared<Chunk>(*chunk);
    (*chunk)[slot % kChunk] = std::move(part);
  }

  /** Calls `visit(slot, part)` for every slot that holds something. */
  template <class Visit>
  void forEach(Visit&& visit) const {
    for (uint32_t slot = 0; slot < size_; ++slot) {
      if (const PartPtr& part = (*this)[slot]; part != nullptr) visit(slot, part);
    }
  }

  /** Calls `visit(slot, part)` for every slot that holds another part now than in `before`; null: it was emptied. */
  template <class Visit>
  void forEachChange(const Table& before, Visit&& visit) const {
    const size_t count = std::max(chunks_.size(), before.chunks_.size());
    for (size_t at = 0; at < count; ++at) {
      if (at < chunks_.size() && at < before.chunks_.size() && chunks_[at] == before.chunks_[at]) continue;
      for (size_t i = 0; i < kChunk; ++i) {
        const auto slot = static_cast<uint32_t>(at * kChunk + i);
        if ((*this)[slot] != before[slot]) visit(slot, (*this)[slot]);
      }
    }
  }

 private:
  static constexpr size_t kChunk = 64;
  using Chunk = std::array<PartPtr, kChunk>;

  std::vector<std::shared_ptr<Chunk>> chunks_;  // null: all empty. Written by `set` alone
  uint32_t size_ = 0;
};

}  // namespace nuncio::snapshot
