#include "http/h2/hpack_decoder.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "http/h2/field_rules.h"
#include "http/h2/huffman.h"
#include "http/h2/static_table.h"

namespace nuncio::http::h2 {
namespace {

constexpr uint64_t kMaxInteger = uint64_t{1} << 28;    // beyond any index, length or table size that can be meant

/** RFC 7541 section 5.1. False: cut short or absurdly large. */
bool readInteger(const char*& at, const char* end, int prefix_bits, uint64_t& out) {
  const uint64_t mask = (uint64_t{1} << prefix_bits) - 1;
  out = static_cast<unsigned char>(*at++) & mask;
  if (out < mask) return true;
  for (int shift = 0; at < end && shift <= 28; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    out += static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return out <= kMaxInteger;
  }
  return false;
}

/** What is known of the static table's text, without looking each time. */
constexpr uint8_t kStaticFacts = kNameValid | kValueValid;

}  // namespace

DecodeScratch::~DecodeScratch() { std::free(bytes_); }

char* DecodeScratch::grow(size_t size) {
  std::free(bytes_);
  size_ = std::max<size_t>(size, 4096);
  bytes_ = static_cast<char*>(std::malloc(size_));
  CHECK(bytes_ != nullptr);
  return bytes_;
}

void DecodeScratch::shrink() {
  constexpr size_t kKept = 64 * 1024;
  if (size_ <= kKept) return;
  std::free(bytes_);
  bytes_ = nullptr;
  size_ = 0;
}

HpackDecoder::HpackDecoder(uint32_t table_size, DecodeScratch& scratch)
    : table_(4096), scratch_(scratch), max_table_size_(std::max<uint32_t>(table_size, 4096)) {}

bool HpackDecoder::decode(std::string_view block, FieldSink& sink) {
  const char* at = block.data();
  const char* const end = at + block.size();
  bool fields_seen = false;
  while (at < end) {
    const auto first = static_cast<unsigned char>(*at);
    uint64_t number;
    if ((first & 0x80) != 0) {
      if (!readInteger(at, end, 7, number) || !decodeIndexed(number, sink)) return false;
      fields_seen = true;
    } else if ((first & 0xe0) == 0x20) {
      if (!readInteger(at, end, 5, number) || fields_seen || number > max_table_size_) return false;
      table_.setLimit(static_cast<uint32_t>(number));
    } else {
      const bool indexed = (first & 0x40) != 0;
      if (!readInteger(at, end, indexed ? 6 : 4, number) || !decodeLiteral(at, end, number, indexed, sink)) return false;
      fields_seen = true;
    }
  }
  return true;
}

bool HpackDecoder::decodeIndexed(uint64_t index, FieldSink& sink) {
  if (index == 0) return false;
  if (index <= kStaticFields) {
    const StaticField& field = kStaticTable[index];
    sink.onField({field.name, field.value, staticHeaderId(index), kStaticFacts, true, true});
    return true;
  }
  const size_t position = index - kStaticFields - 1;
  if (position >= table_.count()) return false;
  const HpackTable::Entry& entry = table_.newest(position);
  sink.onField({table_.name(entry), table_.value(entry), entry.id, entry.facts, false, false});
  return true;
}

bool HpackDecoder::decodeLiteral(const char*& at, const char* end, uint64_t name_index, bool indexed, FieldSink& sink) {
  // Two texts at most; each is no longer than what is left of the block.
  char* room = scratch_.atLeast(2 * huffmanRoom(static_cast<size_t>(end - at)));
  Field field{};
  if (name_index == 0) {
    if (!readText(at, end, room, field.name)) return false;
    field.id = headerId(field.name);
    field.facts = nameFacts(field.name);
  } else if (name_index <= kStaticFields) {
    field.name = kStaticTable[name_index].name;
    field.id = staticHeaderId(name_index);
    field.facts = kNameValid;
    field.static_name = true;
  } else {
    const size_t position = name_index - kStaticFields - 1;
    if (position >= table_.count()) return false;
    const HpackTable::Entry& entry = table_.newest(position);
    field.name = table_.name(entry);
    field.id = entry.id;
    field.facts = entry.facts & static_cast<uint8_t>(~kValueValid);
  }
  if (!readText(at, end, room, field.value)) return false;
  field.facts |= valueFacts(field.value);
  sink.onField(field);    // first: adding may move the name
  if (indexed) table_.add(field.name, field.value, field.id, field.facts);
  return true;
}

bool HpackDecoder::readText(const char*& at, const char* end, char*& room, std::string_view& out) {
  if (at == end) return false;
  const bool coded = (static_cast<unsigned char>(*at) & 0x80) != 0;
  uint64_t size;
  if (!readInteger(at, end, 7, size) || size > static_cast<uint64_t>(end - at)) return false;
  const std::string_view text(at, static_cast<size_t>(size));
  at += size;
  if (!coded) {
    out = text;
    return true;
  }
  char* const stop = huffmanDecode(text, room);
  if (stop == nullptr) return false;
  out = {room, static_cast<size_t>(stop - room)};
  room = stop + 8;    // decoding writes a little over its end
  return true;
}

}  // namespace nuncio::http::h2
