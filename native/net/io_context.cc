#include "net/io_context.h"

#include "net/connection.h"

namespace nuncio::net {

IoContext::IoContext(loop::Loop& loop) : loop_(loop), read_buffer_(new char[kReadBuffer]) {
  loop_.setAfterEvent([](void* self) { static_cast<IoContext*>(self)->flushDirty(); }, this);
}

IoContext::~IoContext() {
  loop_.setAfterEvent(nullptr, nullptr);
  onEndOfTurn();
}

void IoContext::markDirty(Connection& connection) { dirty_.pushBack(&connection); }

void IoContext::flushDirty() {
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
  while (DeferredFree* object = graveyard_.popFront()) object->dispose();
}

}  // namespace nuncio::net
