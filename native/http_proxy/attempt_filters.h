// AttemptFilters: the upstream filters of one attempt, and what the attempt has to remember because of them. In the stream's
// arena; the Router keeps them until it ends, for an attempt may be over while something is on its way through them.
//
//   router ─▶ UpstreamRequest ─▶ filters ─▶ connection
//   router ◀─ filters ◀─ UpstreamRequest ◀─ connection
#pragma once

#include <cstdint>

#include "http_proxy/body_buffer.h"
#include "http_proxy/filter_chain.h"

namespace nuncio::http_proxy {

struct AttemptFilters {
  AttemptFilters(RoutedStream& stream, UpstreamRequest& attempt, AttemptFilters* before);

  FilterChain chain;
  AttemptFilters* const next;          // of an attempt before this one
  BodyBuffer early;                    // body that is there before the attempt begins
  http::HeaderMap* early_trailers = nullptr;
  uint16_t pauses = 0;
  bool early_end = false;
  bool begun = false;                  // the head has been shown to the filters
  bool head_through = false;           // and came through
  bool stopped = false;                // the attempt is over
};

}  // namespace nuncio::http_proxy
