#include "http/h2/hpack_encoder.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "http/h2/huffman.h"
#include "http/h2/static_table.h"

namespace nuncio::http::h2 {
namespace {

constexpr uint32_t kDefaultTable = 4096;           // before any SETTINGS (RFC 9113 section 6.5.2)
constexpr uint32_t kLargestTable = 64 * 1024;      // more would cost more than it saves
constexpr size_t kCodeOnceFrom = 128;              // shorter text that comes once is quicker sent as it is

constexpr uint8_t kIndexedField = 0x80;
constexpr uint8_t kIntoTable = 0x40;
constexpr uint8_t kSizeUpdate = 0x20;
constexpr uint8_t kNeverIndexed = 0x10;

char* writeInteger(char* out, uint8_t flags, int prefix_bits, uint64_t value) {
  const uint64_t mask = (uint64_t{1} << prefix_bits) - 1;
  if (value < mask) {
    *out++ = static_cast<char>(flags | value);
    return out;
  }
  *out++ = static_cast<char>(flags | mask);
  for (value -= mask; value >= 0x80; value >>= 7) *out++ = static_cast<char>(0x80 | (value & 0x7f));
  *out++ = static_cast<char>(value);
  return out;
}

uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9fb21c651e98df25u;
  return hash ^ (hash >> 32);
}

uint64_t hashText(std::string_view text, uint64_t hash) {
  const char* at = text.data();
  size_t left = text.size();
  uint64_t word;
  if (left >= 8) {
    for (; left > 8; left -= 8, at += 8) {
      std::memcpy(&word, at, 8);
      hash = mix(hash, word);
    }
    std::memcpy(&word, at + left - 8, 8);
    return mix(hash, word + text.size());
  }
  word = 0;
  if (left != 0) std::memcpy(&word, at, left);
  return mix(hash, word + (uint64_t{left} << 59));
}

/** First static entry of each header with a number; its value may be given there too. */
const std::array<uint8_t, kHeaderIdCount>& staticNames() {
  static const std::array<uint8_t, kHeaderIdCount> made = [] {
    std::array<uint8_t, kHeaderIdCount> all{};
    for (size_t id = 1; id < kHeaderIdCount; ++id) all[id] = staticIndexOf(kHeaderNames[id]);
    return all;
  }();
  return made;
}

/** A field that is whole in the static table, among those beginning at `first`. */
size_t staticField(size_t first, std::string_view value) {
  const std::string_view name = kStaticTable[first].name;
  for (size_t index = first; index <= kStaticFields && kStaticTable[index].name.data() != nullptr; ++index) {
    if (kStaticTable[index].name != name) return 0;
    if (kStaticTable[index].value == value) return index;
  }
  return 0;
}

/** Values that must not be guessed by trying what shortens a block (RFC 7541 section 7.1.3). */
bool isSecret(size_t static_name, std::string_view value) {
  constexpr size_t kAuthorization = 23, kCookie = 32, kProxyAuthorization = 49, kShortCookie = 20;
  return static_name == kAuthorization || static_name == kProxyAuthorization ||
         (static_name == kCookie && value.size() < kShortCookie);
}

}  // namespace

HpackEncoder::HpackEncoder(uint32_t own_limit, bool huffman)
    : table_(std::min(own_limit, kDefaultTable)), own_limit_(std::min(own_limit, kLargestTable)), huffman_(huffman) {
  if (own_limit < kDefaultTable) {
    limit_changed_ = true;
    smallest_limit_ = own_limit;
  }
}

HpackEncoder::~HpackEncoder() { std::free(memory_); }

void HpackEncoder::setPeerLimit(uint32_t bytes) {
  const uint32_t limit = std::min(bytes, own_limit_);
  if (limit == table_.limit()) return;
  smallest_limit_ = limit_changed_ ? std::min(smallest_limit_, limit) : limit;
  limit_changed_ = true;
  table_.setLimit(limit);
}

char* HpackEncoder::begin(char* out) {
  if (memory_ == nullptr) {
    memory_ = static_cast<Memory*>(std::calloc(1, sizeof(Memory)));
    CHECK(memory_ != nullptr);
  }
  if (!limit_changed_) [[likely]] return out;
  limit_changed_ = false;
  if (smallest_limit_ < table_.limit()) out = writeInteger(out, kSizeUpdate, 5, smallest_limit_);
  return writeInteger(out, kSizeUpdate, 5, table_.limit());
}

bool HpackEncoder::live(const Slot& slot, uint64_t& number) const {
  const uint64_t added = table_.added();
  number = (added & ~uint64_t{0xffffffff}) | slot.number;
  if (number >= added && number > 0xffffffff) number -= uint64_t{1} << 32;
  return table_.has(number);
}

size_t HpackEncoder::indexOf(uint64_t number) const { return kStaticFields + static_cast<size_t>(table_.added() - number); }

size_t HpackEncoder::nameIndex(HeaderId id, std::string_view name, uint32_t name_hash) const {
  const size_t known = id != HeaderId::kUnknown ? staticNames()[static_cast<size_t>(id)] : staticIndexOf(name);
  if (known != 0) return known;
  const Slot& slot = memory_->names[name_hash % kNameSlots];
  uint64_t number;
  if (slot.tag != name_hash || !live(slot, number)) return 0;
  return table_.name(table_.entryOf(number)) == name ? indexOf(number) : 0;
}

bool HpackEncoder::metBefore(uint64_t hash) {
  uint16_t& tag = memory_->met[(hash >> 8) % kMetSlots];
  const auto own = static_cast<uint16_t>((hash >> 40) | 1);
  if (tag == own) return true;
  tag = own;
  return false;
}

char* HpackEncoder::field(char* out, HeaderId id, std::string_view name, std::string_view value) {
  const uint64_t name_seed = id != HeaderId::kUnknown ? mix(0x51, static_cast<uint64_t>(id)) : hashText(name, 0x52);
  const uint64_t hash = hashText(value, name_seed);
  const auto tag = static_cast<uint32_t>(hash >> 32) | 1;
  const Slot& slot = memory_->fields[hash % kFieldSlots];
  uint64_t number;
  if (slot.tag == tag && live(slot, number)) {
    const HpackTable::Entry& entry = table_.entryOf(number);
    if (entry.value_size == value.size() && table_.value(entry) == value && table_.name(entry) == name) [[likely]] {
      return writeInteger(out, kIndexedField, 7, indexOf(number));
    }
  }
  const auto name_hash = static_cast<uint32_t>(name_seed >> 32) | 1;
  const size_t name_index = nameIndex(id, name, name_hash);
  if (name_index != 0 && name_index <= kStaticFields) {
    if (const size_t whole = staticField(name_index, value); whole != 0) return writeInteger(out, kIndexedField, 7, whole);
  }
  const bool secret = isSecret(name_index, value);
  const bool fits = name.size() + value.size() + HpackTable::kOverhead <= table_.limit() / 2;
  const bool into_table = !secret && fits && (metBefore(hash) || name_index == 0);
  if (into_table) {
    out = writeInteger(out, kIntoTable, 6, name_index);
  } else {
    out = writeInteger(out, secret ? kNeverIndexed : 0, 4, name_index);
  }
  if (name_index == 0) out = text(out, name, true);
  out = text(out, value, into_table || value.size() >= kCodeOnceFrom);
  if (into_table) remember(id, name, value, name_hash, hash);
  return out;
}

char* HpackEncoder::text(char* out, std::string_view value, bool may_code) const {
  if (may_code && huffman_) {
    const size_t size = huffmanSize(value);
    if (size < value.size()) return huffmanEncode(value, writeInteger(out, 0x80, 7, size));
  }
  out = writeInteger(out, 0, 7, value.size());
  if (!value.empty()) std::memcpy(out, value.data(), value.size());
  return out + value.size();
}

void HpackEncoder::remember(HeaderId id, std::string_view name, std::string_view value, uint32_t name_hash, uint64_t hash) {
  const auto number = static_cast<uint32_t>(table_.added());
  if (!table_.add(name, value, id, 0)) return;
  memory_->fields[hash % kFieldSlots] = {static_cast<uint32_t>(hash >> 32) | 1, number};
  memory_->names[name_hash % kNameSlots] = {name_hash, number};
}

}  // namespace nuncio::http::h2
