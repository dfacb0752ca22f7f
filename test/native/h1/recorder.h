// Runs bytes through a HTTP/1 codec in given cuts and writes down what came out, as the text the conformance documents
// show. What is written does not depend on the cuts: body pieces are counted as one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/h1/options.h"

namespace nuncio::test::h1 {

/** Bytes into pieces: every piece is offered as a read of its own. Empty: all at once. */
using Cuts = std::vector<size_t>;

struct ServerRun {
  http::h1::ServerOptions options;
  bool half_close = false;      // after the last byte
  bool answer = true;           // answer each complete request with 200 and "ok"
};
struct ClientRun {
  http::h1::ClientOptions options;
  std::string method = "GET";
  bool upgrade = false;
  bool half_close = false;
  bool body_open = false;       // the request is not complete when the response comes
};

struct Recorded {
  std::string events;
  std::string output;           // what the codec wrote
  uint64_t wire_received = 0;   // of the last stream
  uint64_t headers_received = 0;
};

Recorded recordRequests(std::string_view bytes, const ServerRun& run, const Cuts& cuts = {});
Recorded recordResponses(std::string_view bytes, const ClientRun& run, const Cuts& cuts = {});

/**
 * Sends every request that came out whole on with the client codec and reads it again: it must be one request, the same
 * one. CHECKs it.
 */
void checkForwarding(std::string_view bytes, const ServerRun& run);

}  // namespace nuncio::test::h1
