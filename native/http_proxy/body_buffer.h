// BodyBuffer: request bytes kept because another attempt may need them, or because no connection is there yet. In pooled
// blocks. Part of a router or an attempt; worker thread only.
#pragma once

#include <string_view>

#include "net/output_queue.h"

namespace nuncio::http_proxy {

class BodyBuffer {
 public:
  explicit BodyBuffer(net::BlockPool& pool) : queue_(pool) {}

  void append(std::string_view data) { queue_.append(data); }
  size_t size() const { return queue_.size(); }
  bool empty() const { return queue_.empty(); }
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
