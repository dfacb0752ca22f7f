// HeaderMap: the headers of one message in the order they came, pseudo-headers (":method", ":path", ":authority",
// ":scheme", ":status") among them, in front. Names are lower case. Owned by a stream; all text lives in the stream's
// arena (or is static), so entries are plain views. Worker thread only.
//
//   entries_ ─▶ [ :method GET ][ :path /a ][ :authority x ][ user-agent … ][ x-foo … ] …
//   present_ ─▶ a bit for each HeaderId that has an entry     index_[HeaderId] ─▶ position of the first of them
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/well_known_headers.h"

namespace nuncio::http {

struct Header {
  std::string_view name;   // lower case
  std::string_view value;
  const char* original;    // the name as it was received, same length; null when unknown (then write `name`)
  HeaderId id;             // kUnknown for most
};

/** Some well-known headers, to look for or to remove all at once. */
class HeaderIdSet {
 public:
  constexpr HeaderIdSet() = default;
  constexpr HeaderIdSet(std::initializer_list<HeaderId> ids) {
    for (const HeaderId id : ids) add(id);
  }
  constexpr bool has(HeaderId id) const { return (words_[word(id)] & bit(id)) != 0; }
  constexpr void add(HeaderId id) { words_[word(id)] |= bit(id); }
  constexpr bool meets(const HeaderIdSet& other) const {
    return ((words_[0] & other.words_[0]) | (words_[1] & other.words_[1])) != 0;
  }

 private:
  static_assert(kHeaderIdCount <= 128);
  static constexpr size_t word(HeaderId id) { return static_cast<size_t>(id) / 64; }
  static constexpr uint64_t bit(HeaderId id) { return uint64_t{1} << (static_cast<size_t>(id) % 64); }
  uint64_t words_[2] = {};
};

class HeaderMap {
 public:
  explicit HeaderMap(base::Arena& arena) : arena_(arena) {}
  HeaderMap(const HeaderMap&) = delete;
  HeaderMap& operator=(const HeaderMap&) = delete;

  base::Arena& arena() { return arena_; }

  // ---- adding; views must live as long as the arena (`…Copy` makes them so)
  void add(HeaderId id, std::string_view value) { push({headerName(id), value, nullptr, id}); }
  void add(std::string_view lower_name, std::string_view value, const char* original = nullptr) {
    push({lower_name, value, original, headerId(lower_name)});
  }
  /** In front of all others. Slow. */
  void addFirst(HeaderId id, std::string_view value);
  /** As it is: `id` must be the number of `name`. */
  void add(const Header& header) { push(header); }
  void addCopy(std::string_view lower_name, std::string_view value) {
    add(arena_.copy(lower_name), arena_.copy(value));
  }
  /** Replaces the first value of a known header and drops the others, or adds it. */
  void set(HeaderId id, std::string_view value);
  void set(std::string_view lower_name, std::string_view value);
  /** `id` must be the number of `lower_name`. */
  void set(HeaderId id, std::string_view lower_name, std::string_view value) {
    id == HeaderId::kUnknown ? setUnknown(lower_name, value) : set(id, value);
  }
  void setCopy(HeaderId id, std::string_view value) { set(id, arena_.copy(value)); }
  void setCopy(std::string_view lower_name, std::string_view value) { set(arena_.copy(lower_name), arena_.copy(value)); }
  /** Appends to the first value with `separator` between, or adds it. */
  void append(HeaderId id, std::string_view value, std::string_view separator = ",");

  // ---- looking up
  bool has(HeaderId id) const { return present_.has(id); }
  bool hasAny(const HeaderIdSet& ids) const { return present_.meets(ids); }
  /** The first value; an empty view with null data when there is none. */
  std::string_view get(HeaderId id) const {
    return has(id) ? entries_[index_[static_cast<size_t>(id)]].value : std::string_view();
  }
  /** "host" finds ":authority" too, which is what requests have. */
  const Header* find(std::string_view lower_name) const { return find(headerId(lower_name), lower_name); }
  /** `id` must be the number of `lower_name`. */
  const Header* find(HeaderId id, std::string_view lower_name) const;
  std::string_view get(std::string_view lower_name) const {
    const Header* header = find(lower_name);
    return header == nullptr ? std::string_view() : header->value;
  }
  /** All values of a name joined with ","; makes a copy only when there are several. */
  std::string_view getJoined(std::string_view lower_name);

  // ---- removing; returns how many went
  size_t remove(HeaderId id) { return has(id) ? removeAll({id}) : 0; }
  size_t remove(const HeaderIdSet& ids) { return hasAny(ids) ? removeAll(ids) : 0; }
  size_t remove(std::string_view lower_name);
  void removePrefix(std::string_view lower_prefix);

  std::span<Header> entries() { return {entries_, size_}; }
  std::span<const Header> entries() const { return {entries_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /** Sum of name and value lengths (Envoy's byteSize). */
  uint64_t byteSize() const;
  void clear();
  /** Forgets all but the first `size` entries. */
  void truncate(size_t size);

 private:
  void push(const Header& header) {
    if (size_ == capacity_) [[unlikely]] grow();
    note(header.id, size_);
    entries_[size_++] = header;
  }
  /** The entry at `position` may be the first of its id. */
  void note(HeaderId id, uint32_t position) {
    if (id == HeaderId::kUnknown || has(id)) return;
    present_.add(id);
    index_[static_cast<size_t>(id)] = static_cast<uint16_t>(position);
  }
  size_t removeAll(const HeaderIdSet& ids);
  size_t nextUnknown(std::string_view lower_name, size_t from) const;
  void setUnknown(std::string_view lower_name, std::string_view value);
  void grow();
  void eraseAt(size_t position);
  void reindex();

  base::Arena& arena_;
  Header* entries_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  HeaderIdSet present_;
  uint16_t index_[kHeaderIdCount];  // of those present
};

}  // namespace nuncio::http
