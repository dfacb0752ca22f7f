// WireReader: reads protobuf's wire format from a span it borrows. What the generated decoders (native/generated/plan.cc) are built on.
// Used once per plan, on the thread that puts the plan; a reader belongs to the decode() that made it.
//
// Strict: a malformed varint, a length past the end, a wire type that does not fit the field, a number too big for it, groups,
// nesting deeper than kMaxDepth, or more decoded bytes than kMaxDecoded is a failure. Unknown fields are skipped.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace nuncio::plan {

class WireReader {
 public:
  static constexpr size_t kMaxInput = size_t{64} << 20;
  static constexpr size_t kMaxDecoded = size_t{1} << 30;
  static constexpr uint32_t kMaxDepth = 64;

  enum class Wire : uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

  explicit WireReader(std::span<const uint8_t> input)
      : at_(input.data()), end_(input.data() + input.size()), failed_(input.size() > kMaxInput) {}
  WireReader(const WireReader&) = delete;
  WireReader& operator=(const WireReader&) = delete;

  // Moves to the next field of the current message. False at its end and after a failure; ask ok() which.
  bool next() {
    if (failed_ || at_ == end_) return false;
    uint64_t tag = 0;
    if (!varint(tag) || tag > std::numeric_limits<uint32_t>::max() || (tag >> 3) == 0) return fail();
    const uint32_t wire = static_cast<uint32_t>(tag & 7);
    if (wire > 5 || wire == 3 || wire == 4) return fail();
    field_ = static_cast<uint32_t>(tag >> 3);
    wire_ = static_cast<Wire>(wire);
    return true;
  }

  uint32_t field() const { return field_; }
  bool ok() const { return !failed_; }

  bool skip() {
    uint64_t ignored = 0;
    switch (wire_) {
      case Wire::Varint: return varint(ignored);
      case Wire::Fixed64: return advance(8);
      case Wire::Fixed32: return advance(4);
      case Wire::Bytes: return varint(ignored) && advance(ignored);
    }
    return fail();
  }

  bool read(bool& out) {
    uint64_t value = 0;
    if (!expect(Wire::Varint) || !varint(value)) return false;
    out = value != 0;
    return true;
  }
  bool read(uint64_t& out) { return expect(Wire::Varint) && varint(out); }
  bool read(uint32_t& out) {
    uint64_t value = 0;
    if (!expect(Wire::Varint) || !varint(value) || value > std::numeric_limits<uint32_t>::max()) return fail();
    out = static_cast<uint32_t>(value);
    return true;
  }
  bool read(int64_t& out) {
    uint64_t value = 0;
    if (!expect(Wire::Varint) || !varint(value)) return false;
    out = static_cast<int64_t>(value);
    return true;
  }
  bool read(int32_t& out) {
    int64_t value = 0;
    if (!read(value) || value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) return fail();
    out = static_cast<int32_t>(value);
    return true;
  }
  bool read(double& out) {
    uint64_t bits = 0;
    if (!expect(Wire::Fixed64) || !fixed64(bits)) return false;
    out = std::bit_cast<double>(bits);
    return true;
  }
  bool read(std::string& out) {
    uint64_t size = 0;
    if (!expect(Wire::Bytes) || !varint(size) || size > left()) return fail();
    out.assign(reinterpret_cast<const char*>(at_), static_cast<size_t>(size));
    return advance(size);
  }

  // An enum: a number that `known` does not accept is a failure, so that a switch over the enum is complete.
  template <class E>
  bool readEnum(E& out, bool (*known)(uint32_t)) {
    uint32_t value = 0;
    if (!read(value) || !known(value)) return fail();
    out = static_cast<E>(value);
    return true;
  }

  // A repeated scalar, packed or not: appends one or many.
  template <class T>
  bool append(std::vector<T>& out) {
    if constexpr (!std::is_same_v<T, std::string>) {
      if (wire_ == Wire::Bytes) {
        return nested([&](WireReader& body) {
          body.wire_ = std::is_same_v<T, double> ? Wire::Fixed64 : Wire::Varint;
          while (body.at_ != body.end_) {
            if (!body.appendOne(out)) return false;
          }
          return true;
        });
      }
    }
    return appendOne(out);
  }

  template <class E>
  bool appendEnum(std::vector<E>& out, bool (*known)(uint32_t)) {
    std::vector<uint32_t> values;
    if (!append(values)) return false;
    for (const uint32_t value : values) {
      if (!known(value)) return fail();
      out.push_back(static_cast<E>(value));
    }
    return true;
  }

  // Reads an embedded message: `body` sees a reader bounded to it.
  template <class Body>
  bool nested(Body&& body) {
    uint64_t size = 0;
    if (!expect(Wire::Bytes) || !varint(size) || size > left() || depth_ == kMaxDepth) return fail();
    const uint8_t* const outer_end = end_;
    end_ = at_ + size;
    ++depth_;
    const bool read = body(*this) && !failed_ && at_ == end_;
    --depth_;
    end_ = outer_end;
    return read || fail();
  }

  // Before each element of a repeated message. What follows of the same field is counted first: to move thousands of large structs each time
  // that a vector grows takes longer than all the rest.
  template <class T>
  bool makeRoom(std::vector<T>& out) {
    if (!charge(sizeof(T))) return false;
    if (out.size() == out.capacity()) {
      const size_t affordable = (kMaxDecoded - decoded_) / sizeof(T);
      out.reserve(out.size() + 1 + std::min(countAhead(), affordable));
    }
    return true;
  }

  // Counts memory that a decoded element will take; an input of empty elements cannot make much of little.
  bool charge(size_t bytes) {
    decoded_ += bytes;
    return decoded_ <= kMaxDecoded || fail();
  }

 private:
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  bool fail() {
    failed_ = true;
    return false;
  }

  // Fields with the number of this one behind it, in the current message. Of a malformed rest, as far as it makes sense.
  size_t countAhead() const {
    WireReader ahead(std::span(at_, end_));
    ahead.wire_ = wire_;
    size_t count = 0;
    for (bool is_read = ahead.skip(); is_read && ahead.next(); is_read = ahead.skip()) count += ahead.field_ == field_ ? 1 : 0;
    return count;
  }

  bool expect(Wire wire) { return wire_ == wire || fail(); }

  bool advance(uint64_t bytes) {
    if (bytes > left()) return fail();
    at_ += bytes;
    return true;
  }

  bool varint(uint64_t& out) {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) return fail();
      const uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) return fail();
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        out = value;
        return true;
      }
    }
    return fail();
  }

  bool fixed64(uint64_t& out) {
    if (left() < 8) return fail();
    uint64_t value = 0;
    for (uint32_t i = 0; i < 8; ++i) value |= uint64_t{at_[i]} << (8 * i);
    at_ += 8;
    out = value;
    return true;
  }

  template <class T>
  bool appendOne(std::vector<T>& out) {
    T value{};
    if (!charge(sizeof(T)) || !read(value)) return false;
    out.push_back(std::move(value));
    return true;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  size_t decoded_ = 0;
  uint32_t field_ = 0;
  uint32_t depth_ = 0;
  Wire wire_ = Wire::Varint;
  bool failed_;
};

}  // namespace nuncio::plan
