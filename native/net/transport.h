// Transport: what stands between a connection and its socket: nothing (raw) or TLS. Non-blocking; the connection calls
// it when the socket is readable or writable. One for each connection, owned by it. Worker thread only.
//
//   handshake ─▶ (again ⟲) ─▶ done ─▶ read, write ─▶ shutdownWrite
//            └▶ failed: failureReason() says why
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/tls_info.h"

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

enum class HandshakeStatus : uint8_t {
  kDone,
  kAgain,   // wait for the socket
  kFailed,
};

class Transport {
 public:
  virtual ~Transport() = default;
  /** Called for a transport that a connection owns, when connected and whenever the socket is ready, until it is done. */
  virtual HandshakeStatus handshake(int /*fd*/) { return HandshakeStatus::kDone; }
  virtual IoResult read(int fd, char* out, size_t size) = 0;
  /** Takes from the pieces as much as it can; less than all: the socket is full. No pieces: only what `holdsOutput` is about. */
  virtual IoResult write(int fd, const iovec* pieces, int count) = 0;
  /** Bytes that count as written (or were never the connection's) wait for the socket; `write` goes on with them. */
  virtual bool holdsOutput() const { return false; }
  /** Sends the end of our direction: TLS close_notify, or the socket's own half-close. */
  virtual void shutdownWrite(int fd) = 0;
  /** Why it failed, for logs ("TLS_error:…"); empty for a plain socket error. */
  virtual std::string_view failureReason() const { return {}; }
  /** The protocol that ALPN agreed on; empty: none. */
  virtual std::string_view applicationProtocol() const { return {}; }
  /** Null: clear text. */
  virtual const TlsInfo* tls() const { return nullptr; }
};

}  // namespace nuncio::net
