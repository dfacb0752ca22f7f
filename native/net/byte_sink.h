// ByteSink: where encoded bytes go: the output queue of a connection. Codecs write here and never see a socket.
#pragma once

#include <cstddef>
#include <string_view>

namespace nuncio::net {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /** `size` writable bytes at the end of the queue; `commit` says how many were used. Valid until the next call. */
  virtual char* reserve(size_t size) = 0;
  virtual void commit(size_t size) = 0;
  virtual void write(std::string_view bytes) = 0;          // copies
  virtual void writeBorrowed(std::string_view bytes) = 0;  // may keep the view until the end of the current read event
};

}  // namespace nuncio::net
