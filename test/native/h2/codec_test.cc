// The HTTP/2 codecs against each other, and what their owners can do with them beside streams.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/h2/client_codec.h"
#include "http/h2/server_codec.h"
#include "stats/registry.h"
#include "test/native/h2/frames.h"
#include "test/native/test.h"

namespace nuncio::test::h2 {
namespace {

using http::HeaderId;
using http::HeaderMap;
using http::ResetReason;

struct Sink final : http::ByteSink {
  char* reserve(size_t size) override {
    room.resize(size);
    return room.data();
  }
  void commit(size_t size) override { bytes.append(room.data(), size); }
  void write(std::string_view text) override { bytes.append(text); }
  void writeBorrowed(std::string_view text) override { bytes.append(text); }
  std::string bytes;
  std::vector<char> room;
};

/** A client and a server in one place; `exchange` carries bytes until nothing moves. */
struct Pair {
  explicit Pair(http::h2::ServerOptions server_options = {}, http::h2::ClientOptions client_options = {})
      : server_options(server_options), client_options(client_options) {}

  struct Server final : http::ServerCallbacks, http::RequestDecoder {
    explicit Server(Pair& pair) : pair(pair) {}
    http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override {
      encoders.push_back(&encoder);
      return *this;
    }
    void onStreamComplete(http::RequestDecoder&) override { ++complete; }
    void onStreamCut(http::RequestDecoder&, ResetReason, std::string_view) override { ++cut; }
    void onGoAway() override { ++go_aways; }
    void onPingAck() override { ++pings; }
    void onDispatchWanted() override { wants_dispatch = true; }
    base::Arena& arena() override { return pair.arena; }
    void onRequestHeaders(HeaderMap& headers, bool end) override {
      path = std::string(headers.get(HeaderId::kPath));
      ended += end ? 1 : 0;
    }
    void onRequestData(std::string_view data, bool end) override {
      body += data;
      ended += end ? 1 : 0;
    }
    void onRequestTrailers(HeaderMap& trailers) override {
      trailer = std::string(trailers.get("t"));
      ++ended;
    }
    void onStreamReset(ResetReason, std::string_view) override { ++resets; }
    void onCodecError(const http::CodecError&) override {}
    void onEncoderAboveHighWatermark() override { ++above; }
    void onEncoderBelowLowWatermark() override { ++below; }
    Pair& pair;
    std::vector<http::ResponseEncoder*> encoders;
    std::string path, body, trailer;
    int complete = 0, cut = 0, go_aways = 0, pings = 0, ended = 0, resets = 0, above = 0, below = 0;
    bool wants_dispatch = false;
  };

  struct Client final : http::ClientCallbacks, http::ResponseDecoder {
    explicit Client(Pair& pair) : pair(pair) {}
    void onStreamComplete(http::ResponseDecoder&, bool reusable) override {
      ++complete;
      last_reusable = reusable;
    }
    void onGoAway() override { ++go_aways; }
    void onMaxStreams(uint32_t streams) override { max_streams = streams; }
    void onPingAck() override { ++pings; }
    base::Arena& arena() override { return pair.arena; }
    void on1xx(HeaderMap&) override { ++interim; }
    void onResponseHeaders(HeaderMap& headers, bool) override { status = std::string(headers.get(HeaderId::kStatus)); }
    void onResponseData(std::string_view data, bool) override { body += data; }
    void onResponseTrailers(HeaderMap& trailers) override { trailer = std::string(trailers.get("t")); }
    void onStreamReset(ResetReason reason, std::string_view) override {
      ++resets;
      last_reason = reason;
    }
    void onEncoderAboveHighWatermark() override { ++above; }
    void onEncoderBelowLowWatermark() override { ++below; }
    Pair& pair;
    std::string status, body, trailer;
    int complete = 0, go_aways = 0, pings = 0, interim = 0, resets = 0, above = 0, below = 0;
    uint32_t max_streams = 0;
    bool last_reusable = false;
    ResetReason last_reason = ResetReason::kOverflow;
  };

  void exchange() {
    while (!up.bytes.empty() || !down.bytes.empty()) {
      std::string to_server = std::move(up.bytes), to_client = std::move(down.bytes);
      up.bytes.clear();
      down.bytes.clear();
      client_codec.onOutputLeft(0);
      server_codec.onOutputLeft(0);
      EXPECT(server_codec.dispatch(to_server).error == nullptr);
      EXPECT(client_codec.dispatch(to_client).error == nullptr);
    }
  }
  http::RequestEncoder& ask(bool end) {
    http::RequestEncoder& encoder = client_codec.newStream(client);
    HeaderMap head(arena);
    head.add(HeaderId::kMethod, end ? "GET" : "POST");
    head.add(HeaderId::kPath, "/p");
    head.add(HeaderId::kAuthority, "a");
    head.add(HeaderId::kScheme, "http");
    encoder.encodeHeaders(head, end);
    return encoder;
  }
  void answer(http::ResponseEncoder& encoder, bool end) {
    HeaderMap head(arena);
    head.add(HeaderId::kStatus, "200");
    encoder.encodeHeaders(head, end);
  }

  http::h2::ServerOptions server_options;
  http::h2::ClientOptions client_options;
  stats::Registry registry;
  stats::WorkerStats worker{registry, 0};
  stats::Http2Scope stats = worker.scope<stats::Http2>("http2");
  base::ChunkPool chunks;
  base::Arena arena{chunks};
  net::BlockPool blocks;
  http::h2::Memory memory{blocks};
  Sink up, down;
  Server server{*this};
  Client client{*this};
  http::h2::ServerCodec server_codec{server, down, server_options, memory, stats};
  http::h2::ClientCodec client_codec{client, up, client_options, memory, stats};
};

TEST("h2: a request with body and trailers, a response with both") {
  Pair pair;
  http::RequestEncoder& request = pair.ask(false);
  request.encodeData("question", false);
  HeaderMap trailers(pair.arena);
  trailers.add("t", "1");
  request.encodeTrailers(trailers);
  pair.exchange();
  EXPECT_EQ(pair.server.body, "question");
  EXPECT_EQ(pair.server.trailer, "1");
  http::ResponseEncoder& response = *pair.server.encoders[0];
  HeaderMap interim(pair.arena);
  interim.add(HeaderId::kStatus, "103");
  response.encode1xx(interim);
  pair.answer(response, false);
  response.encodeData(std::string(100'000, 'x'), false);
  response.encodeTrailers(trailers);
  pair.exchange();
  EXPECT_EQ(pair.client.interim, 1);
  EXPECT_EQ(pair.client.status, "200");
  EXPECT_EQ(pair.client.body.size(), 100'000u);
  EXPECT_EQ(pair.client.trailer, "1");
  EXPECT_EQ(pair.client.complete, 1);
  EXPECT_EQ(pair.server.complete, 1);
  EXPECT_EQ(pair.client_codec.activeStreams(), 0u);
  EXPECT_EQ(pair.server_codec.activeStreams(), 0u);
  EXPECT_EQ(pair.stats.gauge(stats::Http2Scope::Stat::streams_active), 0);
  EXPECT_EQ(pair.stats.gauge(stats::Http2Scope::Stat::pending_send_bytes), 0);
  EXPECT_EQ(pair.stats.gauge(stats::Http2Scope::Stat::outbound_frames_active), 0);
}

TEST("h2: a body beyond the windows waits, with watermarks, and goes on as they open") {
  http::h2::ServerOptions server;
  server.initial_stream_window = 65'535;
  server.initial_connection_window = 65'535;
  http::h2::ClientOptions client;
  client.stream_buffer_limit = 50'000;
  Pair pair(server, client);
  pair.exchange();
  http::RequestEncoder& request = pair.ask(false);
  pair.exchange();
  pair.server.encoders[0]->pauseReading(true);
  const std::string piece(30'000, 'b');
  for (int i = 0; i < 10; ++i) request.encodeData(piece, i == 9);
  EXPECT_EQ(pair.client.above, 1);
  pair.exchange();
  EXPECT_EQ(pair.server.body.size(), 0u);    // held by the codec
  EXPECT_EQ(pair.client.below, 0);
  pair.server.encoders[0]->pauseReading(false);
  EXPECT(pair.server.wants_dispatch);
  EXPECT(pair.server_codec.dispatch({}).error == nullptr);
  pair.exchange();
  EXPECT_EQ(pair.server.body.size(), 300'000u);
  EXPECT_EQ(pair.server.ended, 1);
  EXPECT_EQ(pair.client.below, 1);
  EXPECT_EQ(pair.stats.gauge(stats::Http2Scope::Stat::pending_send_bytes), 0);
}

TEST("h2: one paused stream does not hold another") {
  Pair pair;
  http::RequestEncoder& first = pair.ask(false);
  http::RequestEncoder& second = pair.ask(false);
  pair.exchange();
  pair.server.encoders[0]->pauseReading(true);
  first.encodeData("held", true);
  second.encodeData("through", true);
  pair.exchange();
  EXPECT_EQ(pair.server.body, "through");
  pair.server.encoders[0]->pauseReading(false);
  EXPECT(pair.server_codec.dispatch({}).error == nullptr);
  EXPECT_EQ(pair.server.body, "throughheld");
}

TEST("h2: pings are answered") {
  Pair pair;
  pair.server_codec.ping();
  pair.client_codec.ping();
  pair.exchange();
  EXPECT_EQ(pair.server.pings, 1);
  EXPECT_EQ(pair.client.pings, 1);
}

TEST("h2: a notice, then the last word, and the stream under way still ends in order") {
  Pair pair;
  pair.ask(true);
  pair.exchange();
  pair.server_codec.shutdownNotice();
  pair.exchange();
  EXPECT_EQ(pair.client.go_aways, 1);
  EXPECT(!pair.client_codec.canCreateStream());
  EXPECT(!pair.server_codec.mustClose());
  pair.server_codec.goAway();
  EXPECT(!pair.server_codec.mustClose());
  pair.exchange();
  pair.answer(*pair.server.encoders[0], true);
  pair.exchange();
  EXPECT_EQ(pair.client.complete, 1);
  EXPECT(!pair.client.last_reusable);
  EXPECT_EQ(pair.client.resets, 0);
  EXPECT(pair.server_codec.mustClose());
}

TEST("h2: streams behind the last word are ignored, and told so") {
  Pair pair;
  pair.ask(true);
  pair.exchange();
  pair.server_codec.goAway();
  pair.ask(true);    // crosses it
  pair.exchange();
  EXPECT_EQ(pair.server.encoders.size(), 1u);
  EXPECT_EQ(pair.client.resets, 1);
  EXPECT(pair.client.last_reason == ResetReason::kRemoteRefusedStreamReset);
}

TEST("h2: a response that waits for window ends with its stream") {
  http::h2::ClientOptions client;
  client.initial_stream_window = 0;
  Pair pair({}, client);
  http::RequestEncoder& request = pair.ask(true);
  pair.exchange();
  pair.answer(*pair.server.encoders[0], false);
  pair.server.encoders[0]->encodeData("body", true);
  pair.exchange();
  EXPECT_EQ(pair.server.complete, 0);
  request.reset(ResetReason::kLocalReset);
  pair.exchange();
  EXPECT_EQ(pair.server.cut, 1);
  EXPECT_EQ(pair.server.complete, 0);
  EXPECT_EQ(pair.server.resets, 0);
}

TEST("h2: how many streams the server allows") {
  http::h2::ServerOptions server;
  server.max_concurrent_streams = 2;
  Pair pair(server);
  EXPECT_EQ(pair.client_codec.maxStreams(), 1024u);
  pair.exchange();
  EXPECT_EQ(pair.client.max_streams, 2u);
  http::RequestEncoder& first = pair.ask(true);
  pair.ask(true);
  EXPECT(!pair.client_codec.canCreateStream());
  first.reset(ResetReason::kLocalReset);
  EXPECT(pair.client_codec.canCreateStream());
  EXPECT_EQ(pair.client.complete, 0);
  pair.exchange();
  EXPECT_EQ(pair.server.resets, 1);
}

TEST("h2: a stream given up before its head was written is none for the peer") {
  Pair pair;
  pair.exchange();
  http::RequestEncoder& first = pair.client_codec.newStream(pair.client);
  http::RequestEncoder& second = pair.ask(true);
  EXPECT_EQ(pair.client_codec.activeStreams(), 2u);
  first.reset(ResetReason::kLocalReset);
  second.reset(ResetReason::kLocalReset);
  EXPECT_EQ(pair.client_codec.activeStreams(), 0u);
  pair.exchange();
  EXPECT_EQ(pair.server.resets, 1);
}

TEST("h2: control frames that went out count no longer") {
  http::h2::ServerOptions server;
  server.max_outbound_control_frames = 10;
  Pair pair(server);
  pair.exchange();
  FrameWriter frames;
  const std::string pings = frames.bytes("PING 0 \"12345678\" *8\n");
  for (int i = 0; i < 10; ++i) {
    EXPECT(pair.server_codec.dispatch(std::string(pings)).error == nullptr);
    pair.server_codec.onOutputLeft(0);
  }
  EXPECT(pair.server_codec.dispatch(std::string(pings)).error == nullptr);
  EXPECT(pair.server_codec.dispatch(std::string(pings)).error != nullptr);
  EXPECT_EQ(pair.stats.counter(stats::Http2Scope::Stat::outbound_control_flood), 1u);
  EXPECT(pair.server_codec.mustClose());
}

TEST("h2: a head of many frames") {
  http::h2::ServerOptions server;
  server.max_head_bytes = 200'000;
  Pair pair(server);
  http::RequestEncoder& encoder = pair.client_codec.newStream(pair.client);
  HeaderMap head(pair.arena);
  head.add(HeaderId::kMethod, "GET");
  head.add(HeaderId::kPath, "/long");
  head.add(HeaderId::kAuthority, "a");
  for (int i = 0; i < 20; ++i) head.addCopy("x-" + std::to_string(i), std::string(5000, static_cast<char>('a' + i)));
  head.add(HeaderId::kScheme, "http");    // pseudo-headers go in front, wherever they stand
  encoder.encodeHeaders(head, true);
  pair.exchange();
  EXPECT_EQ(pair.server.path, "/long");
  EXPECT_EQ(pair.server.ended, 1);
}

}  // namespace
}  // namespace nuncio::test::h2
