#include "base/text_buffer.h"

#include <cstdlib>

#include "base/check.h"

namespace nuncio::base {
namespace {

constexpr size_t kSmallest = 512;

}  // namespace

TextBuffer::~TextBuffer() { std::free(begin_); }

void TextBuffer::shrink(size_t keep) {
  if (capacity() <= keep) return;
  std::free(begin_);
  begin_ = end_ = limit_ = nullptr;
}

void TextBuffer::grow(size_t count) {
  const size_t used = size();
  const size_t needed = used + count;
  size_t capacity = this->capacity() < kSmallest ? kSmallest : this->capacity() * 2;
  if (capacity < needed) capacity = needed;
  char* memory = static_cast<char*>(std::realloc(begin_, capacity));
  CHECK(memory != nullptr);
  begin_ = memory;
  end_ = memory + used;
  limit_ = memory + capacity;
}

}  // namespace nuncio::base
