// FormatContext: everything a substitution format may ask about one request. Borrowed views; made on the stack by whoever
// formats, valid for that one call. Worker thread only.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "http/stream_info.h"

namespace nuncio::http {

class HeaderMap;

struct FormatContext {
  const HeaderMap* request = nullptr;            // null: none (TCP, or a head that could not be read)
  const HeaderMap* response = nullptr;           // null: no response was begun
  const HeaderMap* response_trailers = nullptr;
  const StreamInfo& info;
  int64_t now_ns = 0;                            // the clock of info.at
  int64_t wall_now_ns = 0;                       // nanoseconds since the epoch, for EMIT_TIME
  base::Random* random = nullptr;                // for UNIQUE_ID, which is "-" without
};

}  // namespace nuncio::http
