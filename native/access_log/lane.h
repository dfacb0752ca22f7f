// Lane: one worker's queue of log lines towards the flush thread of one file: a list of chunks, one writer, one reader, no
// lock. Shared on purpose between exactly these two threads; the file's FileWriter owns it.
//
//   append() ─▶ tail chunk ─ `filled` (release) ─▶ takeAll() reads up to it; a chunk that has a successor and is read goes back
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "base/check.h"
#include "base/function_ref.h"

namespace nuncio::access_log {

class Lane {
 public:
  static constexpr size_t kChunkBytes = 64 << 10;

  explicit Lane(uint64_t limit) : limit_(limit) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() {
    Chunk* chunk = head_ != nullptr ? head_ : first_.load(std::memory_order_relaxed);
    while (chunk != nullptr) {
      Chunk* next = chunk->next.load(std::memory_order_relaxed);
      std::free(chunk);
      chunk = next;
    }
    std::free(spare_.load(std::memory_order_relaxed));
  }

  // ---- the worker

  /** Takes a text whole; returns the bytes now waiting, or 0 when the lane was full and the text is lost. */
  uint64_t append(std::string_view text) {
    const uint64_t taken = taken_.load(std::memory_order_relaxed);
    const uint64_t waiting = taken - given_.load(std::memory_order_relaxed);
    if (waiting + text.size() > limit_) [[unlikely]] {
      bump(dropped_);
      return 0;
    }
    if (tail_ == nullptr || tail_->capacity - tail_used_ < text.size()) [[unlikely]] addChunk(text.size());
    std::memcpy(tail_->bytes() + tail_used_, text.data(), text.size());
    tail_used_ += text.size();
    tail_->filled.store(tail_used_, std::memory_order_release);
    taken_.store(taken + text.size(), std::memory_order_relaxed);
    bump(lines_);
    return waiting + text.size();
  }

  // ---- the flush thread

  /** Hands every run of whole texts to `sink`, oldest first. */
  void takeAll(base::FunctionRef<void(const char*, size_t)> sink) {
    if (head_ == nullptr) head_ = first_.load(std::memory_order_acquire);
    while (head_ != nullptr) {
      // The successor is looked at first: when there is one, `filled` has its last value.
      Chunk* next = head_->next.load(std::memory_order_acquire);
      const size_t filled = head_->filled.load(std::memory_order_acquire);
      if (filled != read_) {
        sink(head_->bytes() + read_, filled - read_);
        given_.store(given_.load(std::memory_order_relaxed) + filled - read_, std::memory_order_relaxed);
        read_ = filled;
      }
      if (next == nullptr) return;
      recycle(head_);
      head_ = next;
      read_ = 0;
    }
  }

  // ---- any thread

  uint64_t lines() const { return lines_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  uint64_t waiting() const {
    const uint64_t given = given_.load(std::memory_order_relaxed);
    const uint64_t taken = taken_.load(std::memory_order_relaxed);
    return taken > given ? taken - given : 0;
  }

 private:
  struct Chunk {
    size_t capacity;
    std::atomic<size_t> filled;
    std::atomic<Chunk*> next;
    char* bytes() { return reinterpret_cast<char*>(this + 1); }
  };

  /** One writer: no read-modify-write needed. */
  static void bump(std::atomic<uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  void addChunk(size_t size) {
    Chunk* fresh = size <= kChunkBytes ? spare_.exchange(nullptr, std::memory_order_acquire) : nullptr;
    if (fresh == nullptr) {
      const size_t capacity = size <= kChunkBytes ? kChunkBytes : size;
      void* memory = std::malloc(sizeof(Chunk) + capacity);
      CHECK(memory != nullptr);
      fresh = ::new (memory) Chunk{capacity, {0}, {nullptr}};
    }
    if (tail_ == nullptr) {
      first_.store(fresh, std::memory_order_release);
    } else {
      tail_->next.store(fresh, std::memory_order_release);
    }
    tail_ = fresh;
    tail_used_ = 0;
  }

  void recycle(Chunk* chunk) {
    if (chunk->capacity != kChunkBytes) return std::free(chunk);
    chunk->filled.store(0, std::memory_order_relaxed);
    chunk->next.store(nullptr, std::memory_order_relaxed);
    std::free(spare_.exchange(chunk, std::memory_order_acq_rel));
  }

  const uint64_t limit_;

  alignas(64) Chunk* tail_ = nullptr;   // the worker's
  size_t tail_used_ = 0;
  std::atomic<uint64_t> taken_{0};
  std::atomic<uint64_t> lines_{0};
  std::atomic<uint64_t> dropped_{0};

  alignas(64) Chunk* head_ = nullptr;   // the flush thread's
  size_t read_ = 0;
  std::atomic<uint64_t> given_{0};

  alignas(64) std::atomic<Chunk*> first_{nullptr};
  std::atomic<Chunk*> spare_{nullptr};
};

}  // namespace nuncio::access_log
