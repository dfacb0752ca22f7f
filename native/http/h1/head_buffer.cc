#include "http/h1/head_buffer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/check.h"

namespace nuncio::http::h1 {
namespace {

/** Is the line behind the LF at `lf` empty? Gives the end of it, or 0. */
size_t emptyLineAfter(const char* data, size_t size, size_t lf) {
  size_t at = lf + 1;
  if (at < size && data[at] == '\r') ++at;
  return at < size && data[at] == '\n' ? at + 1 : 0;
}

}  // namespace

size_t findHeadEnd(const char* data, size_t size, size_t from) {
  size_t at = from;
#if defined(__SSE2__)
  // Sixteen bytes at a time: a LF counts when the next byte is CR or LF.
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i cr = _mm_set1_epi8('\r');
  for (; at + 17 <= size; at += 16) {
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at));
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at + 1));
    const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(next, cr), _mm_cmpeq_epi8(next, lf));
    auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(here, lf), ends)));
    for (; mask != 0; mask &= mask - 1) {
      const size_t end = emptyLineAfter(data, size, at + static_cast<size_t>(std::countr_zero(mask)));
      if (end != 0) return end;
    }
  }
#endif
  while (at < size) {
    const void* found = std::memchr(data + at, '\n', size - at);
    if (found == nullptr) return 0;
    at = static_cast<size_t>(static_cast<const char*>(found) - data);
    const size_t end = emptyLineAfter(data, size, at);
    if (end != 0) return end;
    ++at;
  }
  return 0;
}

void HeadBuffer::append(std::string_view bytes) {
  const size_t needed = size() + bytes.size();
  if (block_ == nullptr || needed > block_->capacity) {
    const size_t capacity = std::max<size_t>(needed, block_ == nullptr ? 480 : block_->capacity * size_t{2});
    auto* grown = static_cast<Block*>(std::realloc(block_, sizeof(Block) + capacity));
    CHECK(grown != nullptr);
    if (block_ == nullptr) grown->size = 0;
    grown->capacity = static_cast<uint32_t>(capacity);
    block_ = grown;
  }
  std::memcpy(block_->bytes + block_->size, bytes.data(), bytes.size());
  block_->size = static_cast<uint32_t>(needed);
}

void HeadBuffer::release() {
  std::free(block_);
  block_ = nullptr;
}

}  // namespace nuncio::http::h1
