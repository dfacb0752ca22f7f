// h2::ServerCodec: HTTP/2 as a server speaks it (RFC 9113): any number of streams, requests in, responses out. Owned by the
// connection manager of one connection; worker thread. No I/O, no timers.
//
//   dispatch ─▶ frames ─▶ newStream ─▶ onRequestHeaders ─▶ onRequestData … ─▶ onStreamComplete │ onStreamReset
//   The server's SETTINGS are written by the constructor. h2spec's rules on stream states hold (stricter than Envoy).
#pragma once

#include "http/codec.h"
#include "http/h2/error_code.h"
#include "http/h2/memory.h"
#include "http/h2/options.h"
#include "http/h2/session.h"
#include "stats/scope.h"

namespace nuncio::http::h2 {

class ServerCodec final : public http::ServerCodec, private Session {
 public:
  /** All outlive the codec, and so does what `stats` points to. */
  ServerCodec(ServerCallbacks& callbacks, ByteSink& sink, const ServerOptions& options, Memory& memory, stats::Http2Scope stats);
  ~ServerCodec() override;

  DispatchResult dispatch(std::string_view data) override { return dispatchFrames(data); }
  /** Never an error: what streams are left are the owner's to end. */
  const CodecError* onEndOfInput() override { return nullptr; }
  std::string_view protocol() const override { return "HTTP/2"; }
  /** GOAWAY that refuses nothing yet (last stream 2^31-1). */
  void shutdownNotice() override;
  /** GOAWAY with the last stream that was taken; later ones are ignored. */
  void goAway() override;
  /** GOAWAY with an error code, e.g. kEnhanceYourCalm of a premature-reset flood: nothing is read after it. */
  void goAway(ErrorCode code);
  bool wantsInput() const override { return !dead(); }
  /** After goAway with the last stream gone, or after an error. */
  /** The client broke the protocol: the connection is beyond use. */
  bool broken() const { return dead(); }
  /** The connection is gone: nothing is read or written any more. */
  void shut() { Session::shut(); }
  bool mustClose() const override;
  void ping() override { sendPing(); }
  void onOutputLeft(size_t queued) override { outputLeft(queued); }


  /** The head of a request came in part. */
  bool readsHead() const { return inHeaderBlock(); }
  /** Streams that are not over. */
  uint32_t activeStreams() const { return streamCount(); }
  stats::Http2Scope stats() const { return statistics(); }
};

}  // namespace nuncio::http::h2
