// ProtoWriter: appends a protobuf message to a text buffer, field after field, without knowing its schema. A message inside is
// written in place, and its length put before it when it ends. Lives on the stack of who writes; worker thread only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/text_buffer.h"

namespace nuncio::access_log {

class ProtoWriter {
 public:
  explicit ProtoWriter(base::TextBuffer& out) : out_(out) {}

  /** Zero is not written, as proto3 has it. */
  void number(uint32_t field, uint64_t value) {
    if (value == 0) return;
    tag(field, 0);
    varint(value);
  }
  void flag(uint32_t field, bool value) { number(field, value ? 1 : 0); }
  /** An empty text is not written. */
  void text(uint32_t field, std::string_view value) {
    if (!value.empty()) bytes(field, value);
  }
  void bytes(uint32_t field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    out_.append(value);
  }
  void real(uint32_t field, double value) {
    tag(field, 1);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);  // little-endian on both sides
    out_.append(std::string_view(raw, sizeof raw));
  }
  /** A member of a oneof is written even when it is zero. */
  void choice(uint32_t field, uint64_t value) {
    tag(field, 0);
    varint(value);
  }
  /** google.protobuf.UInt32Value. */
  void wrapped(uint32_t field, uint64_t value) {
    message(field, [&] { number(1, value); });
  }

  /** What `write` appends becomes the message in `field`, even when that is nothing. */
  template <typename Write>
  void message(uint32_t field, Write&& write) {
    tag(field, 2);
    const size_t start = out_.size();
    write();
    prefixLength(start);
  }

 private:
  void tag(uint32_t field, uint32_t wire) { varint(uint64_t{field} << 3 | wire); }

  void varint(uint64_t value) {
    char* at = out_.reserve(10);
    while (value >= 0x80) {
      *at++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *at++ = static_cast<char>(value);
    out_.commit(at);
  }

  void prefixLength(size_t start) {
    const size_t size = out_.size() - start;
    size_t width = 1;
    for (size_t rest = size >> 7; rest != 0; rest >>= 7) ++width;
    out_.reserve(width);
    char* at = out_.data() + start;
    std::memmove(at + width, at, size);
    out_.commit(out_.data() + start + size + width);
    at = out_.data() + start;
    size_t rest = size;
    for (size_t i = 0; i < width; ++i, rest >>= 7) at[i] = static_cast<char>((rest & 0x7f) | (i + 1 < width ? 0x80 : 0));
  }

  base::TextBuffer& out_;
};

}  // namespace nuncio::access_log
