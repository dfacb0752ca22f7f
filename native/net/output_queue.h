// OutputQueue: the bytes a connection still has to send. A list of segments; each is a piece of a pooled block that the
// queue owns, or borrowed memory (the read buffer of the event being handled), which is copied only if it could not be
// sent by the end of that event. Empty queue = no memory held. Owned by its Connection; worker thread only.
//
// Short messages of several queues stand one after another in a block that the pool shares out: what is sent in one go is
// then in one piece of memory instead of the beginnings of many blocks, which compete for the same lines of a cache.
//
//   front ─▶ [owned: response head] ─▶ [borrowed: body in the read buffer] ─▶ [owned: "\r\n"] ─▶ …
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nuncio::net {

struct Block {
  static constexpr uint32_t kCapacity = 16 * 1024 - 32;
  uint32_t references;
  uint32_t used;
  uint32_t capacity;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  char* end() { return bytes() + used; }
};

struct Segment {
  Segment* next;
  const char* data;  // null: the bytes are in a pipe (net/splice.h)
  uint32_t size;
  Block* owner;  // null: borrowed
};

/** Free lists of one worker. */
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  Block* takeBlock(size_t at_least);
  /** A block with so much room, which other queues write to as well. */
  Block* shareBlock(size_t room) {
    if (shared_ == nullptr || shared_->capacity - shared_->used < room) return shared_ = takeBlock(room);
    ++shared_->references;
    return shared_;
  }
  void release(Block* block) {
    if (--block->references == 0) giveBlock(block);
  }
  Segment* takeSegment();
  void giveSegment(Segment* segment) {
    segment->next = free_segments_;
    free_segments_ = segment;
  }
  /** Bytes in blocks that are in use now. */
  size_t inUse() const { return in_use_; }

 private:
  static constexpr size_t kMaxFreeBlocks = 256;
  static constexpr size_t kSegmentBatch = 64;
  void giveBlock(Block* block);

  Block* shared_ = nullptr;  // null as soon as nobody has it; not referenced from here
  Block* free_blocks_[kMaxFreeBlocks];
  size_t free_count_ = 0;
  size_t in_use_ = 0;
  Segment* free_segments_ = nullptr;
  struct Batch {
    Batch* next;
    Segment segments[kSegmentBatch];
  };
  Batch* batches_ = nullptr;
};

class OutputQueue {
 public:
  explicit OutputQueue(BlockPool& pool) : pool_(pool) {}
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;
  ~OutputQueue() { clear(); }

  char* reserve(size_t size);
  void commit(size_t size);
  void append(std::string_view bytes);
  /** Keeps the view; short ones are copied, since a segment of their own would cost more. */
  void appendBorrowed(std::string_view bytes);
  /** Bytes that wait in the pipe of the connection's transport; `gather` shows them without an address. */
  void appendPiped(size_t size);
  /** Copies what is borrowed; call before the lender's memory changes. */
  void own();

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int gather(iovec* out, int max) const;
  template <class Visit>
  void forEach(Visit&& visit) const {
    for (const Segment* segment = front_; segment != nullptr; segment = segment->next) visit(std::string_view(segment->data, segment->size));
  }
  void consume(size_t size);
  /** Takes over everything `other` has. Both use one pool. */
  void absorb(OutputQueue& other);
  void clear();

 private:
  static constexpr size_t kBorrowMin = 2048;
  static constexpr size_t kShareMax = 1024;
  void pushSegment(const char* data, size_t size, Block* owner);

  BlockPool& pool_;
  Segment* front_ = nullptr;
  Segment* back_ = nullptr;
  Block* tail_ = nullptr;  // where reserve() continues; referenced
  size_t size_ = 0;
  bool borrowed_ = false;
};

}  // namespace nuncio::net
