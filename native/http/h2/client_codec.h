// h2::ClientCodec: HTTP/2 as a client speaks it: requests out on streams of one connection, responses in. Owned by one
// upstream connection of a pool; worker thread. No I/O, no timers.
//
//   The constructor writes the preface and SETTINGS. newStream: at most maxStreams() at a time, and not after onGoAway.
#pragma once

#include "http/codec.h"
#include "http/h2/error_code.h"
#include "http/h2/memory.h"
#include "http/h2/options.h"
#include "http/h2/session.h"
#include "stats/scope.h"

namespace nuncio::http::h2 {

class ClientCodec final : public http::ClientCodec, private Session {
 public:
  /** All outlive the codec, and so does what `stats` points to. */
  ClientCodec(ClientCallbacks& callbacks, ByteSink& sink, const ClientOptions& options, Memory& memory, stats::Http2Scope stats);
  ~ClientCodec() override;

  /** When `canCreateStream()` does not hold, the peer may refuse the stream, or hear nothing of it. */
  http::RequestEncoder& newStream(ResponseDecoder& decoder) override;
  DispatchResult dispatch(std::string_view data) override { return dispatchFrames(data); }
  const CodecError* onEndOfInput() override { return nullptr; }
  std::string_view protocol() const override { return "HTTP/2"; }
  uint32_t activeStreams() const override { return streamCount(); }
  bool requestComplete() const override { return true; }
  bool wantsInput() const override { return !dead(); }
  void goAway() override;
  void ping() override { sendPing(); }
  void onOutputLeft(size_t queued) override { outputLeft(queued); }

  /** What both sides allow at a time; our own limit until the peer's SETTINGS came. */
  uint32_t maxStreams() const;
  /** Room for one more, stream numbers left, no GOAWAY. */
  bool canCreateStream() const;
  bool sawGoAway() const;
  stats::Http2Scope stats() const { return statistics(); }
};

}  // namespace nuncio::http::h2
