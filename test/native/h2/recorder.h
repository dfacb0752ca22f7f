// Runs bytes through a HTTP/2 codec in given cuts and writes down what it told and what it wrote, as the documents of
// test/conformance/h2 show it. What is written does not depend on the cuts: pieces of one stream's body count as one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/h2/options.h"

namespace nuncio::test::h2 {

/** Bytes into pieces: every piece is offered as a read of its own. Empty: all at once. */
using Cuts = std::vector<size_t>;

struct ServerRun {
  http::h2::ServerOptions options;
  bool answer = true;           // each complete request with 200 and "ok"
  bool answer_early = false;    // with the head already
  size_t body = 2;              // of the answer
  bool trailers = false;        // behind the answer's body
  bool pause = false;           // each request is paused at its head and resumed at the end
};
struct ClientRun {
  http::h2::ClientOptions options;
  std::string method = "GET";
  int requests = 1;
  bool body_open = false;       // the requests are not complete when the response comes
};

struct Recorded {
  std::string events;
  bool well_formed = true;      // what the codec wrote can be read
};

/** `bytes` begin behind the preface and the first SETTINGS of the peer when `greet`. */
Recorded recordServer(std::string_view bytes, const ServerRun& run, const Cuts& cuts = {}, bool greet = true);
Recorded recordClient(std::string_view bytes, const ClientRun& run, const Cuts& cuts = {}, bool greet = true);

}  // namespace nuncio::test::h2
