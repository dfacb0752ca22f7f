// The listener filter seam: what looks at an accepted connection, and at its first bytes, before a filter chain is chosen.
// Three lifetimes, as for network filters:
//
//   ListenerFilterFactory   made from plan bytes, immutable, shared by all workers
//   ListenerFilterRuntime   one worker's part of it (stat scopes); lives with the listener's runtime in that worker
//   ListenerFilter          one connection's, from accept until the chain is chosen; worker thread only
//
//   accept ─▶ filter 0: onAccept ─▶ (onData …) ─▶ filter 1 ─▶ … ─▶ filter chain
//                                      └▶ rejected, timed out, client gone: closed
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/connection_facts.h"
#include "http/stream_info.h"

namespace nuncio {
struct WorkerContext;
}

namespace nuncio::tcp {

/** What becomes of a connection after a filter has looked at it. */
enum class ListenerVerdict : uint8_t {
  kContinue,  // the next filter's turn
  kNeedData,  // onData is to be called when there are more bytes than it has seen
  kWait,      // nothing happens until AcceptedConnection::resume
  kReject,    // the connection is closed
};

/**
 * An accepted connection without a filter chain. `info()` has the addresses, which a filter may replace; `facts()` takes
 * what it finds out.
 */
class AcceptedConnection {
 public:
  virtual int fd() const = 0;
  virtual http::ConnectionInfo& info() = 0;
  http::ConnectionFacts& facts() { return *info().facts; }
  /** Takes bytes off the connection: nobody after this filter sees them. At most what onData was given. */
  virtual void consume(size_t size) = 0;
  /** Ends a kWait with another verdict; not from inside a call to the filter. */
  virtual void resume(ListenerVerdict verdict) = 0;

 protected:
  ~AcceptedConnection() = default;
};

class ListenerFilter {
 public:
  virtual ~ListenerFilter() = default;
  virtual ListenerVerdict onAccept(AcceptedConnection& connection) = 0;
  /**
   * `bytes`: all that the client sent and nobody consumed, up to `inspects()`. They stay in the socket: the call comes
   * again with more. The view is valid during the call only.
   */
  virtual ListenerVerdict onData(AcceptedConnection&, std::string_view /*bytes*/) { return ListenerVerdict::kContinue; }
  /** How many bytes it looks at, as of now; may grow while it needs data, to 128 KiB at most. 0: it takes no data. */
  virtual size_t inspects() const { return 0; }
};

class ListenerFilterRuntime {
 public:
  virtual ~ListenerFilterRuntime() = default;
  virtual std::unique_ptr<ListenerFilter> create() = 0;
};

class ListenerFilterFactory {
 public:
  virtual ~ListenerFilterFactory() = default;
  virtual std::unique_ptr<ListenerFilterRuntime> makeRuntime(WorkerContext& worker) const = 0;
};
using ListenerFilterFactoryPtr = std::unique_ptr<const ListenerFilterFactory>;

}  // namespace nuncio::tcp
