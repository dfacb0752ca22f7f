// HpackEncoder: fields into header blocks of one connection (RFC 7541). What comes again is sent as a number: a field goes
// into the table when its value is met a second time, so that values which always change push nothing out of it. Owned by
// a session; worker thread.
//
//   field ─▶ hash ─▶ in the table? index │ met before? literal, into the table │ else literal, with its name's index
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2/hpack_table.h"
#include "http/well_known_headers.h"

namespace nuncio::http::h2 {

class HpackEncoder {
 public:
  /** `own_limit`: bytes of table we are ready to keep, whatever the peer allows. */
  HpackEncoder(uint32_t own_limit, bool huffman);
  HpackEncoder(const HpackEncoder&) = delete;
  HpackEncoder& operator=(const HpackEncoder&) = delete;
  ~HpackEncoder();

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block says so. */
  void setPeerLimit(uint32_t bytes);

  /** Bytes that `begin` can write. */
  static constexpr size_t kBeginRoom = 16;
  /** Bytes that `field` can write. */
  static constexpr size_t fieldRoom(size_t name_size, size_t value_size) { return name_size + value_size + 20; }

  /** Starts a block: a change of the table's size, if one is due. */
  char* begin(char* out);
  /** One field; `name` is that of `id`, or any with kUnknown. */
  char* field(char* out, HeaderId id, std::string_view name, std::string_view value);

 private:
  struct Slot {
    uint32_t tag;       // of the hash; 0: free
    uint32_t number;    // of the table's entry, its lower half
  };
  static constexpr size_t kFieldSlots = 256;
  static constexpr size_t kNameSlots = 64;
  static constexpr size_t kMetSlots = 256;
  struct Memory {
    Slot fields[kFieldSlots];
    Slot names[kNameSlots];
    uint16_t met[kMetSlots];    // tags of values that came once
  };

  bool live(const Slot& slot, uint64_t& number) const;
  size_t nameIndex(HeaderId id, std::string_view name, uint32_t name_hash) const;
  bool metBefore(uint64_t hash);
  char* text(char* out, std::string_view value, bool may_code) const;
  void remember(HeaderId id, std::string_view name, std::string_view value, uint32_t name_hash, uint64_t hash);
  size_t indexOf(uint64_t number) const;

  HpackTable table_;
  Memory* memory_ = nullptr;      // made with the first block
  const uint32_t own_limit_;
  uint32_t smallest_limit_ = 0;   // since the last block, when a change is due
  bool limit_changed_ = false;
  const bool huffman_;
};

}  // namespace nuncio::http::h2
