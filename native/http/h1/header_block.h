// Header lines into a HeaderMap: llhttp tokenizes them, leniency is ours. The block lies in the stream's arena; names are
// lower-cased where they stand and the map's entries point into it. Worker thread.
#pragma once

#include <cstdint>

#include "http/codec.h"
#include "http/h1/options.h"

namespace nuncio::http::h1 {

inline constexpr size_t kParsePadding = 8;    // writable bytes behind a block

enum class Kind : uint8_t { kRequest, kResponse, kTrailers };

/** What becomes of names with an underscore. */
struct UnderscoreRule {
  Underscores action = Underscores::kAllow;
  uint32_t* count = nullptr;  // of dropped and rejected ones; null: they are not counted
};

struct HeaderLimits {
  Kind kind = Kind::kRequest;
  UnderscoreRule underscores;
  bool keep_original = false;    // remember names as they were written
  uint32_t max_headers = 100;
};

/** A copy of `text` in the arena, with room for parsing it. */
char* copyForParsing(base::Arena& arena, std::string_view text);

/**
 * Adds header lines to `headers`: `lines` (without the empty line), of which `copy` (from copyForParsing) is the copy the
 * entries will point into. Of a request, `host` becomes ":authority", which must be entry `authority_at`. Several lines of
 * a header that Envoy keeps once are joined with ",". `wire_bytes` grows by what the headers count for in the access log.
 */
const CodecError* parseHeaderBlock(HeaderMap& headers, std::string_view lines, char* copy, const HeaderLimits& limits,
                                   size_t authority_at, uint64_t& wire_bytes);

/** Trailers: empty when they are not enabled, but read and refused all the same. */
const CodecError* parseTrailers(HeaderMap& trailers, std::string_view lines, const CommonOptions& options, UnderscoreRule underscores,
                                uint64_t& wire_bytes);

}  // namespace nuncio::http::h1
