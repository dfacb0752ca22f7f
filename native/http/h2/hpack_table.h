// HpackTable: the dynamic table of one HPACK coder (RFC 7541 section 2.3.2). Text of the live entries lies in one block that
// is compacted when its end is reached; nothing is allocated before the first entry. Owned by a coder; worker thread.
//
//   entries: ring, newest last        text: [ … free … ][ name value ][ name value ] … [ free ]
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/well_known_headers.h"

namespace nuncio::http::h2 {

class HpackTable {
 public:
  struct Entry {
    uint32_t offset;       // of the name in the text; the value follows
    uint32_t name_size;
    uint32_t value_size;
    HeaderId id;
    uint8_t facts;         // what its owner found out about the text
  };
  static constexpr size_t kOverhead = 32;    // what an entry counts beside its text

  explicit HpackTable(uint32_t limit) : limit_(limit) {}
  HpackTable(const HpackTable&) = delete;
  HpackTable& operator=(const HpackTable&) = delete;
  ~HpackTable();

  /** Evicts what does not fit any more. */
  void setLimit(uint32_t limit);
  uint32_t limit() const { return limit_; }
  size_t size() const { return size_; }
  size_t count() const { return newest_ - oldest_; }
  /** How many entries there ever were; an entry's own number is what this said before it was added. */
  uint64_t added() const { return newest_; }

  /** Evicts as needed; an entry larger than the table empties it. `name` may lie in the table itself. False: it did not fit. */
  bool add(std::string_view name, std::string_view value, HeaderId id, uint8_t facts);

  /** 0 is the newest. */
  const Entry& newest(size_t position) const { return entryOf(newest_ - 1 - position); }
  bool has(uint64_t number) const { return number >= oldest_ && number < newest_; }
  const Entry& entryOf(uint64_t number) const { return entries_[number & (capacity_ - 1)]; }
  std::string_view name(const Entry& entry) const { return {text_ + entry.offset, entry.name_size}; }
  std::string_view value(const Entry& entry) const { return {text_ + entry.offset + entry.name_size, entry.value_size}; }
  /** Name and value in one piece. */
  std::string_view text(const Entry& entry) const { return {text_ + entry.offset, entry.name_size + entry.value_size}; }

 private:
  void evictOldest();
  void makeRoomForText(size_t size);
  void growEntries();

  uint32_t limit_;
  uint32_t capacity_ = 0;      // of the ring; a power of two
  size_t size_ = 0;            // as HPACK counts it
  uint64_t oldest_ = 0;
  uint64_t newest_ = 0;        // number of the next entry
  Entry* entries_ = nullptr;
  char* text_ = nullptr;
  uint32_t text_capacity_ = 0;
  uint32_t text_end_ = 0;
};

}  // namespace nuncio::http::h2
