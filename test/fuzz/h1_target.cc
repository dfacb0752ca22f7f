// HTTP/1 codecs: whatever the bytes and however they are cut, the events are the same, no more is consumed than was given
// (the recorder checks it), and what a request becomes on its way upstream is read as that request again.
//
// Input: a byte of options, a byte that seeds the cuts, then what comes from the wire.
#include <cstdio>

#include "base/check.h"
#include "base/random.h"
#include "test/fuzz/target.h"
#include "test/native/h1/documents.h"
#include "test/native/h1/recorder.h"

namespace nuncio::fuzz {
namespace {

using test::h1::ClientRun;
using test::h1::Cuts;
using test::h1::Recorded;
using test::h1::ServerRun;

const std::vector<std::string_view> kWords = {
    "GET / HTTP/1.1\r\n", "POST /a HTTP/1.1\r\nhost: a\r\n", "CONNECT a:1 HTTP/1.1\r\n", "http://b/", "HTTP/1.0", "host: a\r\n",
    "content-length: 3\r\n", "transfer-encoding: chunked\r\n", "\r\n\r\n", "\r\n", "\n", "\r", "0\r\n\r\n", "3\r\nabc\r\n", "ffffffff\r\n",
    ";x=y", "connection: upgrade\r\nupgrade: foo\r\n", "connection: close\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 S\r\n", "HTTP/1.1 304 N\r\n", " folded\r\n", "x: y\r\n", "trailer: t\r\n", "te: trailers\r\n", "x_y: z\r\n"};

Cuts randomCuts(size_t size, uint8_t seed) {
  base::Random random(seed);
  Cuts cuts;
  const size_t largest = 1 + random.below(64);
  for (size_t at = 0; at < size; at += cuts.back()) cuts.push_back(1 + random.below(largest));
  return cuts;
}

void options(uint8_t bits, http::h1::CommonOptions& common) {
  common.enable_trailers = (bits & 1) != 0;
  common.allow_chunked_length = (bits & 2) != 0;
  common.header_case = (bits & 4) != 0 ? http::h1::HeaderCase::kPreserve : http::h1::HeaderCase::kLower;
  if ((bits & 8) != 0) {
    common.max_head_bytes = 200;
    common.max_headers = 5;
  }
}

void same(const Recorded& one, const Recorded& other) {
  if (one.events == other.events) return;
  std::fprintf(stderr, "the cuts changed the events\n--- whole\n%s--- cut\n%s", one.events.c_str(), other.events.c_str());
  CHECK(one.events == other.events);
}

void runRequests(std::string_view input) {
  if (input.size() < 2) return;
  const auto bits = static_cast<uint8_t>(input[0]);
  const auto seed = static_cast<uint8_t>(input[1]);
  input.remove_prefix(2);
  ServerRun run;
  options(bits, run.options);
  run.options.accept_http_10 = (bits & 16) != 0;
  run.options.allow_custom_methods = (bits & 32) != 0;
  run.options.underscores = (bits & 64) != 0 ? http::h1::Underscores::kDropHeader : http::h1::Underscores::kAllow;
  run.half_close = (bits & 128) != 0;
  const Recorded whole = recordRequests(input, run);
  same(whole, recordRequests(input, run, randomCuts(input.size(), seed)));
  if (input.size() < 1000) same(whole, recordRequests(input, run, Cuts(input.size(), 1)));
  test::h1::checkForwarding(input, run);
}

void runResponses(std::string_view input) {
  if (input.size() < 2) return;
  const auto bits = static_cast<uint8_t>(input[0]);
  const auto seed = static_cast<uint8_t>(input[1]);
  input.remove_prefix(2);
  ClientRun run;
  options(bits, run.options);
  run.method = (bits & 16) != 0 ? "HEAD" : (bits & 32) != 0 ? "CONNECT" : "GET";
  run.upgrade = (bits & 64) != 0;
  run.half_close = (bits & 128) != 0;
  const Recorded whole = recordResponses(input, run);
  same(whole, recordResponses(input, run, randomCuts(input.size(), seed)));
  if (input.size() < 1000) same(whole, recordResponses(input, run, Cuts(input.size(), 1)));
}

std::vector<std::string> seeds(bool responses) {
  std::vector<std::string> all;
  for (const test::h1::Case& one : test::h1::allCases()) {
    if ((one.file.find("response") != std::string::npos) != responses) continue;
    for (const char bits : {'\0', '\x81', '\x10', '\x58'}) all.push_back(std::string{bits, 'x'} + one.input);
  }
  return all;
}

FUZZ_TARGET("h1_request", &runRequests, [] { return seeds(false); }, kWords);
FUZZ_TARGET("h1_response", &runResponses, [] { return seeds(true); }, kWords);

}  // namespace
}  // namespace nuncio::fuzz
