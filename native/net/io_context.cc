#include "net/io_context.h"

#include "base/clock.h"
#include "net/connection.h"

namespace nuncio::net {

IoContext::IoContext(loop::Loop& loop) : loop_(loop), read_buffer_(new char[kReadBuffer]) {
  loop_.setAfterEvent([](void* self, bool more) { static_cast<IoContext*>(self)->afterEvent(more); }, this);
}

IoContext::~IoContext() {
  loop_.setAfterEvent(nullptr, nullptr);
  onEndOfTurn();
}

void IoContext::markDirty(Connection& connection) { dirty_.pushBack(&connection); }

void IoContext::afterEvent(bool more) {
  ++event_;
  if (!dirty_.empty() && (!more || mustFlush())) flushDirty();
  bury();
}

/** Or does what was written wait for what the next events will write? */
bool IoContext::mustFlush() {
  constexpr uint32_t kMostEvents = 32, kLookEvery = 4;
  constexpr int64_t kLongestNs = 500'000;
  if (flush_now_) return true;
  if (unsent_events_++ == 0) unsent_since_ns_ = base::monotonicNs();
  if (unsent_events_ % kLookEvery != 0) return false;
  return unsent_events_ >= kMostEvents || base::monotonicNs() - unsent_since_ns_ > kLongestNs;
}

void IoContext::flushDirty() {
  unsent_events_ = 0;
  flush_now_ = false;
  while (Connection* connection = dirty_.popFront()) connection->flush();
}

void IoContext::freeLater(DeferredFree* object) {
  graveyard_.pushBack(object);
  loop_.atEndOfTurn(*this);
}

char* IoContext::turnMemory(size_t size) {
  if (turn_.empty()) loop_.atEndOfTurn(*this);
  char* memory = turn_.reserve(size);
  turn_.commit(size);
  return memory;
}

void IoContext::keepForTurn(OutputQueue& queue) {
  if (turn_.empty()) loop_.atEndOfTurn(*this);
  turn_.absorb(queue);
}

void IoContext::onEndOfTurn() {
  if (!turn_.empty()) {
    flushDirty();  // queues may borrow from it
    turn_.clear();
  }
  bury();
}

void IoContext::bury() {
  while (DeferredFree* object = graveyard_.popFront()) object->dispose();
}

}  // namespace nuncio::net
