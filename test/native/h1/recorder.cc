#include "test/native/h1/recorder.h"

#include <cstdio>

#include "base/check.h"
#include "http/h1/client_codec.h"
#include "http/h1/framing.h"
#include "http/h1/server_codec.h"
#include "test/native/test.h"

namespace nuncio::test::h1 {
namespace {

using http::CodecError;
using http::DispatchResult;
using http::Header;
using http::HeaderId;
using http::HeaderMap;
using http::ResetReason;

class Output final : public http::ByteSink {
 public:
  explicit Output(std::string& text) : text_(text) {}
  char* reserve(size_t size) override {
    room_.assign(size, '\0');
    return room_.data();
  }
  void commit(size_t size) override {
    CHECK(size <= room_.size());
    text_.append(room_.data(), size);
    room_.clear();
  }
  void write(std::string_view bytes) override { text_.append(bytes); }
  void writeBorrowed(std::string_view bytes) override { text_.append(bytes); }

 private:
  std::string& text_;
  std::vector<char> room_;    // exactly as large as asked for, so that a sanitizer sees every byte too many
};

/** The events so far; a body is one event however many pieces it came in. */
class Journal {
 public:
  void line(const std::string& text) {
    flush();
    text_ += text + "\n";
  }
  void headers(const HeaderMap& headers) {
    for (const Header& header : headers.entries()) {
      line("  " + std::string(header.name) + ": " + quoted(header.value));
      CHECK(header.id == http::headerId(header.name));
    }
  }
  void data(std::string_view bytes) { body_ += bytes; }
  /** How much of the body was given out before an error depends on the cuts: the body is left out. */
  void error(const CodecError& error) {
    body_.clear();
    line("error " + std::to_string(error.status) + " " + std::string(error.details) + ": " + std::string(error.message));
  }
  std::string take() {
    flush();
    return std::move(text_);
  }

 private:
  void flush() {
    if (body_.empty()) return;
    text_ += "body " + quoted(body_) + "\n";
    body_.clear();
  }
  std::string text_;
  std::string body_;
};

base::ChunkPool& pool() {
  static base::ChunkPool chunks;
  return chunks;
}

/** Offers the bytes piece by piece; what the codec leaves is offered again in front of the next piece. */
template <class Offer>
void feed(std::string_view bytes, const Cuts& cuts, Offer&& offer) {
  std::string kept;
  size_t at = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i == cuts.size() ? bytes.size() : std::min(bytes.size(), at + cuts[i]);
    if (end == at && i != cuts.size()) continue;
    kept.append(bytes.substr(at, end - at));
    at = end;
    // A block of exactly this size, so that a read beyond it is seen.
    std::vector<char> block(kept.begin(), kept.end());
    const size_t consumed = offer(std::string_view(block.data(), block.size()));
    CHECK(consumed <= block.size());
    kept.erase(0, consumed);
  }
}

/** A request that came out whole; the map lives as long as the Server. */
struct Whole {
  HeaderMap* headers;
  std::string body;
  HeaderMap* trailers;
};

class Server final : public http::ServerCallbacks, public http::RequestDecoder {
 public:
  explicit Server(const ServerRun& run) : run_(run), sink_(recorded_.output), codec_(*this, sink_, run.options) {}

  Recorded record(std::string_view bytes, const Cuts& cuts) {
    feed(bytes, cuts, [&](std::string_view piece) {
      const DispatchResult result = codec_.dispatch(piece);
      CHECK(result.error == nullptr || result.error == error_);
      return result.consumed;
    });
    if (run_.half_close) {
      const CodecError* error = codec_.onEndOfInput();
      if (error != nullptr) journal_.line("cut");
    }
    if (codec_.mustClose()) journal_.line("close");
    recorded_.events = journal_.take();
    return std::move(recorded_);
  }

  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override {
    CHECK(encoder_ == nullptr);
    encoder_ = &encoder;
    arena_.emplace_back(new base::Arena(pool()));
    return *this;
  }
  void onStreamComplete(http::RequestDecoder&) override { note(); }
  void onGoAway() override {}

  base::Arena& arena() override { return *arena_.back(); }
  void onRequestHeaders(HeaderMap& headers, bool end_stream) override {
    journal_.line(std::string("request ") + std::string(codec_.protocol()));
    journal_.headers(headers);
    whole_.push_back({&headers, {}, nullptr});
    if (end_stream) complete();
  }
  void onRequestData(std::string_view data, bool end_stream) override {
    journal_.data(data);
    whole_.back().body += data;
    if (end_stream) complete();
  }
  void onRequestTrailers(HeaderMap& trailers) override {
    journal_.line("trailers");
    journal_.headers(trailers);
    whole_.back().trailers = &trailers;
    complete();
  }
  void onStreamReset(ResetReason, std::string_view) override {}
  void onCodecError(const CodecError& error) override {
    error_ = &error;
    journal_.error(error);
    note();
  }
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}

  /** The requests that are complete. */
  std::vector<Whole> takeWhole() {
    whole_.resize(complete_);
    return std::move(whole_);
  }

  ~Server() override {
    for (base::Arena* arena : arena_) delete arena;
  }

 private:
  void note() {
    if (encoder_ == nullptr) return;
    recorded_.wire_received = encoder_->bytes().wire_received;
    recorded_.headers_received = encoder_->bytes().headers_received;
    encoder_ = nullptr;
  }
  void complete() {
    journal_.line("complete");
    ++complete_;
    if (!run_.answer) return;
    HeaderMap response(arena());
    response.add(HeaderId::kStatus, "200");
    response.add(HeaderId::kContentLength, "2");
    encoder_->encodeHeaders(response, false);
    encoder_->encodeData("ok", true);
  }

  const ServerRun& run_;
  Recorded recorded_;
  Output sink_;
  http::h1::ServerCodec codec_;
  Journal journal_;
  http::ResponseEncoder* encoder_ = nullptr;
  std::vector<base::Arena*> arena_;
  const CodecError* error_ = nullptr;
  std::vector<Whole> whole_;
  size_t complete_ = 0;
};

class Client final : public http::ClientCallbacks, public http::ResponseDecoder {
 public:
  explicit Client(const ClientRun& run) : run_(run), arena_(pool()), sink_(recorded_.output), codec_(*this, sink_, run.options) {}

  Recorded record(std::string_view bytes, const Cuts& cuts) {
    http::RequestEncoder& encoder = codec_.newStream(*this);
    HeaderMap request(arena_);
    request.add(HeaderId::kMethod, run_.method);
    request.add(HeaderId::kPath, "/");
    request.add(HeaderId::kAuthority, "a");
    if (run_.upgrade) {
      request.add(HeaderId::kConnection, "upgrade");
      request.add(HeaderId::kUpgrade, "foo");
    }
    encoder.encodeHeaders(request, !run_.body_open && !run_.upgrade && run_.method != "CONNECT");
    feed(bytes, cuts, [&](std::string_view piece) {
      const DispatchResult result = codec_.dispatch(piece);
      if (result.error != nullptr) fail(*result.error);
      return result.consumed;
    });
    if (run_.half_close) {
      if (const CodecError* error = codec_.onEndOfInput()) fail(*error);
    }
    if (reusable_) {
      CHECK(codec_.activeStreams() == 0);
      journal_.line("reusable");
    }
    recorded_.events = journal_.take();
    recorded_.wire_received = encoder.bytes().wire_received;
    recorded_.headers_received = encoder.bytes().headers_received;
    return std::move(recorded_);
  }

  void onStreamComplete(http::ResponseDecoder&, bool reusable) override {
    journal_.line("complete");
    reusable_ = reusable;
  }
  void onGoAway() override {}
  void onMaxStreams(uint32_t) override {}

  base::Arena& arena() override { return arena_; }
  void on1xx(HeaderMap& headers) override {
    journal_.line("interim");
    journal_.headers(headers);
  }
  void onResponseHeaders(HeaderMap& headers, bool) override {
    journal_.line("response");
    journal_.headers(headers);
  }
  void onResponseData(std::string_view data, bool) override { journal_.data(data); }
  void onResponseTrailers(HeaderMap& trailers) override {
    journal_.line("trailers");
    journal_.headers(trailers);
  }
  void onStreamReset(ResetReason, std::string_view) override {}
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}

 private:
  void fail(const CodecError& error) {
    journal_.error(error);
    reusable_ = false;    // whether the codec knew before depends on the cuts
  }

  const ClientRun& run_;
  base::Arena arena_;
  Recorded recorded_;
  Output sink_;
  http::h1::ClientCodec codec_;
  Journal journal_;
  bool reusable_ = false;
};

/** What of a request must survive the way through the proxy. */
std::string essence(const Whole& request) {
  Journal journal;
  for (const Header& header : request.headers->entries()) {
    if (header.id == HeaderId::kContentLength || header.id == HeaderId::kTransferEncoding || header.id == HeaderId::kScheme) continue;
    journal.line(std::string(header.name) + ": " + quoted(header.value));
  }
  journal.data(request.body);
  journal.line(request.trailers == nullptr ? "no trailers" : "trailers");
  if (request.trailers != nullptr) journal.headers(*request.trailers);
  return journal.take();
}

class Upstream final : public http::ClientCallbacks, public http::ResponseDecoder {
 public:
  explicit Upstream(const http::h1::ClientOptions& options) : arena_(pool()), sink_(text_), codec_(*this, sink_, options) {}

  std::string send(const Whole& request) {
    http::RequestEncoder& encoder = codec_.newStream(*this);
    encoder.encodeHeaders(*request.headers, request.body.empty() && request.trailers == nullptr);
    if (!request.body.empty()) encoder.encodeData(request.body, request.trailers == nullptr);
    if (request.trailers != nullptr) encoder.encodeTrailers(*request.trailers);
    return text_;
  }

  void onStreamComplete(http::ResponseDecoder&, bool) override {}
  void onGoAway() override {}
  void onMaxStreams(uint32_t) override {}
  base::Arena& arena() override { return arena_; }
  void on1xx(HeaderMap&) override {}
  void onResponseHeaders(HeaderMap&, bool) override {}
  void onResponseData(std::string_view, bool) override {}
  void onResponseTrailers(HeaderMap&) override {}
  void onStreamReset(ResetReason, std::string_view) override {}
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}

 private:
  base::Arena arena_;
  std::string text_;
  Output sink_;
  http::h1::ClientCodec codec_;
};

void checkForwarded(const Whole& request, const http::h1::CommonOptions& common) {
  HeaderMap& headers = *request.headers;
  if (http::h1::isUpgrade(headers)) return;    // raw bytes, until the upstream accepts
  for (const HeaderId hop : {HeaderId::kConnection, HeaderId::kUpgrade, HeaderId::kKeepAlive}) headers.remove(hop);
  // The connection manager answers these itself.
  if (!headers.has(HeaderId::kAuthority) || headers.get(HeaderId::kMethod) == "CONNECT") return;
  if (!headers.get(HeaderId::kPath).starts_with('/')) return;
  http::h1::ClientOptions options;
  options.enable_trailers = common.enable_trailers;
  options.header_case = common.header_case;
  const std::string before = essence(request);
  const std::string text = Upstream(options).send(request);
  ServerRun run;
  run.options.allow_custom_methods = true;
  run.options.enable_trailers = common.enable_trailers;
  Server reader(run);
  const Recorded recorded = reader.record(text, {});
  const std::vector<Whole> seen = reader.takeWhole();
  if (seen.size() == 1 && essence(seen[0]) == before && recorded.wire_received == text.size()) return;
  std::fprintf(stderr, "forwarded as\n%s\nread as\n%s--- expected\n%s", quoted(text).c_str(), recorded.events.c_str(), before.c_str());
  CHECK(!"a forwarded request is read in another way");
}

}  // namespace

Recorded recordRequests(std::string_view bytes, const ServerRun& run, const Cuts& cuts) {
  return Server(run).record(bytes, cuts);
}

Recorded recordResponses(std::string_view bytes, const ClientRun& run, const Cuts& cuts) {
  return Client(run).record(bytes, cuts);
}

void checkForwarding(std::string_view bytes, const ServerRun& run) {
  Server server(run);
  server.record(bytes, {});
  for (const Whole& request : server.takeWhole()) checkForwarded(request, run.options);
}

}  // namespace nuncio::test::h1
