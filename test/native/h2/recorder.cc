#include "test/native/h2/recorder.h"

#include <map>
#include <memory>

#include "base/check.h"
#include "http/h2/client_codec.h"
#include "http/h2/frame.h"
#include "http/h2/server_codec.h"
#include "stats/registry.h"
#include "test/native/h2/frames.h"
#include "test/native/test.h"

namespace nuncio::test::h2 {
namespace {

using http::CodecError;
using http::DispatchResult;
using http::Header;
using http::HeaderId;
using http::HeaderMap;
using http::ResetReason;

constexpr std::string_view kGreeting("\0\0\0\4\0\0\0\0\0", 9);    // empty SETTINGS

struct Shared {
  stats::Registry registry;
  stats::WorkerStats worker{registry, 0};
  stats::Http2Scope stats = worker.scope<stats::Http2>("http2");
  base::ChunkPool chunks;
  net::BlockPool blocks;
  http::h2::Memory memory{blocks};
};
Shared& shared() {
  static Shared one;
  return one;
}

/** What was told and written so far. Bodies are kept by stream and written when something else happens to the stream. */
class Journal {
 public:
  void line(const std::string& text) { text_ += text + "\n"; }
  void headers(const HeaderMap& headers) {
    for (const Header& header : headers.entries()) {
      line("  " + std::string(header.name) + ": " + quoted(header.value));
      CHECK(header.id == http::headerId(header.name));
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

class Output final : public http::ByteSink {
 public:
  explicit Output(Journal& journal) : journal_(journal) {}
  char* reserve(size_t size) override {
    room_.assign(size, '\0');
    room_.shrink_to_fit();
    return room_.data();
  }
  void commit(size_t size) override {
    CHECK(size <= room_.size());
    take({room_.data(), size});
    room_.clear();
  }
  void write(std::string_view bytes) override { take(bytes); }
  void writeBorrowed(std::string_view bytes) override { take(bytes); }
  bool wellFormed() const { return reader_.clean(); }
  size_t total = 0;

 private:
  void take(std::string_view bytes) {
    total += bytes.size();
    std::string lines = reader_.lines(bytes);
    for (size_t at = 0; at < lines.size();) {
      const size_t end = lines.find('\n', at);
      const std::string line = lines.substr(at, end - at);
      journal_.line(line.starts_with("  ") ? "  " + line : "> " + line);
      at = end + 1;
    }
  }
  Journal& journal_;
  FrameReader reader_;
  std::vector<char> room_;    // exactly as large as asked for, so that a sanitizer sees every byte too many
};

template <class Codec>
const CodecError* feed(Codec& codec, std::string_view bytes, const Cuts& cuts) {
  const CodecError* error = nullptr;
  size_t at = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i == cuts.size() ? bytes.size() : std::min(bytes.size(), at + cuts[i]);
    if (end == at && i != cuts.size()) continue;
    std::vector<char> block(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(end));
    at = end;
    const DispatchResult result = codec.dispatch({block.data(), block.size()});
    CHECK(result.consumed == block.size());
    if (result.error == nullptr) continue;
    CHECK(error == nullptr);    // told once
    error = result.error;
  }
  return error;
}

const char* reasonName(ResetReason reason) {
  switch (reason) {
    case ResetReason::kRemoteReset: return "remote-reset";
    case ResetReason::kRemoteRefusedStreamReset: return "remote-refused";
    case ResetReason::kProtocolError: return "protocol-error";
    case ResetReason::kLocalReset: return "local-reset";
    case ResetReason::kConnectError: return "connect-error";
    default: return "other";
  }
}

class Server final : public http::ServerCallbacks {
 public:
  class Request final : public http::RequestDecoder {
   public:
    Request(Server& server, http::ResponseEncoder& encoder) : server_(server), encoder_(&encoder), arena_(shared().chunks) {
      number_ = ++server.count_;
    }
    base::Arena& arena() override {
      CHECK(encoder_ != nullptr);
      return arena_;
    }
    void onRequestHeaders(HeaderMap& headers, bool end_stream) override {
      CHECK(encoder_ != nullptr && !head_);
      head_ = true;
      note("request");
      server_.journal_.headers(headers);
      to_head_ = headers.get(HeaderId::kMethod) == "HEAD";
      if (server_.run_.pause) encoder_->pauseReading(true);
      if (server_.run_.answer_early) answer();
      if (end_stream) complete();
    }
    void onRequestData(std::string_view data, bool end_stream) override {
      CHECK(encoder_ != nullptr && head_ && !complete_);
      body_ += data;
      if (end_stream) complete();
    }
    void onRequestTrailers(HeaderMap& trailers) override {
      CHECK(encoder_ != nullptr && head_ && !complete_);
      flush();
      note("trailers");
      server_.journal_.headers(trailers);
      complete();
    }
    void onStreamReset(ResetReason reason, std::string_view details) override {
      CHECK(encoder_ != nullptr);
      body_.clear();    // how much of it was given out depends on the cuts
      note(std::string("reset ") + reasonName(reason) + " " + std::string(details));
      encoder_ = nullptr;
    }
    void onCodecError(const CodecError&) override { CHECK(false); }
    void onEncoderAboveHighWatermark() override { CHECK(encoder_ != nullptr); }
    void onEncoderBelowLowWatermark() override { CHECK(encoder_ != nullptr); }
    void over() {
      note("over");
      encoder_ = nullptr;
    }
    void resume() {
      if (encoder_ != nullptr && head_) encoder_->pauseReading(false);
    }

   private:
    void note(const std::string& what) { server_.journal_.line(what + " #" + std::to_string(number_)); }
    void flush() {
      if (!body_.empty()) note("body " + quoted(body_));
      body_.clear();
    }
    void complete() {
      flush();
      complete_ = true;
      note("complete");
      if (server_.run_.answer && !server_.run_.answer_early) answer();
    }
    void answer() {
      HeaderMap& response = *arena_.make<HeaderMap>(arena_);
      response.add(HeaderId::kStatus, "200");
      http::ResponseEncoder& encoder = *encoder_;
      encoder.encodeHeaders(response, to_head_);
      if (to_head_) return;
      const bool trailers = server_.run_.trailers;
      encoder.encodeData(std::string(server_.run_.body, 'o'), !trailers);
      if (!trailers) return;
      HeaderMap fields(arena_);    // gone when the call returns
      fields.addCopy("grpc-status", "0");
      encoder.encodeTrailers(fields);
    }
    Server& server_;
    http::ResponseEncoder* encoder_;
    base::Arena arena_;
    std::string body_;
    int number_;
    bool head_ = false;
    bool complete_ = false;
    bool to_head_ = false;
  };

  explicit Server(const ServerRun& run) : run_(run), sink_(journal_), codec_(*this, sink_, run.options, shared().memory, shared().stats) {}

  Recorded record(std::string_view bytes, const Cuts& cuts, bool greet) {
    if (greet) codec_.dispatch(std::string(http::h2::kPreface) + std::string(kGreeting));
    journal_.take();
    const CodecError* error = feed(codec_, bytes, cuts);
    if (run_.pause && error == nullptr) {
      for (auto& request : requests_) request->resume();
      error = codec_.dispatch({}).error;
    }
    if (error != nullptr) journal_.line("error " + std::string(error->details) + ": " + std::string(error->message));
    if (codec_.mustClose()) journal_.line("close");
    return {journal_.take(), sink_.wellFormed()};
  }

  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override {
    requests_.push_back(std::make_unique<Request>(*this, encoder));
    return *requests_.back();
  }
  void onStreamComplete(http::RequestDecoder& decoder) override { static_cast<Request&>(decoder).over(); }
  void onStreamCut(http::RequestDecoder& decoder, ResetReason, std::string_view) override { static_cast<Request&>(decoder).over(); }
  void onGoAway() override { journal_.line("goaway"); }

 private:
  const ServerRun& run_;
  Journal journal_;
  Output sink_;
  std::vector<std::unique_ptr<Request>> requests_;
  int count_ = 0;
  http::h2::ServerCodec codec_;
};

class Client final : public http::ClientCallbacks {
 public:
  class Attempt final : public http::ResponseDecoder {
   public:
    explicit Attempt(Client& client) : client_(client), arena_(shared().chunks), number_(++client.count_) {}
    void start() {
      http::RequestEncoder& encoder = client_.codec_.newStream(*this);
      HeaderMap request(arena_);
      request.add(HeaderId::kMethod, client_.run_.method);
      request.add(HeaderId::kPath, "/");
      request.add(HeaderId::kAuthority, "a");
      request.add(HeaderId::kScheme, "http");
      const bool whole = !client_.run_.body_open && client_.run_.method != "CONNECT";
      encoder.encodeHeaders(request, whole);
      if (!whole) encoder.encodeData("question", false);
    }
    base::Arena& arena() override {
      CHECK(!over_);
      return arena_;
    }
    void on1xx(HeaderMap& headers) override {
      CHECK(!over_ && !head_);
      note("interim");
      client_.journal_.headers(headers);
    }
    void onResponseHeaders(HeaderMap& headers, bool end_stream) override {
      CHECK(!over_ && !head_);
      head_ = true;
      note("response");
      client_.journal_.headers(headers);
      if (end_stream) note("complete");
    }
    void onResponseData(std::string_view data, bool end_stream) override {
      CHECK(!over_ && head_);
      body_ += data;
      if (!end_stream) return;
      flush();
      note("complete");
    }
    void onResponseTrailers(HeaderMap& trailers) override {
      CHECK(!over_ && head_);
      flush();
      note("trailers");
      client_.journal_.headers(trailers);
      note("complete");
    }
    void onStreamReset(ResetReason reason, std::string_view details) override {
      CHECK(!over_);
      body_.clear();
      note(std::string("reset ") + reasonName(reason) + " " + std::string(details));
    }
    void onEncoderAboveHighWatermark() override {}
    void onEncoderBelowLowWatermark() override {}
    void end(bool reusable) {
      CHECK(!over_);
      over_ = true;
      note(reusable ? "over, reusable" : "over");
    }

   private:
    void note(const std::string& what) { client_.journal_.line(what + " #" + std::to_string(number_)); }
    void flush() {
      if (!body_.empty()) note("body " + quoted(body_));
      body_.clear();
    }
    Client& client_;
    base::Arena arena_;
    std::string body_;
    const int number_;
    bool head_ = false;
    bool over_ = false;
  };

  explicit Client(const ClientRun& run) : run_(run), sink_(journal_), codec_(*this, sink_, run.options, shared().memory, shared().stats) {}

  Recorded record(std::string_view bytes, const Cuts& cuts, bool greet) {
    if (greet) codec_.dispatch(kGreeting);
    for (int i = 0; i < run_.requests && codec_.canCreateStream(); ++i) {
      attempts_.push_back(std::make_unique<Attempt>(*this));
      attempts_.back()->start();
    }
    journal_.take();
    const CodecError* error = feed(codec_, bytes, cuts);
    if (error != nullptr) journal_.line("error " + std::string(error->details) + ": " + std::string(error->message));
    return {journal_.take(), sink_.wellFormed()};
  }

  void onStreamComplete(http::ResponseDecoder& decoder, bool reusable) override { static_cast<Attempt&>(decoder).end(reusable); }
  void onGoAway() override { journal_.line("goaway"); }
  void onMaxStreams(uint32_t streams) override { journal_.line("max streams " + std::to_string(streams)); }

 private:
  const ClientRun& run_;
  Journal journal_;
  Output sink_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  int count_ = 0;
  http::h2::ClientCodec codec_;
};

}  // namespace

Recorded recordServer(std::string_view bytes, const ServerRun& run, const Cuts& cuts, bool greet) {
  return Server(run).record(bytes, cuts, greet);
}

Recorded recordClient(std::string_view bytes, const ClientRun& run, const Cuts& cuts, bool greet) {
  return Client(run).record(bytes, cuts, greet);
}

}  // namespace nuncio::test::h2
