#include "http/h2/memory.h"

#include <cstdlib>
#include <new>
#include <utility>

#include "base/check.h"

namespace nuncio::http::h2 {

Memory::~Memory() {
  while (free_ != nullptr) std::free(std::exchange(free_, free_->next));
}

void* Memory::takeStream(size_t size) {
  if (free_ != nullptr) {
    --count_;
    return std::exchange(free_, free_->next);
  }
  void* stream = std::malloc(size);
  CHECK(stream != nullptr);
  return stream;
}

void Memory::giveStream(void* stream) {
  if (count_ >= kMaxFree) return std::free(stream);
  free_ = ::new (stream) Free{free_};
  ++count_;
}

}  // namespace nuncio::http::h2
