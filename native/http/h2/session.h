// Session: what both sides of HTTP/2 have in common: frames, HPACK state, settings, flow control, streams. The base of
// ServerCodec and ClientCodec, which own it; worker thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/codec.h"
#include "http/h2/memory.h"
#include "http/h2/options.h"
#include "stats/scope.h"

namespace nuncio::http::h2 {

class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 protected:
  Session(ByteSink& sink, const CommonOptions& options, Memory& memory, stats::Http2Scope stats);
  ~Session();

  DispatchResult dispatchFrames(std::string_view data);
  void sendPing();
  void outputLeft(size_t queued);
  bool dead() const;
  uint32_t streamCount() const;
  stats::Http2Scope statistics() const { return stats_; }

 private:
  stats::Http2Scope stats_;
};

}  // namespace nuncio::http::h2
