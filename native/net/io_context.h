// IoContext: what all connections of one worker share: the loop, the read buffer, block and arena pools, the raw
// transport, and the two lists that make writes and frees happen at the right time. Owned by the Worker.
//
//   event ─▶ handlers write into output queues ─▶ flushDirty(): one send per connection ─▶ read buffer may be reused
//   give up, close ─▶ the object goes on the graveyard ─▶ freed when the event was handled: its memory is still in the cache,
//                     and the next request's to take
//
// What several events wrote is sent in one go, so that the processor runs our code for some events and then the kernel's
// for as many sends, instead of changing between them each time. A queue that borrows is sent after its event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/arena.h"
#include "base/intrusive_list.h"
#include "loop/loop.h"
#include "net/output_queue.h"
#include "net/raw_transport.h"

namespace nuncio::net {

class Connection;

/** Something whose owner gave it up inside a callback about it; freed when the event is over, at the latest with the turn. */
struct GraveyardTag;
class DeferredFree : public base::ListNode<GraveyardTag> {
 public:
  /** Ends the object; those not made by plain `new` give their memory back where it came from. */
  virtual void dispose() { delete this; }

 protected:
  virtual ~DeferredFree() = default;
};

struct DirtyTag;

class IoContext final : private loop::TurnTask {
 public:
  static constexpr size_t kReadBuffer = 128 * 1024;

  explicit IoContext(loop::Loop& loop);
  ~IoContext();

  loop::Loop& loop() { return loop_; }
  char* readBuffer() { return read_buffer_.get(); }
  BlockPool& blocks() { return blocks_; }
  base::ChunkPool& chunks() { return chunks_; }
  RawTransport& rawTransport() { return raw_; }
  uint64_t nextConnectionId() { return ++connection_id_; }

  void markDirty(Connection& connection);
  /** Sends what connections queued since the last call; afterwards no queue borrows from the read buffer. */
  void flushDirty();
  /** Nothing waits for further events: a queue refers to memory of this one, or it took so long that others would wait. */
  void flushAfterEvent() { flush_now_ = true; }
  /** Number of the event that is being handled; what has another number was written by an earlier one. */
  uint32_t event() const { return event_; }
  /** `object` is disposed of when this event is over (takes ownership). */
  void freeLater(DeferredFree* object);
  /** `size` bytes that last until the end of this turn. */
  char* turnMemory(size_t size);
  /** What is in the queue lasts until the end of this turn, and the queue is empty: sockets may borrow from its pieces. */
  void keepForTurn(OutputQueue& queue);

 private:
  void onEndOfTurn() override;
  void afterEvent(bool more);
  bool mustFlush();
  void bury();

  loop::Loop& loop_;
  std::unique_ptr<char[]> read_buffer_;
  BlockPool blocks_;
  base::ChunkPool chunks_;
  RawTransport raw_;
  uint64_t connection_id_ = 0;
  uint32_t event_ = 0;
  uint32_t unsent_events_ = 0;  // since the last flush, while something waits for one
  int64_t unsent_since_ns_ = 0;
  bool flush_now_ = false;
  base::IntrusiveList<Connection, DirtyTag> dirty_;
  base::IntrusiveList<DeferredFree, GraveyardTag> graveyard_;
  OutputQueue turn_{blocks_};
};

}  // namespace nuncio::net
