#include "net/output_queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace nuncio::net {

BlockPool::~BlockPool() {
  while (free_count_ > 0) std::free(free_blocks_[--free_count_]);
  while (batches_ != nullptr) {
    Batch* batch = batches_;
    batches_ = batch->next;
    std::free(batch);
  }
}

Block* BlockPool::takeBlock(size_t at_least) {
  Block* block;
  if (at_least <= Block::kCapacity && free_count_ > 0) {
    block = free_blocks_[--free_count_];
  } else {
    const size_t capacity = std::max<size_t>(at_least, Block::kCapacity);
    block = static_cast<Block*>(std::malloc(sizeof(Block) + capacity));
    CHECK(block != nullptr);
    block->capacity = static_cast<uint32_t>(capacity);
  }
  block->references = 1;
  block->used = 0;
  in_use_ += block->capacity;
  return block;
}

void BlockPool::giveBlock(Block* block) {
  if (block == shared_) shared_ = nullptr;
  in_use_ -= block->capacity;
  if (block->capacity == Block::kCapacity && free_count_ < kMaxFreeBlocks) {
    free_blocks_[free_count_++] = block;
  } else {
    std::free(block);
  }
}

Segment* BlockPool::takeSegment() {
  if (free_segments_ == nullptr) {
    auto* batch = static_cast<Batch*>(std::malloc(sizeof(Batch)));
    CHECK(batch != nullptr);
    batch->next = batches_;
    batches_ = batch;
    for (Segment& segment : batch->segments) giveSegment(&segment);
  }
  Segment* segment = free_segments_;
  free_segments_ = segment->next;
  return segment;
}

char* OutputQueue::reserve(size_t size) {
  if (tail_ == nullptr || tail_->capacity - tail_->used < size) {
    if (tail_ != nullptr) pool_.release(tail_);
    tail_ = size <= kShareMax ? pool_.shareBlock(size) : pool_.takeBlock(size);
  }
  return tail_->end();
}

void OutputQueue::commit(size_t size) {
  if (size == 0) return;
  const char* start = tail_->end();
  tail_->used += static_cast<uint32_t>(size);
  if (back_ != nullptr && back_->owner == tail_ && back_->data + back_->size == start) {
    back_->size += static_cast<uint32_t>(size);
    size_ += size;
    return;
  }
  ++tail_->references;
  pushSegment(start, size, tail_);
}

void OutputQueue::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t room = tail_ == nullptr ? 0 : tail_->capacity - tail_->used;
    const size_t part = std::min(bytes.size(), room == 0 ? Block::kCapacity : room);
    std::memcpy(reserve(part), bytes.data(), part);
    commit(part);
    bytes.remove_prefix(part);
  }
}

void OutputQueue::appendBorrowed(std::string_view bytes) {
  if (bytes.size() < kBorrowMin) return append(bytes);
  borrowed_ = true;
  pushSegment(bytes.data(), bytes.size(), nullptr);
}

void OutputQueue::appendPiped(size_t size) {
  if (back_ == nullptr || back_->data != nullptr) return pushSegment(nullptr, size, nullptr);
  back_->size += static_cast<uint32_t>(size);
  size_ += size;
}

void OutputQueue::own() {
  if (!borrowed_) return;
  borrowed_ = false;
  for (Segment* segment = front_; segment != nullptr; segment = segment->next) {
    if (segment->owner != nullptr || segment->data == nullptr) continue;
    // A block just large enough: what is left of a big read is at most the read buffer.
    Block* block = pool_.takeBlock(segment->size);
    std::memcpy(block->bytes(), segment->data, segment->size);
    block->used = segment->size;
    segment->owner = block;
    segment->data = block->bytes();
  }
}

void OutputQueue::pushSegment(const char* data, size_t size, Block* owner) {
  Segment* segment = ::new (pool_.takeSegment()) Segment{nullptr, data, static_cast<uint32_t>(size), owner};
  (back_ == nullptr ? front_ : back_->next) = segment;
  back_ = segment;
  size_ += size;
}

void OutputQueue::absorb(OutputQueue& other) {
  if (other.front_ == nullptr) return;
  (back_ == nullptr ? front_ : back_->next) = other.front_;
  back_ = other.back_;
  size_ += other.size_;
  borrowed_ = borrowed_ || other.borrowed_;
  other.front_ = other.back_ = nullptr;
  other.size_ = 0;
  other.borrowed_ = false;
}

int OutputQueue::gather(iovec* out, int max) const {
  int count = 0;
  for (const Segment* segment = front_; segment != nullptr && count < max; segment = segment->next) {
    out[count++] = {const_cast<char*>(segment->data), segment->size};
  }
  return count;
}

void OutputQueue::consume(size_t size) {
  size_ -= size;
  while (size > 0) {
    Segment* segment = front_;
    if (size < segment->size) {
      if (segment->data != nullptr) segment->data += size;
      segment->size -= static_cast<uint32_t>(size);
      return;
    }
    size -= segment->size;
    front_ = segment->next;
    if (front_ == nullptr) back_ = nullptr;
    if (segment->owner != nullptr) pool_.release(segment->owner);
    pool_.giveSegment(segment);
  }
  if (front_ == nullptr) {
    borrowed_ = false;
    if (tail_ != nullptr) pool_.release(tail_);
    tail_ = nullptr;
  }
}

void OutputQueue::clear() {
  if (size_ != 0) return consume(size_);
  if (tail_ != nullptr) pool_.release(tail_);
  tail_ = nullptr;
}

}  // namespace nuncio::net
