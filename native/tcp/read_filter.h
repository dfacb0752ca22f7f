// The read filter seam: network filters that stand before the terminal one of a chain and see the connection, and what the
// client sends, first; those that ask for it see what is sent to the client last. Factory, runtime and filter have the
// lifetimes of tcp/network_filter.h.
//
//   client ─▶ filter 0: onData  ─▶ filter 1: onData  ─▶ … ─▶ terminal filter
//   client ◀─ filter 0: onWrite ◀─ filter 1: onWrite ◀─ … ◀─ terminal filter
//
// A filter sees each byte once, but for those it held back itself: they are shown again with what came after them.
#pragma once

#include <memory>
#include <string_view>

#include "net/connection.h"
#include "tcp/network_filter.h"

namespace nuncio::tcp {

class NetworkFilterChain;

enum class ReadVerdict : uint8_t {
  kContinue,  // the next filter's turn
  kStop,      // the filters after this one wait, and so do the bytes, until continueReading, or until onData says kContinue
};

/** A read filter's hold on its connection. */
class ReadFilterHost {
 public:
  ReadFilterHost(NetworkFilterChain& chain, size_t index) : chain_(&chain), index_(index) {}
  const Downstream& downstream() const;
  loop::Loop& loop() const { return downstream().connection.io().loop(); }
  /** Ends a kStop: what was held back goes to the next filter. Not from inside a call to the filter. */
  void continueReading() const;
  /** Bytes for the filters after this one, as if the client had sent them; it may have stopped them before. */
  void inject(std::string_view bytes, bool end) const;
  /** Bytes for the client, past the filters before this one. */
  void injectWrite(std::string_view bytes, bool end) const;
  /** Nothing more is shown to onWrite, and what is to be written waits. Counted. */
  void stallWrites(bool stall) const;
  /** What a connection may hold back, in bytes; 0: any. */
  size_t bufferLimit() const;
  /** Closes the connection at once; `reason` stands in the access log, and must live as long as the connection. */
  void close(std::string_view reason) const;
  /** When what was written is sent. */
  void closeAfterFlush(std::string_view reason) const;

 private:
  NetworkFilterChain* chain_;
  size_t index_;
};

class ReadFilter {
 public:
  virtual ~ReadFilter() = default;
  virtual ReadVerdict onNewConnection() { return ReadVerdict::kContinue; }
  /** `data` may be replaced by a view that lives until the end of the call after it. `end`: the client sends no more. */
  virtual ReadVerdict onData(std::string_view& /*data*/, bool /*end*/) { return ReadVerdict::kContinue; }
  /** It wants to see what is written; asked once. */
  virtual bool writes() const { return false; }
  /** As onData; what is stopped here is not kept by the chain. `end`: nothing more is written. */
  virtual ReadVerdict onWrite(std::string_view& /*data*/, bool /*end*/) { return ReadVerdict::kContinue; }
  virtual void onClosed(net::CloseCause) {}
};

class ReadFilterRuntime {
 public:
  virtual ~ReadFilterRuntime() = default;
  /** `host` lives as long as the filter. */
  virtual std::unique_ptr<ReadFilter> create(const ReadFilterHost& host) = 0;
};

class ReadFilterFactory {
 public:
  virtual ~ReadFilterFactory() = default;
  virtual std::unique_ptr<ReadFilterRuntime> makeRuntime(WorkerContext& worker, const ListenerFacts& listener) const = 0;
  /** False: once the connection is through, its bytes are none of the filter's business. */
  virtual bool takesData() const { return true; }
};
using ReadFilterFactoryPtr = std::unique_ptr<const ReadFilterFactory>;

}  // namespace nuncio::tcp
