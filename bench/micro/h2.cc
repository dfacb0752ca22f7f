// Nanoseconds of a small exchange through HTTP/2 codecs, all four passes of a proxy that speaks it on both sides: request read and
// sent on, response read and sent on. A client codec and a server codec of ours at either end make the bytes; their share is
// measured by an exchange between them alone, and taken off.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "http/h2/client_codec.h"
#include "http/h2/server_codec.h"
#include "stats/registry.h"

namespace nuncio::bench {
namespace {

using namespace http;

/** A queue that is emptied into the other side. */
class Pipe final : public ByteSink {
 public:
  Pipe() : bytes_(1 << 16) {}
  char* reserve(size_t) override { return bytes_.data() + size_; }
  void commit(size_t size) override { size_ += size; }
  void write(std::string_view bytes) override {
    std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void writeBorrowed(std::string_view bytes) override { write(bytes); }
  template <class Reader, class Writer>
  void flow(Reader& reader, Writer& writer) {
    const size_t size = size_;
    size_ = 0;
    total += size;
    if (size == 0) return;
    std::memcpy(read_, bytes_.data(), size);
    reader.dispatch({read_, size});
    writer.onOutputLeft(0);
  }
  uint64_t total = 0;

 private:
  std::vector<char> bytes_;
  size_t size_ = 0;
  char read_[1 << 16];
};

struct World {
  stats::Registry registry;
  stats::WorkerStats worker{registry, 0};
  stats::Http2Scope stats = worker.scope<stats::Http2>("http2");
  base::ChunkPool chunks;
  net::BlockPool blocks;
  h2::Memory memory{blocks};
  h2::ServerOptions server;
  h2::ClientOptions client;
};

/** A client that sends the same request with a new x-request-id each time. */
class Asker final : public ClientCallbacks, public ResponseDecoder {
 public:
  explicit Asker(World& world) : world_(world), codec(*this, out, world.client, world.memory, world.stats) {}
  void ask() {
    arena_.emplace(world_.chunks);
    HeaderMap& head = *arena_->make<HeaderMap>(*arena_);
    head.add(HeaderId::kMethod, "GET");
    head.add(HeaderId::kScheme, "http");
    head.add(HeaderId::kAuthority, "backend.example.com");
    head.add(HeaderId::kPath, "/api/v1/items/12345");
    head.add(HeaderId::kUserAgent, "Mozilla/5.0 (X11; Linux x86_64) bench/1.0");
    head.add(HeaderId::kAccept, "*/*");
    head.add("accept-encoding", "gzip, deflate, br");
    uint64_t n = ++number_ * 0x9e3779b97f4a7c15;
    for (int i = 0; i < 36; ++i, n = n << 4 | n >> 60) id_[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : "0123456789abcdef"[n >> 60];
    head.add(HeaderId::kXRequestId, {id_, 36});
    codec.newStream(*this).encodeHeaders(head, true);
  }
  base::Arena& arena() override { return *arena_; }
  void on1xx(HeaderMap&) override {}
  void onResponseHeaders(HeaderMap&, bool) override {}
  void onResponseData(std::string_view data, bool) override { bytes += data.size(); }
  void onResponseTrailers(HeaderMap&) override {}
  void onStreamReset(ResetReason, std::string_view) override { std::abort(); }
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}
  void onStreamComplete(ResponseDecoder&, bool) override { arena_.reset(); }
  void onGoAway() override {}
  void onMaxStreams(uint32_t) override {}

 private:
  World& world_;
  std::optional<base::Arena> arena_;
  uint64_t number_ = 0;
  char id_[40];

 public:
  Pipe out;
  h2::ClientCodec codec;
  uint64_t bytes = 0;
};

/** A server that answers. */
class Answerer final : public ServerCallbacks, public RequestDecoder {
 public:
  explicit Answerer(World& world) : world_(world), codec(*this, out, world.server, world.memory, world.stats) {}
  RequestDecoder& newStream(ResponseEncoder& encoder) override {
    encoder_ = &encoder;
    arena_.emplace(world_.chunks);
    return *this;
  }
  base::Arena& arena() override { return *arena_; }
  void onRequestHeaders(HeaderMap&, bool) override {
    HeaderMap& head = *arena_->make<HeaderMap>(*arena_);
    head.add(HeaderId::kStatus, "200");
    head.add(HeaderId::kContentType, "application/json");
    head.add(HeaderId::kContentLength, "65");
    head.add(HeaderId::kDate, "Sat, 21 Nov 2026 19:00:00 GMT");
    head.add(HeaderId::kServer, "bench");
    head.add("cache-control", "no-cache");
    encoder_->encodeHeaders(head, false);
    encoder_->encodeData("{\"id\":12345,\"name\":\"an item of the shop\",\"price\":17.5,\"stock\":12}", true);
  }
  void onRequestData(std::string_view, bool) override {}
  void onRequestTrailers(HeaderMap&) override {}
  void onStreamReset(ResetReason, std::string_view) override { std::abort(); }
  void onCodecError(const CodecError&) override {}
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}
  void onStreamComplete(RequestDecoder&) override {}
  void onGoAway() override {}

 private:
  World& world_;
  ResponseEncoder* encoder_ = nullptr;
  std::optional<base::Arena> arena_;

 public:
  Pipe out;
  h2::ServerCodec codec;
};

/** What a proxy does with its codecs, and nothing more. */
class Proxy final : public ServerCallbacks, public RequestDecoder, public ClientCallbacks, public ResponseDecoder {
 public:
  explicit Proxy(World& world)
      : world_(world),
        down(*this, to_client, world.server, world.memory, world.stats),
        up(*this, to_server, world.client, world.memory, world.stats) {}
  RequestDecoder& newStream(ResponseEncoder& encoder) override {
    response_ = &encoder;
    arena_.emplace(world_.chunks);
    return *this;
  }
  base::Arena& arena() override { return *arena_; }
  void onRequestHeaders(HeaderMap& headers, bool end) override {
    request_ = &up.newStream(*this);
    request_->encodeHeaders(headers, end);
  }
  void onRequestData(std::string_view data, bool end) override { request_->encodeData(data, end); }
  void onRequestTrailers(HeaderMap&) override {}
  void onResponseHeaders(HeaderMap& headers, bool end) override { response_->encodeHeaders(headers, end); }
  void onResponseData(std::string_view data, bool end) override { response_->encodeData(data, end); }
  void on1xx(HeaderMap&) override {}
  void onResponseTrailers(HeaderMap&) override {}
  void onStreamReset(ResetReason, std::string_view) override { std::abort(); }
  void onCodecError(const CodecError&) override {}
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}
  void onStreamComplete(RequestDecoder&) override {}
  void onStreamComplete(ResponseDecoder&, bool) override {}
  void onGoAway() override {}
  void onPingAck() override {}
  void onDispatchWanted() override {}
  void onMaxStreams(uint32_t) override {}

 private:
  World& world_;
  ResponseEncoder* response_ = nullptr;
  RequestEncoder* request_ = nullptr;
  std::optional<base::Arena> arena_;

 public:
  Pipe to_client, to_server;
  h2::ServerCodec down;
  h2::ClientCodec up;
};

template <class Round>
double nanoseconds(int rounds, Round&& round) {
  double best = 1e9;
  for (int part = 0; part < 10; ++part) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds / 10; ++i) round();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / (rounds / 10));
  }
  return best;
}

int run(int rounds) {
  World world;
  auto asker = std::make_unique<Asker>(world);
  auto answerer = std::make_unique<Answerer>(world);
  const auto direct = [&] {
    asker->ask();
    asker->out.flow(answerer->codec, asker->codec);
    answerer->out.flow(asker->codec, answerer->codec);
  };
  asker->out.flow(answerer->codec, asker->codec);
  const double ends = nanoseconds(rounds, direct);
  auto client = std::make_unique<Asker>(world);
  auto server = std::make_unique<Answerer>(world);
  auto proxy = std::make_unique<Proxy>(world);
  const auto through = [&] {
    client->out.flow(proxy->down, client->codec);
    proxy->to_server.flow(server->codec, proxy->up);
    server->out.flow(proxy->up, server->codec);
    proxy->to_client.flow(client->codec, proxy->down);
  };
  through();
  through();
  uint64_t before = 0;
  const double all = nanoseconds(rounds, [&] {
    client->ask();
    through();
  });
  before = client->out.total;
  client->ask();
  through();
  std::printf("four passes of the proxy: %.0f ns (with both ends %.0f, the ends alone %.0f); a request is %llu bytes\n", all - ends, all, ends,
              static_cast<unsigned long long>(client->out.total - before));
  return client->bytes != 0 ? 0 : 1;
}

}  // namespace
}  // namespace nuncio::bench

int main(int argc, char** argv) { return nuncio::bench::run(argc > 1 ? std::atoi(argv[1]) : 300'000); }
