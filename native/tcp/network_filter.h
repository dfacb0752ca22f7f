// The network filter seam: what takes the bytes of an accepted connection. Three lifetimes:
//
//   NetworkFilterFactory   made from plan bytes, immutable, shared by all workers
//   NetworkFilterRuntime   one worker's part of it (stat scopes); lives with the listener's runtime in that worker
//   NetworkFilter          one connection's; owned by the connection's session, worker thread only
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/stream_info.h"
#include "net/connection.h"
#include "net/drain.h"

namespace nuncio {
struct WorkerContext;
}

namespace nuncio::tcp {

/** The accepted connection as its filters see it. */
struct Downstream {
  net::Connection& connection;
  http::ConnectionInfo& info;
  bool filtered = false;  // read filters look at what the client sends: it must not bypass onInput
};

/** The last (terminal) filter of a chain owns the connection's fate: it closes it, and learns when it closed. */
class NetworkFilter {
 public:
  virtual ~NetworkFilter() = default;
  virtual void onNewConnection() = 0;
  virtual size_t onInput(std::string_view bytes) = 0;
  virtual void onEndOfInput() = 0;
  virtual void onAboveHighWatermark() = 0;
  virtual void onBelowLowWatermark() = 0;
  virtual void onWritten() {}
  virtual void onClosed(net::CloseCause cause) = 0;
  /** The listener drains: end in order, as soon as the protocol allows. */
  virtual void onDrain() {}
  /** For the listener's log of the connection: adds what the filter knows. Long texts live in `text`. */
  virtual void describe(http::StreamInfo&, std::string& /*text*/) const {}
};

/** What a runtime may know of the listener it serves. */
struct ListenerFacts {
  std::string_view name;
  std::string_view stat_name;         // "127.0.0.1_10000"
  uint32_t buffer_limit;
  const net::DrainState& drain;
  bool outbound = false;              // traffic_direction
};

class NetworkFilterRuntime {
 public:
  virtual ~NetworkFilterRuntime() = default;
  /** Is everything there that a connection needs? Asked when one comes; if not, it is closed. */
  virtual bool complete() { return true; }
  virtual std::unique_ptr<NetworkFilter> create(const Downstream& downstream) = 0;
  /** No more connections come; for those that are there everything stays as it is now. */
  virtual void retire() {}
};

class NetworkFilterFactory {
 public:
  virtual ~NetworkFilterFactory() = default;
  virtual std::unique_ptr<NetworkFilterRuntime> makeRuntime(WorkerContext& worker, const ListenerFacts& listener) const = 0;
  /** Its statistics are to be seen before the first connection: runtimes are made with the listener, not on first use. */
  virtual bool eager() const { return false; }
};
using NetworkFilterFactoryPtr = std::unique_ptr<const NetworkFilterFactory>;

}  // namespace nuncio::tcp
