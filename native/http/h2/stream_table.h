// StreamTable: the live streams of one session by number. Open addressing; grows with the number of streams, which SETTINGS
// bound. Owned by the session; worker thread.
#pragma once

#include <cstdint>

#include "http/h2/stream.h"

namespace nuncio::http::h2 {

class StreamTable {
 public:
  StreamTable() = default;
  StreamTable(const StreamTable&) = delete;
  StreamTable& operator=(const StreamTable&) = delete;
  ~StreamTable();

  Stream* find(uint32_t id) const {
    if (capacity_ == 0) return nullptr;
    for (uint32_t at = home(id); slots_[at] != nullptr; at = (at + 1) & (capacity_ - 1)) {
      if (slots_[at]->id == id) return slots_[at];
    }
    return nullptr;
  }
  void insert(Stream* stream);
  void erase(uint32_t id);
  uint32_t size() const { return size_; }

  /** Any of them; null when there is none. */
  Stream* any() const {
    for (uint32_t at = 0; at < capacity_; ++at) {
      if (slots_[at] != nullptr) return slots_[at];
    }
    return nullptr;
  }

  /** No stream may come or go meanwhile. */
  template <class Visit>
  void forEach(Visit&& visit) {
    for (uint32_t at = 0; at < capacity_; ++at) {
      if (slots_[at] != nullptr) visit(*slots_[at]);
    }
  }

 private:
  uint32_t home(uint32_t id) const { return (id >> 1) & (capacity_ - 1); }
  void grow();

  Stream** slots_ = nullptr;
  uint32_t capacity_ = 0;    // a power of two
  uint32_t size_ = 0;
};

}  // namespace nuncio::http::h2
