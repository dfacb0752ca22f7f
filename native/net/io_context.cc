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

void IoContext::onEndOfTurn() {
  while (DeferredFree* object = graveyard_.popFront()) object->dispose();
}

}  // namespace nuncio::net
