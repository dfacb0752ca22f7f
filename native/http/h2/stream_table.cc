#include "http/h2/stream_table.h"

#include <cstdlib>

#include "base/check.h"

namespace nuncio::http::h2 {

StreamTable::~StreamTable() { std::free(slots_); }

void StreamTable::insert(Stream* stream) {
  if ((size_ + 1) * 2 > capacity_) grow();
  uint32_t at = home(stream->id);
  while (slots_[at] != nullptr) at = (at + 1) & (capacity_ - 1);
  slots_[at] = stream;
  ++size_;
}

void StreamTable::erase(uint32_t id) {
  if (capacity_ == 0) return;
  const uint32_t mask = capacity_ - 1;
  uint32_t hole = home(id);
  while (slots_[hole] != nullptr && slots_[hole]->id != id) hole = (hole + 1) & mask;
  if (slots_[hole] == nullptr) return;
  --size_;
  slots_[hole] = nullptr;
  // Those behind that stood there only because their place was taken move up.
  for (uint32_t at = (hole + 1) & mask; slots_[at] != nullptr; at = (at + 1) & mask) {
    const uint32_t wanted = home(slots_[at]->id);
    if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    slots_[at] = nullptr;
    hole = at;
  }
}

void StreamTable::grow() {
  const uint32_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
  auto** slots = static_cast<Stream**>(std::calloc(capacity, sizeof(Stream*)));
  CHECK(slots != nullptr);
  Stream** old = slots_;
  const uint32_t old_capacity = capacity_;
  slots_ = slots;
  capacity_ = capacity;
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] == nullptr) continue;
    uint32_t at = home(old[i]->id);
    while (slots_[at] != nullptr) at = (at + 1) & (capacity_ - 1);
    slots_[at] = old[i];
  }
  std::free(old);
}

}  // namespace nuncio::http::h2
