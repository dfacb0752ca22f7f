// HTTP/2 codecs: whatever the bytes and however they are cut, the events are the same, what is written can be read, and no
// callback comes out of its turn (the recorder checks it). HPACK: what is decoded and coded again is the same.
//
// Input of h2_server and h2_client: a byte of options, a byte that seeds the cuts, then what comes behind the preface.
#include <cstdio>

#include "base/check.h"
#include "base/random.h"
#include "http/h2/hpack_decoder.h"
#include "http/h2/hpack_encoder.h"
#include "http/h2/huffman.h"
#include "test/fuzz/target.h"
#include "test/native/h2/documents.h"
#include "test/native/h2/recorder.h"

namespace nuncio::fuzz {
namespace {

using test::h2::ClientRun;
using test::h2::Cuts;
using test::h2::Recorded;
using test::h2::ServerRun;

using namespace std::string_view_literals;

const std::vector<std::string_view> kFrames = {
    "\0\0\4\1\5\0\0\0\1\x82\x86\x84\x81"sv, "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\1a"sv, "\0\0\6\1\4\0\0\0\3\x83\x86\x84\x41\1a"sv,
    "\0\0\3\0\1\0\0\0\3abc"sv, "\0\0\3\0\0\0\0\0\1abc"sv, "\0\0\4\3\0\0\0\0\1\0\0\0\x8"sv, "\0\0\4\x8\0\0\0\0\0\0\0\1\0"sv,
    "\0\0\4\x8\0\0\0\0\1\0\0\1\0"sv, "\0\0\0\4\1\0\0\0\0"sv, "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0"sv, "\0\0\x8\6\0\0\0\0\0""12345678"sv,
    "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\0"sv, "\0\0\1\x9\4\0\0\0\1\x88"sv, "\0\0\1\1\4\0\0\0\1\x88"sv, "\0\0\5\2\0\0\0\0\1\0\0\0\0\x10"sv,
    "\x5f\x9f\1""3"sv, "\x0f\x0d\1""4"sv, "\0\0\6\1\5\0\0\0\1\x40\1a\1b\xbe"sv};

Cuts cutsOf(size_t size, uint8_t seed) {
  base::Random random(seed);
  Cuts cuts;
  const size_t largest = 1 + random.below(64);
  for (size_t at = 0; at < size; at += cuts.back()) cuts.push_back(1 + random.below(largest));
  return cuts;
}

void optionsOf(uint8_t bits, http::h2::CommonOptions& options) {
  options.stream_error_on_invalid_message = (bits & 1) != 0;
  options.allow_connect = (bits & 2) != 0;
  if ((bits & 4) != 0) {
    options.max_head_bytes = 200;
    options.max_headers = 8;
    options.max_concurrent_streams = 3;
  }
}

void sameRuns(const Recorded& one, const Recorded& other) {
  CHECK(one.well_formed);
  if (one.events == other.events) return;
  std::fprintf(stderr, "the cuts changed the events\n--- whole\n%s--- cut\n%s", one.events.c_str(), other.events.c_str());
  CHECK(one.events == other.events);
}

void runServer(std::string_view input) {
  if (input.size() < 2) return;
  const auto bits = static_cast<uint8_t>(input[0]);
  const auto seed = static_cast<uint8_t>(input[1]);
  input.remove_prefix(2);
  ServerRun run;
  optionsOf(bits, run.options);
  run.options.underscores = (bits & 8) != 0 ? http::Underscores::kDropHeader : http::Underscores::kAllow;
  run.answer_early = (bits & 16) != 0;
  run.pause = (bits & 32) != 0;
  run.trailers = (bits & 64) != 0;
  run.body = (bits & 128) != 0 ? 20'000 : 2;
  const Recorded whole = recordServer(input, run);
  if (run.answer_early) {    // the events depend on what came in one read
    CHECK(recordServer(input, run, cutsOf(input.size(), seed)).well_formed);
    return;
  }
  sameRuns(whole, recordServer(input, run, cutsOf(input.size(), seed)));
  if (input.size() < 500) sameRuns(whole, recordServer(input, run, Cuts(input.size(), 1)));
}

void runClient(std::string_view input) {
  if (input.size() < 2) return;
  const auto bits = static_cast<uint8_t>(input[0]);
  const auto seed = static_cast<uint8_t>(input[1]);
  input.remove_prefix(2);
  ClientRun run;
  optionsOf(bits, run.options);
  run.method = (bits & 16) != 0 ? "HEAD" : (bits & 32) != 0 ? "CONNECT" : "GET";
  run.requests = (bits & 64) != 0 ? 3 : 1;
  run.body_open = (bits & 128) != 0;
  const Recorded whole = recordClient(input, run);
  sameRuns(whole, recordClient(input, run, cutsOf(input.size(), seed)));
  if (input.size() < 500) sameRuns(whole, recordClient(input, run, Cuts(input.size(), 1)));
}

struct Fields final : http::h2::FieldSink {
  struct Pair {
    std::string name, value;
    bool operator==(const Pair&) const = default;
  };
  void onField(const http::h2::Field& field) override {
    CHECK(field.id == http::headerId(field.name));
    if (size < 100'000) all.push_back({std::string(field.name), std::string(field.value)});
    size += field.name.size() + field.value.size();
  }
  std::vector<Pair> all;
  size_t size = 0;
};

/** Input: blocks, each behind two bytes that say how long it is. */
void runHpack(std::string_view input) {
  using namespace http::h2;
  DecodeScratch scratch;
  HpackDecoder decoder(4096, scratch), back(4096, scratch);
  HpackEncoder encoder(4096, true);
  while (input.size() > 2) {
    const size_t size = std::min<size_t>(input.size() - 2, (static_cast<unsigned char>(input[0]) << 8 | static_cast<unsigned char>(input[1])) % 600);
    const std::vector<char> block(input.begin() + 2, input.begin() + 2 + static_cast<ptrdiff_t>(size));
    input.remove_prefix(2 + size);
    Fields fields;
    if (!decoder.decode({block.data(), block.size()}, fields)) return;
    if (fields.size >= 100'000) return;
    size_t room = HpackEncoder::kBeginRoom;
    for (const Fields::Pair& pair : fields.all) room += HpackEncoder::fieldRoom(pair.name.size(), pair.value.size());
    std::vector<char> coded(room);
    char* out = encoder.begin(coded.data());
    for (const Fields::Pair& pair : fields.all) out = encoder.field(out, http::headerId(pair.name), pair.name, pair.value);
    CHECK(static_cast<size_t>(out - coded.data()) <= room);
    const std::vector<char> exact(coded.data(), out);
    Fields again;
    CHECK(back.decode({exact.data(), exact.size()}, again));
    CHECK(again.all == fields.all);
  }
}

std::vector<std::string> seedsOf(bool responses) {
  std::vector<std::string> all;
  for (const test::h2::Case& one : test::h2::allCases()) {
    if (isResponse(one) != responses || one.input.size() > 2000) continue;
    for (const char bits : {'\0', '\x61', '\x17', '\xe0'}) all.push_back(std::string{bits, 'x'} + one.input);
  }
  return all;
}

std::vector<std::string> serverSeeds() { return seedsOf(false); }
std::vector<std::string> clientSeeds() { return seedsOf(true); }
std::vector<std::string> hpackSeeds() {
  return {std::string("\0\x10\x82\x86\x84\x41\x0fwww.example.com", 21), std::string("\0\x11\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\0\4\x82\x86\x84\xbe", 25),
          std::string("\0\5\x40\1a\1b\0\1\xbe\0\1\x20\0\2\x3f\x11", 16)};
}

FUZZ_TARGET("h2_server", runServer, serverSeeds, kFrames);
FUZZ_TARGET("h2_client", runClient, clientSeeds, kFrames);
FUZZ_TARGET("hpack", runHpack, hpackSeeds, {"\x82"sv, "\x41"sv, "\xbe"sv, "\x3f\x11"sv, "\x20"sv, "\x40\1a\1b"sv, "\x7e"sv});

}  // namespace
}  // namespace nuncio::fuzz
