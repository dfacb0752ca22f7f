// TextBuffer: a growable run of characters for text made piece by piece (log lines, bodies of local replies). Its memory
// is kept by clear(), so that a buffer that has warmed up allocates no more. Owned by one worker; worker thread only.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/ascii.h"

namespace nuncio::base {

class TextBuffer {
 public:
  TextBuffer() = default;
  explicit TextBuffer(size_t capacity) { grow(capacity); }
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;
  ~TextBuffer();

  std::string_view view() const { return {begin_, size()}; }
  const char* data() const { return begin_; }
  char* data() { return begin_; }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }
  size_t capacity() const { return static_cast<size_t>(limit_ - begin_); }
  bool empty() const { return end_ == begin_; }

  /** Forgets the text, keeps the memory. */
  void clear() { end_ = begin_; }
  /** Cuts the text back to its first `size` bytes; a longer size does nothing. */
  void truncate(size_t size) {
    if (size < this->size()) end_ = begin_ + size;
  }
  /** Gives the memory back when a rare long text has made it larger than `keep` bytes. */
  void shrink(size_t keep);

  void append(std::string_view text) {
    char* at = reserve(text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    end_ = at + text.size();
  }
  void append(char c) {
    *reserve(1) = c;
    ++end_;
  }
  void appendDecimal(uint64_t value) {
    end_ = writeDecimal(reserve(20), value);
  }
  void appendDecimal(int64_t value) {
    char* at = reserve(21);
    end_ = std::to_chars(at, at + 21, value).ptr;
  }

  /** Room for `count` more bytes, to be written directly and then announced with `commit`. */
  char* reserve(size_t count) {
    if (static_cast<size_t>(limit_ - end_) < count) [[unlikely]] grow(count);
    return end_;
  }
  void commit(const char* end) { end_ += end - end_; }

 private:
  void grow(size_t count);

  char* begin_ = nullptr;
  char* end_ = nullptr;
  char* limit_ = nullptr;
};

}  // namespace nuncio::base
