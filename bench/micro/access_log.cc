// What the default access-log line costs: formatting alone, and with the filter, the lane and the file behind it.
//
//   node bench/micro/run.mjs access_log   (or compile it with access_log/file_writer, base/text_buffer, http/substitution/*,
//   http/{header_map,stream_info,well_known_headers}, net/address)
#include <chrono>
#include <cstdio>

#include "access_log/file_writer.h"
#include "base/arena.h"
#include "generated/plan.h"
#include "http/header_map.h"
#include "http/substitution/formatter.h"

namespace {

using namespace nuncio;
using plan::Operator;

plan::FormatPiece piece(Operator op, const char* text = "", const char* text2 = "") {
  plan::FormatPiece made;
  made.op = op;
  made.text = text;
  made.text2 = text2;
  return made;
}

plan::Format defaultFormat() {
  plan::Format format;
  const auto literal = [](const char* text) { return piece(Operator::LITERAL, text); };
  format.pieces = {
      literal("["), piece(Operator::START_TIME), literal("] \""), piece(Operator::REQ, ":method"), literal(" "),
      piece(Operator::REQ, "x-envoy-original-path", ":path"), literal(" "), piece(Operator::PROTOCOL), literal("\" "),
      piece(Operator::RESPONSE_CODE), literal(" "), piece(Operator::RESPONSE_FLAGS), literal(" "),
      piece(Operator::BYTES_RECEIVED), literal(" "), piece(Operator::BYTES_SENT), literal(" "), piece(Operator::DURATION),
      literal(" "), piece(Operator::RESP, "x-envoy-upstream-service-time"), literal(" \""),
      piece(Operator::REQ, "x-forwarded-for"), literal("\" \""), piece(Operator::REQ, "user-agent"), literal("\" \""),
      piece(Operator::REQ, "x-request-id"), literal("\" \""), piece(Operator::REQ, ":authority"), literal("\" \""),
      piece(Operator::UPSTREAM_HOST), literal("\"\n"),
  };
  return format;
}

struct Request {
  base::ChunkPool pool;
  base::Arena arena{pool};
  http::HeaderMap request{arena};
  http::HeaderMap response{arena};
  http::ConnectionInfo connection;
  net::Address host;
  http::StreamInfo info;

  Request() {
    request.add(":method", "GET");
    request.add(":path", "/api/v1/things/12345?filter=a");
    request.add(":authority", "example.com:10000");
    request.add(":scheme", "http");
    request.add("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36");
    request.add("accept", "*/*");
    request.add("accept-encoding", "gzip");
    request.add("x-forwarded-for", "10.1.2.3");
    request.add("x-forwarded-proto", "http");
    request.add("x-request-id", "16557f0e-1709-43c3-94fa-0f68fe0428db");
    response.add(":status", "200");
    response.add("content-length", "65");
    response.add("x-envoy-upstream-service-time", "1");
    net::Address::parseIp("127.0.0.1", 8080, host);
    info.downstream = &connection;
    info.upstream_host = &host;
    info.start_wall_ns = 1795276036'343320999;
    info.at.start = 1;
    info.at.end = 1'500'000;
    info.protocol = http::Protocol::kHttp11;
    info.response_code = 200;
    info.bytes_sent = 65;
  }
};

template <class Work>
void measure(const char* name, int rounds, Work work) {
  double best = 1e9;
  for (int turn = 0; turn < 7; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) work(i);
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
    if (spent.count() / rounds < best) best = spent.count() / rounds;
  }
  std::printf("%-44s %7.1f ns\n", name, best);
}

}  // namespace

int main() {
  Request request;
  auto formatter = http::Formatter::make(defaultFormat());
  if (!formatter.ok()) return 1;
  base::TextBuffer line;
  formatter.value().append({.request = &request.request, .response = &request.response, .info = request.info}, line);
  std::printf("%.*s", static_cast<int>(line.size()), line.data());

  constexpr int kRounds = 200'000;
  const auto format = [&](int i) {
    request.info.start_wall_ns += i;
    line.clear();
    formatter.value().append({.request = &request.request, .response = &request.response, .info = request.info}, line);
  };
  measure("default line, formatted", kRounds, format);
  auto writer = access_log::FileWriter::open("/dev/null", {.lanes = 1, .lane_limit = 1 << 30});
  if (!writer.ok()) return 1;
  measure("default line, formatted and appended", kRounds, [&](int i) {
    format(i);
    writer.value()->append(0, line.view());
  });
  std::printf("dropped %llu\n", static_cast<unsigned long long>(writer.value()->stats().dropped_lines));
  return 0;
}
