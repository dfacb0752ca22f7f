// Arena: memory that lives exactly as long as one stream. Bump allocation from chunks; everything is gone at once.
// Owned by its stream; worker thread only. Destructors of what is made in it are not run.
//
// ChunkPool: the worker's free list of first chunks, so that an ordinary request never calls malloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"

namespace nuncio::base {

class ChunkPool {
 public:
  static constexpr size_t kChunkSize = 4096;
  static constexpr size_t kMaxFree = 1024;

  ChunkPool() = default;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool() {
    while (free_ != nullptr) std::free(std::exchange(free_, free_->next));
  }

  void* take() {
    if (free_ == nullptr) return allocate();
    --count_;
    return std::exchange(free_, free_->next);
  }
  void give(void* chunk) {
    if (count_ >= kMaxFree) return std::free(chunk);
    free_ = ::new (chunk) Free{free_};
    ++count_;
  }

 private:
  struct Free {
    Free* next;
  };
  static void* allocate() {
    void* chunk = std::malloc(kChunkSize);
    CHECK(chunk != nullptr);
    return chunk;
  }
  Free* free_ = nullptr;
  size_t count_ = 0;
};

class Arena {
 public:
  explicit Arena(ChunkPool& pool) : pool_(pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    while (chunks_ != nullptr) {
      Chunk* chunk = std::exchange(chunks_, chunks_->next);
      if (chunk->pooled) {
        pool_.give(chunk);
      } else {
        std::free(chunk);
      }
    }
  }

  void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
    const uintptr_t start = (reinterpret_cast<uintptr_t>(next_) + align - 1) & ~(align - 1);
    if (start + size <= reinterpret_cast<uintptr_t>(end_)) [[likely]] {
      next_ = reinterpret_cast<char*>(start + size);
      return reinterpret_cast<void*>(start);
    }
    return allocateSlow(size, align);
  }

  template <class T, class... Args>
  T* make(Args&&... args) {
    return ::new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  template <class T>
  T* array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
  }

  /** A copy of `text` that lives as long as the arena. */
  std::string_view copy(std::string_view text) {
    if (text.empty()) return std::string_view("", 0);
    char* out = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }

  /** A decimal number as text. */
  std::string_view decimal(uint64_t value) {
    char* out = static_cast<char*>(allocate(20, 1));
    return {out, static_cast<size_t>(writeDecimal(out, value) - out)};
  }

  /** The concatenation of two texts (three, four: call with the rest as parts). */
  template <class... Parts>
  std::string_view concat(const Parts&... parts) {
    const size_t size = (std::string_view(parts).size() + ...);
    char* out = static_cast<char*>(allocate(size == 0 ? 1 : size, 1));
    char* at = out;
    ((at = append(at, std::string_view(parts))), ...);
    return {out, size};
  }

  /** Where the newest chunk begins. */
  const void* memory() const { return chunks_; }

  /** Bytes taken so far, for limits and statistics. */
  size_t reserved() const { return reserved_; }

 private:
  struct Chunk {
    Chunk* next;
    bool pooled;
  };
  static constexpr size_t kHeader = (sizeof(Chunk) + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);

  static char* append(char* at, std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  void* allocateSlow(size_t size, size_t align) {
    const bool pooled = size + align + kHeader <= ChunkPool::kChunkSize;
    const size_t bytes = pooled ? ChunkPool::kChunkSize : size + align + kHeader;
    void* memory = pooled ? pool_.take() : std::malloc(bytes);
    CHECK(memory != nullptr);
    reserved_ += bytes;
    chunks_ = ::new (memory) Chunk{chunks_, pooled};
    char* begin = static_cast<char*>(memory) + kHeader;
    if (!pooled && next_ != nullptr) {  // a big block of its own; go on filling the current chunk
      const uintptr_t start = (reinterpret_cast<uintptr_t>(begin) + align - 1) & ~(align - 1);
      return reinterpret_cast<void*>(start);
    }
    next_ = begin;
    end_ = static_cast<char*>(memory) + bytes;
    return allocate(size, align);
  }

  ChunkPool& pool_;
  Chunk* chunks_ = nullptr;
  char* next_ = nullptr;
  char* end_ = nullptr;
  size_t reserved_ = 0;
};

}  // namespace nuncio::base
