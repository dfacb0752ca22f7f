// Where the body of a message ends: the one place that decides it, for requests and responses alike (RFC 9112 §6, and
// Envoy where it is stricter). What is refused here cannot be read in two ways by two parties. Pure; any thread.
#pragma once

#include <cstdint>

#include "http/codec.h"
#include "http/h1/options.h"

namespace nuncio::http::h1 {

enum class Body : uint8_t {
  kNone,
  kLength,      // `length` bytes
  kChunked,
  kUntilClose,  // a response without any framing
  kRaw,         // CONNECT or an accepted upgrade: no longer HTTP
};

struct Framing {
  Body body = Body::kNone;
  uint64_t length = 0;
};

/** May take headers away (upgrade of h2c, content-length where allow_chunked_length says so). */
const CodecError* frameRequest(HeaderMap& headers, bool connect, const ServerOptions& options, Framing& out);

struct ResponseFacts {
  uint32_t status = 0;
  bool to_head = false;
  bool to_connect = false;
  bool upgrade_asked = false;
};
const CodecError* frameResponse(HeaderMap& headers, const ResponseFacts& facts, const ClientOptions& options, Framing& out);

/** `connection: upgrade` and an `upgrade` header. */
bool isUpgrade(const HeaderMap& headers);

}  // namespace nuncio::http::h1
