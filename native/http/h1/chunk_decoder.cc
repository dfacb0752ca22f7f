#include "http/h1/chunk_decoder.h"

#include <algorithm>
#include <cstring>

namespace nuncio::http::h1 {
namespace {

constexpr uint32_t kMaxSizeLine = 16 * 1024;   // with extensions, which nobody reads

int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

/** One byte of a size line before its LF; false: not a size line. */
bool ChunkDecoder::sizeLine(char c) {
  if (++line_ > kMaxSizeLine) return false;
  if (state_ == State::kSizeStart || state_ == State::kSize) {
    const int digit = hexValue(c);
    if (digit >= 0) {
      if (left_ >> 60 != 0) return false;
      left_ = left_ << 4 | static_cast<uint64_t>(digit);
      state_ = State::kSize;
      return true;
    }
    if (state_ == State::kSizeStart) return false;
  }
  if (c == '\r') {
    state_ = State::kSizeLf;
    return true;
  }
  if (state_ == State::kExtension) return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\t';
  if (c == ';') {
    state_ = State::kExtension;
    return true;
  }
  state_ = State::kSizeSpace;
  return c == ' ' || c == '\t';
}

ChunkDecoder::Result ChunkDecoder::decode(char* data, size_t size) {
  size_t at = 0;
  size_t decoded = 0;
  while (at < size) {
    switch (state_) {
      case State::kSizeStart:
      case State::kSize:
      case State::kSizeSpace:
      case State::kExtension:
        if (!sizeLine(data[at++])) return {at, decoded, Outcome::kError};
        break;
      case State::kSizeLf:
        if (data[at++] != '\n') return {at, decoded, Outcome::kError};
        line_ = 0;
        if (left_ == 0) return {at, decoded, Outcome::kTrailers};
        state_ = State::kData;
        break;
      case State::kData: {
        const size_t piece = static_cast<size_t>(std::min<uint64_t>(left_, size - at));
        if (decoded != at) std::memmove(data + decoded, data + at, piece);
        decoded += piece;
        at += piece;
        left_ -= piece;
        if (left_ == 0) state_ = State::kDataCr;
        break;
      }
      case State::kDataCr:
        if (data[at++] != '\r') return {at, decoded, Outcome::kError};
        state_ = State::kDataLf;
        break;
      case State::kDataLf:
        if (data[at++] != '\n') return {at, decoded, Outcome::kError};
        state_ = State::kSizeStart;
        break;
    }
  }
  return {at, decoded, Outcome::kMore};
}

}  // namespace nuncio::http::h1
