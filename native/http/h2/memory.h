// What the HTTP/2 codecs of one worker share: free stream objects, the blocks of queued body, room to decode heads in. Owned by
// the worker, outlives its codecs.
#pragma once

#include <cstddef>

#include "http/h2/hpack_decoder.h"
#include "net/output_queue.h"

namespace nuncio::http::h2 {

class Memory {
 public:
  explicit Memory(net::BlockPool& blocks) : blocks_(blocks) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  net::BlockPool& blocks() { return blocks_; }
  DecodeScratch& scratch() { return scratch_; }

  /** `size` bytes for one stream; every caller asks for the same size. */
  void* takeStream(size_t size);
  void giveStream(void* stream);

 private:
  static constexpr size_t kMaxFree = 1024;
  struct Free {
    Free* next;
  };
  net::BlockPool& blocks_;
  DecodeScratch scratch_;
  Free* free_ = nullptr;
  size_t count_ = 0;
};

}  // namespace nuncio::http::h2
