#include "http/h2/client_codec.h"

namespace nuncio::http::h2 {

ClientCodec::ClientCodec(ClientCallbacks& callbacks, ByteSink& sink, const ClientOptions& options, Memory& memory,
                         stats::Http2Scope stats)
    : Session(nullptr, &callbacks, sink, options, Underscores::kAllow, memory, stats) {
  stats.inc(Stat::nghttp2_upstream_connections);
}

ClientCodec::~ClientCodec() = default;

http::RequestEncoder& ClientCodec::newStream(ResponseDecoder& decoder) {
  return startStream(decoder);
}

void ClientCodec::goAway() {
  if (dead() || refusesNewStreams()) return;
  refuseNewStreams();
  sendGoAway(0, ErrorCode::kNoError, {});
}

uint32_t ClientCodec::maxStreams() const { return streamLimit(); }
bool ClientCodec::canCreateStream() const { return canStartStream(); }
bool ClientCodec::sawGoAway() const { return goAwaySeen(); }

}  // namespace nuncio::http::h2
