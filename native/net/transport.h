// Transport: what stands between a connection and its socket: nothing (raw) or TLS. Non-blocking; the connection calls
// it when the socket is readable or writable. One for each connection, owned by it. Worker thread only.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nuncio::net {

enum class IoStatus : uint8_t {
  kOk,      // `size` bytes went through
  kAgain,   // nothing now; wait for the socket
  kClosed,  // the peer ended its direction in order (read), or takes nothing more (write)
  kFailed,  // the connection is broken
};

struct IoResult {
  IoStatus status;
  size_t size;
  bool drained = false;  // read: the socket had no more than this
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual IoResult read(int fd, char* out, size_t size) = 0;
  virtual IoResult write(int fd, const iovec* pieces, int count) = 0;
  /** Sends the end of our direction (TLS close_notify), then the socket's own half-close may follow. */
  virtual void shutdownWrite(int fd) = 0;
  /** Why it failed, for logs ("TLS_error:…"); empty for a plain socket error. */
  virtual std::string_view failureReason() const { return {}; }
};

}  // namespace nuncio::net
