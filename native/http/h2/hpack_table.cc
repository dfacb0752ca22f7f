#include "http/h2/hpack_table.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace nuncio::http::h2 {

HpackTable::~HpackTable() {
  std::free(entries_);
  std::free(text_);
}

void HpackTable::setLimit(uint32_t limit) {
  limit_ = limit;
  while (size_ > limit_) evictOldest();
}

void HpackTable::evictOldest() {
  const Entry& entry = entryOf(oldest_++);
  size_ -= kOverhead + entry.name_size + entry.value_size;
  if (oldest_ == newest_) text_end_ = 0;
}

bool HpackTable::add(std::string_view name, std::string_view value, HeaderId id, uint8_t facts) {
  const size_t text = name.size() + value.size();
  if (text + kOverhead > limit_) {
    while (count() != 0) evictOldest();
    return false;
  }
  while (size_ + text + kOverhead > limit_) evictOldest();
  if (count() == capacity_) growEntries();
  // The name may be that of an entry, even of one that just went: its text stands until other text is moved.
  char short_name[64];
  char* long_name = nullptr;
  if (text_end_ + text > text_capacity_) {
    if (text_ != nullptr && name.data() >= text_ && name.data() < text_ + text_capacity_) {
      char* copy = short_name;
      if (name.size() > sizeof(short_name)) {
        copy = long_name = static_cast<char*>(std::malloc(name.size()));
        CHECK(copy != nullptr);
      }
      std::memcpy(copy, name.data(), name.size());
      name = {copy, name.size()};
    }
    makeRoomForText(text);
  }
  Entry& entry = entries_[newest_ & (capacity_ - 1)];
  entry = {text_end_, static_cast<uint32_t>(name.size()), static_cast<uint32_t>(value.size()), id, facts};
  if (!name.empty()) std::memmove(text_ + text_end_, name.data(), name.size());
  if (!value.empty()) std::memcpy(text_ + text_end_ + name.size(), value.data(), value.size());
  text_end_ += static_cast<uint32_t>(text);
  size_ += text + kOverhead;
  ++newest_;
  std::free(long_name);
  return true;
}

/** Live text moves to the front; the block grows to at most twice the table's limit, so that moving is rare. */
void HpackTable::makeRoomForText(size_t size) {
  const uint32_t begin = count() == 0 ? text_end_ : entryOf(oldest_).offset;
  const size_t live = text_end_ - begin;
  char* target = text_;
  if (live + size > text_capacity_ / 2) {
    const size_t wanted = std::max<size_t>(1024, (live + size) * 2);
    const size_t capacity = std::max(live + size, std::min<size_t>(wanted, size_t{limit_} * 2));
    target = capacity <= text_capacity_ ? text_ : static_cast<char*>(std::malloc(capacity));
    CHECK(target != nullptr);
    if (target != text_) text_capacity_ = static_cast<uint32_t>(capacity);
  }
  if (live != 0) std::memmove(target, text_ + begin, live);
  if (target != text_) {
    std::free(text_);
    text_ = target;
  }
  for (uint64_t number = oldest_; number != newest_; ++number) entries_[number & (capacity_ - 1)].offset -= begin;
  text_end_ = static_cast<uint32_t>(live);
}

void HpackTable::growEntries() {
  const uint32_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
  auto* entries = static_cast<Entry*>(std::malloc(capacity * sizeof(Entry)));
  CHECK(entries != nullptr);
  for (uint64_t number = oldest_; number != newest_; ++number) entries[number & (capacity - 1)] = entryOf(number);
  std::free(entries_);
  entries_ = entries;
  capacity_ = capacity;
}

}  // namespace nuncio::http::h2
