// HeadBuffer: the bytes of a head or of trailers that came in pieces, until the empty line is there; and the search for
// that line. Holds no memory as long as heads arrive whole. Owned by a codec; worker thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace nuncio::http::h1 {

/**
 * Where the head ends: the offset behind its empty line, or 0 when that is not there yet. Looks from `from` on (a line
 * end seen before may be the first half of the empty line). LF alone ends a line too.
 */
size_t findHeadEnd(const char* data, size_t size, size_t from);

class HeadBuffer {
 public:
  HeadBuffer() = default;
  HeadBuffer(const HeadBuffer&) = delete;
  HeadBuffer& operator=(const HeadBuffer&) = delete;
  ~HeadBuffer() { release(); }

  bool empty() const { return block_ == nullptr; }
  char* data() { return block_->bytes; }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  std::string_view view() const { return block_ == nullptr ? std::string_view() : std::string_view(block_->bytes, block_->size); }

  void append(std::string_view bytes);
  /** Keeps the first `size` bytes. */
  void truncate(size_t size) { block_->size = static_cast<uint32_t>(size); }
  void release();

 private:
  struct Block {
    uint32_t size;
    uint32_t capacity;
    char bytes[];
  };
  Block* block_ = nullptr;
};

}  // namespace nuncio::http::h1
