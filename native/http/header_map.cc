#include "http/header_map.h"

#include <algorithm>

namespace nuncio::http {
namespace {
constexpr uint32_t kInitialCapacity = 24;
}

void HeaderMap::grow() {
  const uint32_t capacity = capacity_ == 0 ? kInitialCapacity : capacity_ * 2;
  auto* entries = arena_.array<Header>(capacity);
  if (size_ != 0) std::memcpy(static_cast<void*>(entries), entries_, size_ * sizeof(Header));
  entries_ = entries;
  capacity_ = capacity;
}

void HeaderMap::set(HeaderId id, std::string_view value) {
  if (!has(id)) return add(id, value);
  const size_t at = index_[static_cast<size_t>(id)];
  entries_[at].value = value;
  for (size_t i = size_; i-- > at + 1;) {
    if (entries_[i].id == id) eraseAt(i);
  }
}

void HeaderMap::set(std::string_view lower_name, std::string_view value) {
  set(headerId(lower_name), lower_name, value);
}

/** Where the next entry of this name stands, which has no number; the size: nowhere. */
size_t HeaderMap::nextUnknown(std::string_view lower_name, size_t from) const {
  if (lower_name.empty()) return size_;
  const char last = lower_name.back();  // names of one family differ there
  for (size_t i = from; i < size_; ++i) {
    const Header& header = entries_[i];
    if (header.name.size() == lower_name.size() && header.id == HeaderId::kUnknown && header.name.back() == last &&
        std::memcmp(header.name.data(), lower_name.data(), lower_name.size()) == 0) {
      return i;
    }
  }
  return size_;
}

void HeaderMap::setUnknown(std::string_view lower_name, std::string_view value) {
  const size_t at = nextUnknown(lower_name, 0);
  if (at == size_) return push({lower_name, value, nullptr, HeaderId::kUnknown});
  entries_[at].value = value;
  for (size_t i = at + 1; (i = nextUnknown(lower_name, i)) != size_;) eraseAt(i);
}

void HeaderMap::append(HeaderId id, std::string_view value, std::string_view separator) {
  if (!has(id)) return add(id, value);
  Header& header = entries_[index_[static_cast<size_t>(id)]];
  header.value = header.value.empty() ? value : arena_.concat(header.value, separator, value);
}

const Header* HeaderMap::find(HeaderId id, std::string_view lower_name) const {
  if (id == HeaderId::kHost && !has(id)) id = HeaderId::kAuthority;
  if (id != HeaderId::kUnknown) return has(id) ? &entries_[index_[static_cast<size_t>(id)]] : nullptr;
  const size_t at = nextUnknown(lower_name, 0);
  return at == size_ ? nullptr : &entries_[at];
}

std::string_view HeaderMap::getJoined(std::string_view lower_name) {
  if (lower_name == "host" && !has(HeaderId::kHost)) return get(HeaderId::kAuthority);
  std::string_view joined;
  for (const Header& header : entries()) {
    if (header.name != lower_name) continue;
    joined = joined.data() == nullptr ? header.value : arena_.concat(joined, ",", header.value);
  }
  return joined;
}

size_t HeaderMap::removeAll(const HeaderIdSet& ids) {
  size_t removed = 0;
  for (size_t i = size_; i-- > 0;) {
    if (!ids.has(entries_[i].id)) continue;
    eraseAt(i);
    ++removed;
  }
  return removed;
}

size_t HeaderMap::remove(std::string_view lower_name) {
  const HeaderId id = headerId(lower_name);
  if (id != HeaderId::kUnknown) return remove(id);
  size_t removed = 0;
  for (size_t i = size_; i-- > 0;) {
    if (entries_[i].name != lower_name) continue;
    eraseAt(i);
    ++removed;
  }
  return removed;
}

void HeaderMap::removePrefix(std::string_view lower_prefix) {
  for (size_t i = size_; i-- > 0;) {
    if (entries_[i].name.starts_with(lower_prefix)) eraseAt(i);
  }
}

uint64_t HeaderMap::byteSize() const {
  uint64_t total = 0;
  for (const Header& header : entries()) total += header.name.size() + header.value.size();
  return total;
}

void HeaderMap::clear() {
  size_ = 0;
  present_ = {};
}

void HeaderMap::truncate(size_t size) {
  if (size >= size_) return;
  size_ = static_cast<uint32_t>(size);
  reindex();
}

void HeaderMap::addFirst(HeaderId id, std::string_view value) {
  add(id, value);
  std::rotate(entries_, entries_ + size_ - 1, entries_ + size_);
  reindex();
}

void HeaderMap::eraseAt(size_t position) {
  std::memmove(static_cast<void*>(entries_ + position), entries_ + position + 1, (size_ - position - 1) * sizeof(Header));
  --size_;
  reindex();
}

void HeaderMap::reindex() {
  present_ = {};
  for (uint32_t i = 0; i < size_; ++i) note(entries_[i].id, i);
}

}  // namespace nuncio::http
