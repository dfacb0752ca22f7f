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

void HeaderMap::setUnknown(std::string_view lower_name, std::string_view value) {
  bool found = false;
  for (size_t i = 0; i < size_;) {
    if (entries_[i].id != HeaderId::kUnknown || entries_[i].name != lower_name) {
      ++i;
    } else if (found) {
      eraseAt(i);
    } else {
      entries_[i++].value = value;
      found = true;
    }
  }
  if (!found) push({lower_name, value, nullptr, HeaderId::kUnknown});
}

void HeaderMap::append(HeaderId id, std::string_view value, std::string_view separator) {
  if (!has(id)) return add(id, value);
  Header& header = entries_[index_[static_cast<size_t>(id)]];
  header.value = header.value.empty() ? value : arena_.concat(header.value, separator, value);
}

const Header* HeaderMap::find(HeaderId id, std::string_view lower_name) const {
  if (id == HeaderId::kHost && !has(id)) id = HeaderId::kAuthority;
  if (id != HeaderId::kUnknown) return has(id) ? &entries_[index_[static_cast<size_t>(id)]] : nullptr;
  for (const Header& header : entries()) {
    if (header.id == HeaderId::kUnknown && header.name == lower_name) return &header;
  }
  return nullptr;
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
