// What the codecs write, and when they read on: the parts of their contract that bytes in, events out do not show.
#include <string>

#include "http/h1/client_codec.h"
#include "http/h1/server_codec.h"
#include "test/native/test.h"

namespace nuncio::test::h1 {
namespace {

using http::HeaderId;
using http::HeaderMap;
using http::h1::ClientOptions;
using http::h1::HeaderCase;
using http::h1::ServerOptions;

struct TextSink final : http::ByteSink {
  std::string text;
  std::string room;
  int borrowed = 0;
  char* reserve(size_t size) override {
    room.assign(size, '\0');
    return room.data();
  }
  void commit(size_t size) override { text.append(room.data(), size); }
  void write(std::string_view bytes) override { text.append(bytes); }
  void writeBorrowed(std::string_view bytes) override {
    ++borrowed;
    text.append(bytes);
  }
  std::string take() { return std::exchange(text, {}); }
};

struct Stream : http::ServerCallbacks, http::RequestDecoder {
  explicit Stream(const ServerOptions& options = {}) : options(options), codec(*this, sink, this->options) {}
  ServerOptions options;
  TextSink sink;
  base::ChunkPool pool;
  base::Arena memory{pool};
  http::h1::ServerCodec codec;
  http::ResponseEncoder* encoder = nullptr;
  int streams = 0;
  int completed = 0;
  int requests = 0;
  bool pause_on_data = false;
  std::string body;
  const http::CodecError* error = nullptr;

  size_t feed(std::string text) { return codec.dispatch(text).consumed; }
  void respond(std::initializer_list<std::pair<std::string_view, std::string_view>> headers, bool end_stream) {
    HeaderMap map(memory);
    for (const auto& [name, value] : headers) map.add(name, value);
    encoder->encodeHeaders(map, end_stream);
  }

  http::RequestDecoder& newStream(http::ResponseEncoder& response) override {
    encoder = &response;
    ++streams;
    return *this;
  }
  void onStreamComplete(http::RequestDecoder&) override { ++completed; }
  void onGoAway() override {}
  base::Arena& arena() override { return memory; }
  void onRequestHeaders(HeaderMap&, bool) override { ++requests; }
  void onRequestData(std::string_view data, bool) override {
    body += data;
    if (pause_on_data) encoder->pauseReading(true);
  }
  void onRequestTrailers(HeaderMap&) override {}
  void onStreamReset(http::ResetReason, std::string_view) override {}
  void onCodecError(const http::CodecError& what) override { error = &what; }
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}
};

struct Attempt final : http::ClientCallbacks, http::ResponseDecoder {
  explicit Attempt(const ClientOptions& options = {}) : options(options), codec(*this, sink, this->options) {}
  ClientOptions options;
  TextSink sink;
  base::ChunkPool pool;
  base::Arena memory{pool};
  http::h1::ClientCodec codec;
  int completed = 0;
  bool reusable = false;

  std::string request(std::initializer_list<std::pair<std::string_view, std::string_view>> headers, bool end_stream) {
    HeaderMap map(memory);
    for (const auto& [name, value] : headers) map.add(name, value);
    http::RequestEncoder& encoder = codec.newStream(*this);
    encoder.encodeHeaders(map, end_stream);
    if (!end_stream) encoder.encodeData("hi", true);
    return sink.take();
  }
  void onStreamComplete(http::ResponseDecoder&, bool can_reuse) override {
    ++completed;
    reusable = can_reuse;
  }
  void onGoAway() override {}
  void onMaxStreams(uint32_t) override {}
  base::Arena& arena() override { return memory; }
  void on1xx(HeaderMap&) override {}
  void onResponseHeaders(HeaderMap&, bool) override {}
  void onResponseData(std::string_view, bool) override {}
  void onResponseTrailers(HeaderMap&) override {}
  void onStreamReset(http::ResetReason, std::string_view) override {}
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}
};

constexpr const char* kGet = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

std::string responseTo(const char* request, std::initializer_list<std::pair<std::string_view, std::string_view>> headers,
                       std::string_view body, const ServerOptions& options = {}) {
  Stream stream(options);
  stream.feed(request);
  stream.respond(headers, body.empty());
  if (!body.empty()) stream.encoder->encodeData(body, true);
  EXPECT_EQ(stream.completed, 1);
  return stream.sink.take();
}

TEST("h1 server: framing of responses") {
  EXPECT_EQ(responseTo(kGet, {{":status", "200"}, {"content-length", "2"}}, "ok"),
            std::string("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
  EXPECT_EQ(responseTo(kGet, {{":status", "200"}, {"x", "y"}}, "ok"),
            std::string("HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
  EXPECT_EQ(responseTo(kGet, {{":status", "404"}}, ""), std::string("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"));
  EXPECT_EQ(responseTo(kGet, {{":status", "204"}}, ""), std::string("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_EQ(responseTo(kGet, {{":status", "304"}, {"etag", "x"}}, ""), std::string("HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n"));
  EXPECT_EQ(responseTo(kGet, {{":status", "304"}}, "must not go out"), std::string("HTTP/1.1 304 Not Modified\r\n\r\n"));
  EXPECT_EQ(responseTo(kGet, {{":status", "2000"}}, ""), std::string("HTTP/1.1 2000 Unknown\r\ncontent-length: 0\r\n\r\n"));
  EXPECT_EQ(responseTo(kGet, {{":status", "200"}, {"transfer-encoding", "gzip"}}, ""),
            std::string("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
}

TEST("h1 server: responses to HEAD") {
  constexpr const char* kHead = "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n";
  EXPECT_EQ(responseTo(kHead, {{":status", "200"}}, ""), std::string("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"));
  EXPECT_EQ(responseTo(kHead, {{":status", "200"}, {"content-length", "5"}}, ""),
            std::string("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"));
  EXPECT_EQ(responseTo(kHead, {{":status", "200"}}, "hello"), std::string("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"));
}

TEST("h1 server: HTTP/1.0 has no chunks; the end of the connection ends the body") {
  ServerOptions options;
  options.accept_http_10 = true;
  Stream stream(options);
  stream.feed("GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_EQ(stream.codec.protocol(), std::string_view("HTTP/1.0"));
  stream.respond({{":status", "200"}}, false);
  stream.encoder->encodeData("ok", true);
  EXPECT_EQ(stream.sink.take(), std::string("HTTP/1.0 200 OK\r\n\r\nok"));
  EXPECT(stream.codec.mustClose());
}

TEST("h1 server: names in proper case and as they came") {
  ServerOptions options;
  options.header_case = HeaderCase::kProper;
  EXPECT_EQ(responseTo(kGet, {{":status", "200"}, {"x-foo$bar-1a", "1"}, {"x--y", "2"}, {"etag", "3"}}, "ok", options),
            std::string("HTTP/1.1 200 OK\r\nX-Foo$Bar-1a: 1\r\nX--Y: 2\r\nEtag: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
  options.header_case = HeaderCase::kPreserve;
  Stream stream(options);
  stream.feed(kGet);
  HeaderMap map(stream.memory);
  map.add(HeaderId::kStatus, "200");
  map.add("content-length", "0", "Content-LENGTH");
  stream.encoder->encodeHeaders(map, true);
  EXPECT_EQ(stream.sink.take(), std::string("HTTP/1.1 200 OK\r\nContent-LENGTH: 0\r\n\r\n"));
}

TEST("h1: what was received is written as it was, each name like its first line") {
  ServerOptions options;
  options.header_case = HeaderCase::kPreserve;
  ClientOptions upstream;
  upstream.header_case = HeaderCase::kPreserve;
  struct Forward final : Stream {
    using Stream::Stream;
    HeaderMap* headers = nullptr;
    void onRequestHeaders(HeaderMap& map, bool) override { headers = &map; }
  } stream(options);
  stream.feed("POST / HTTP/1.1\r\nHOST: a\r\nx-Foo: 1\r\nX-FOO: 2\r\nTransfer-encoding: chunked\r\n\r\n");
  REQUIRE(stream.headers != nullptr);
  Attempt attempt(upstream);
  attempt.codec.newStream(attempt).encodeHeaders(*stream.headers, false);
  EXPECT_EQ(attempt.sink.take(),
            std::string("POST / HTTP/1.1\r\nHOST: a\r\nx-Foo: 1\r\nx-Foo: 2\r\nTransfer-encoding: chunked\r\n\r\n"));
}

TEST("h1 server: one request at a time; the next is read when the response is out") {
  Stream stream;
  const std::string two = std::string(kGet) + kGet;
  EXPECT_EQ(stream.feed(two), two.size() / 2);
  EXPECT(!stream.codec.wantsInput());
  EXPECT_EQ(stream.feed(kGet), 0u);
  stream.respond({{":status", "200"}}, true);
  EXPECT(stream.codec.wantsInput());
  EXPECT_EQ(stream.feed(kGet), std::string_view(kGet).size());
  EXPECT_EQ(stream.requests, 2);
}

TEST("h1 server: a paused stream gets no body") {
  Stream stream;
  stream.pause_on_data = true;
  stream.feed("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\n");
  EXPECT_EQ(stream.feed("abc"), 3u);
  EXPECT(!stream.codec.wantsInput());
  EXPECT_EQ(stream.feed("def"), 0u);
  stream.encoder->pauseReading(false);
  EXPECT(stream.codec.wantsInput());
  EXPECT_EQ(stream.feed("def"), 3u);
  EXPECT_EQ(stream.body, std::string("abcdef"));
}

TEST("h1 server: chunks of one read are one piece of body") {
  Stream stream;
  stream.pause_on_data = true;    // a second piece would stay outside
  stream.feed("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n");
  EXPECT_EQ(stream.body, std::string("abcde"));
}

TEST("h1 server: a response before the end of its request, or with connection: close, is the last") {
  Stream early;
  early.feed("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nab");
  early.respond({{":status", "413"}}, true);
  EXPECT_EQ(early.completed, 1);
  EXPECT(early.codec.mustClose());
  EXPECT_EQ(early.feed("cdef"), 4u);
  EXPECT_EQ(early.body, std::string("ab"));

  Stream closing;
  closing.feed(kGet);
  closing.respond({{":status", "200"}, {"connection", "Close"}}, true);
  EXPECT(closing.codec.mustClose());
  closing.codec.goAway();
  closing.feed(kGet);
  EXPECT_EQ(closing.requests, 1);

  Stream noticed;
  noticed.codec.shutdownNotice();
  noticed.feed(kGet);
  noticed.respond({{":status", "200"}}, true);
  EXPECT_EQ(noticed.sink.take(), std::string("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"));
  EXPECT(noticed.codec.mustClose());
}

TEST("h1 server: an error is told once, and a reply still goes out") {
  Stream stream;
  const std::string bad = "FOO / HTTP/1.1\r\n\r\n";
  std::string copy = bad;
  const http::DispatchResult result = stream.codec.dispatch(copy);
  EXPECT_EQ(result.consumed, bad.size());
  REQUIRE(result.error != nullptr);
  EXPECT_EQ(result.error->status, 400);
  EXPECT(stream.error == result.error);
  EXPECT_EQ(stream.streams, 1);
  stream.respond({{":status", "400"}, {"connection", "close"}}, true);
  EXPECT_EQ(stream.completed, 1);
  copy = kGet;
  EXPECT(stream.codec.dispatch(copy).error == nullptr);
  EXPECT_EQ(stream.streams, 1);
}

TEST("h1 server: upgrades and tunnels pass bytes both ways") {
  Stream stream;
  stream.feed("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n1\r\n");
  stream.respond({{":status", "101"}, {"connection", "upgrade"}, {"upgrade", "foo"}}, false);
  stream.encoder->encodeData("raw", false);
  stream.feed("2\r\n");
  EXPECT_EQ(stream.sink.take(), std::string("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\nraw"));
  EXPECT_EQ(stream.body, std::string("1\r\n2\r\n"));

  Stream tunnel;
  tunnel.feed("CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n");
  tunnel.respond({{":status", "200"}}, false);
  tunnel.encoder->encodeData("raw", false);
  EXPECT_EQ(tunnel.sink.take(), std::string("HTTP/1.1 200 OK\r\n\r\nraw"));
}

TEST("h1 server: large pieces are passed on, small ones copied; trailers by option") {
  Stream stream;
  stream.feed(kGet);
  stream.respond({{":status", "200"}}, false);
  stream.encoder->encodeData("small", false);
  EXPECT_EQ(stream.sink.borrowed, 0);
  const std::string large(100'000, 'x');
  stream.encoder->encodeData(large, false);
  EXPECT_EQ(stream.sink.borrowed, 1);
  EXPECT(stream.sink.take().ends_with("\r\n\r\n5\r\nsmall\r\n186a0\r\n" + large + "\r\n"));
  HeaderMap trailers(stream.memory);
  trailers.add("t", "1");
  stream.encoder->encodeTrailers(trailers);
  EXPECT_EQ(stream.sink.take(), std::string("0\r\n\r\n"));

  ServerOptions options;
  options.enable_trailers = true;
  Stream with(options);
  with.feed(kGet);
  with.respond({{":status", "200"}}, false);
  HeaderMap kept(with.memory);
  kept.add("t", "1");
  with.encoder->encodeTrailers(kept);
  EXPECT(with.sink.take().ends_with("\r\n\r\n0\r\nt: 1\r\n\r\n"));
}

TEST("h1 server: bytes are counted as Envoy's access log shows them") {
  Stream stream;
  stream.feed(kGet);
  const http::StreamBytes& bytes = stream.encoder->bytes();
  EXPECT_EQ(bytes.wire_received, 27u);
  EXPECT_EQ(bytes.headers_received, 8u);
  stream.respond({{":status", "200"}, {"content-length", "2"}}, false);
  stream.encoder->encodeData("ok", true);
  EXPECT_EQ(bytes.wire_sent, stream.sink.text.size());
  EXPECT_EQ(bytes.headers_sent, 19u);
}

TEST("h1 client: framing of requests") {
  EXPECT_EQ(Attempt().request({{":method", "GET"}, {":path", "/a"}, {":authority", "h"}, {"x", "y"}}, true),
            std::string("GET /a HTTP/1.1\r\nhost: h\r\nx: y\r\n\r\n"));
  EXPECT_EQ(Attempt().request({{":method", "POST"}, {":path", "/"}, {":authority", "h"}}, true),
            std::string("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"));
  EXPECT_EQ(Attempt().request({{":method", "POST"}, {":path", "/"}, {":authority", "h"}}, false),
            std::string("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
  EXPECT_EQ(Attempt().request({{":method", "PUT"}, {":path", "/"}, {":authority", "h"}, {"content-length", "2"}}, false),
            std::string("PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi"));
  for (const std::string_view method : {"HEAD", "DELETE", "TRACE"}) {
    EXPECT_EQ(Attempt().request({{":method", method}, {":path", "/"}, {":authority", "h"}}, true),
              std::string(method) + " / HTTP/1.1\r\nhost: h\r\n\r\n");
  }
  EXPECT_EQ(Attempt().request({{":method", "CONNECT"}, {":authority", "h:1"}}, false),
            std::string("CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\nhi"));
  EXPECT_EQ(Attempt().request({{":method", "GET"}, {":path", "/"}, {":authority", "h"}, {"connection", "Upgrade"}, {"upgrade", "foo"}},
                              false),
            std::string("GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: foo\r\n\r\nhi"));
  ClientOptions options;
  options.send_fully_qualified_url = true;
  EXPECT_EQ(Attempt(options).request({{":method", "GET"}, {":path", "/a?b"}, {":authority", "h"}, {":scheme", "https"}}, true),
            std::string("GET https://h/a?b HTTP/1.1\r\nhost: h\r\n\r\n"));
}

TEST("h1 client: a connection carries request after request") {
  Attempt attempt;
  for (int i = 1; i <= 3; ++i) {
    attempt.request({{":method", "GET"}, {":path", "/"}, {":authority", "h"}}, true);
    EXPECT_EQ(attempt.codec.activeStreams(), 1u);
    std::string response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    EXPECT(attempt.codec.dispatch(response).error == nullptr);
    EXPECT_EQ(attempt.completed, i);
    EXPECT(attempt.reusable);
  }
  std::string surplus = "x";
  EXPECT(attempt.codec.dispatch(surplus).error != nullptr);
}

TEST("h1 client: what stands behind a response keeps the connection from being used again") {
  Attempt attempt;
  attempt.request({{":method", "GET"}, {":path", "/"}, {":authority", "h"}}, true);
  std::string response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n";
  EXPECT(attempt.codec.dispatch(response).error != nullptr);
  EXPECT_EQ(attempt.completed, 1);
  EXPECT(!attempt.reusable);
}

}  // namespace
}  // namespace nuncio::test::h1
