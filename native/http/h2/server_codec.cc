#include "http/h2/server_codec.h"

namespace nuncio::http::h2 {

ServerCodec::ServerCodec(ServerCallbacks& callbacks, ByteSink& sink, const ServerOptions& options, Memory& memory,
                         stats::Http2Scope stats)
    : Session(&callbacks, nullptr, sink, options, options.underscores, memory, stats) {
  stats.inc(Stat::nghttp2_downstream_connections);
}

ServerCodec::~ServerCodec() = default;

void ServerCodec::shutdownNotice() {
  if (!dead() && !refusesNewStreams()) sendGoAway(kLargestStream, ErrorCode::kNoError, {});
}

void ServerCodec::goAway() {
  if (dead() || refusesNewStreams()) return;
  refuseNewStreams();
  sendGoAway(lastPeerStream(), ErrorCode::kNoError, {});
}

void ServerCodec::goAway(ErrorCode code) {
  if (dead()) return;
  sendGoAway(lastPeerStream(), code, {});
  shut();
}

bool ServerCodec::mustClose() const { return dead() || (refusesNewStreams() && streamCount() == 0); }

}  // namespace nuncio::http::h2
