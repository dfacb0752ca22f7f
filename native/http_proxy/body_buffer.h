// BodyBuffer: request bytes kept because another attempt may need them, or because no connection is there yet. In pooled
// blocks. Part of a router or an attempt; worker thread only.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "net/output_queue.h"

namespace nuncio::http_proxy {

class BodyBuffer {
 public:
  explicit BodyBuffer(net::BlockPool& pool) : queue_(pool) {}

  void append(std::string_view data) { queue_.append(data); }
  size_t size() const { return queue_.size(); }
  bool empty() const { return queue_.empty(); }
  /** Copies `size` bytes out, from `offset` on; that many are there. */
  void peek(char* out, size_t offset, size_t size) const {
    queue_.forEach([&](std::string_view piece) {
      const size_t skipped = std::min(offset, piece.size());
      offset -= skipped;
      const size_t part = std::min(size, piece.size() - skipped);
      if (part == 0) return;
      std::memcpy(out, piece.data() + skipped, part);
      out += part;
      size -= part;
    });
  }
  /** Copies the first `size` bytes out and drops them. */
  void take(char* out, size_t size) {
    peek(out, 0, size);
    if (size != 0) queue_.consume(size);
  }
  void clear() { queue_.clear(); }
  /** Takes over everything `other` has. */
  void absorb(BodyBuffer& other) { queue_.absorb(other.queue_); }
  net::OutputQueue& queue() { return queue_; }
  template <class Visit>
  void forEach(Visit&& visit) const {
    queue_.forEach(visit);
  }

 private:
  net::OutputQueue queue_;
};

}  // namespace nuncio::http_proxy
