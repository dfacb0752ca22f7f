// HeaderMap: the headers of one message in the order they came, pseudo-headers (":method", ":path", ":authority",
// ":scheme", ":status") among them, in front. Names are lower case. Owned by a stream; all text lives in the stream's
// arena (or is static), so entries are plain views. Worker thread only.
//
//   entries_ ─▶ [ :method GET ][ :path /a ][ :authority x ][ user-agent … ][ x-foo … ] …
//   index_[HeaderId] ─▶ position + 1 of the first entry with that id, 0 when there is none
#pragma once

#include <cstdint>
#include <cstring>
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
  /** As it is: `id` must be the number of `name`. */
  void add(const Header& header) { push(header); }
  void addCopy(std::string_view lower_name, std::string_view value) {
    add(arena_.copy(lower_name), arena_.copy(value));
  }
  /** Replaces the first value of a known header and drops the others, or adds it. */
  void set(HeaderId id, std::string_view value);
  void set(std::string_view lower_name, std::string_view value);
  void setCopy(HeaderId id, std::string_view value) { set(id, arena_.copy(value)); }
  void setCopy(std::string_view lower_name, std::string_view value) { set(arena_.copy(lower_name), arena_.copy(value)); }
  /** Appends to the first value with `separator` between, or adds it. */
  void append(HeaderId id, std::string_view value, std::string_view separator = ",");

  // ---- looking up
  bool has(HeaderId id) const { return index_[static_cast<size_t>(id)] != 0; }
  /** The first value; an empty view with null data when there is none. */
  std::string_view get(HeaderId id) const {
    const uint16_t at = index_[static_cast<size_t>(id)];
    return at == 0 ? std::string_view() : entries_[at - 1].value;
  }
  /** "host" finds ":authority" too, which is what requests have. */
  const Header* find(std::string_view lower_name) const;
  std::string_view get(std::string_view lower_name) const {
    const Header* header = find(lower_name);
    return header == nullptr ? std::string_view() : header->value;
  }
  /** All values of a name joined with ","; makes a copy only when there are several. */
  std::string_view getJoined(std::string_view lower_name);

  // ---- removing; returns how many went
  size_t remove(HeaderId id);
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
    uint16_t& at = index_[static_cast<size_t>(header.id)];
    entries_[size_++] = header;
    if (at == 0 && header.id != HeaderId::kUnknown) at = static_cast<uint16_t>(size_);
  }
  void grow();
  void eraseAt(size_t position);
  void reindex();

  base::Arena& arena_;
  Header* entries_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  uint16_t index_[kHeaderIdCount] = {};
};

}  // namespace nuncio::http
