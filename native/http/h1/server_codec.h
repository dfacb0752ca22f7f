// h1::ServerCodec: HTTP/1.1 (and by option 1.0) as a server speaks it: requests in, responses out, one stream at a time.
// Owned by the connection manager of one connection; worker thread. Holds no buffer between messages.
//
//   kStart ─▶ kHead ─▶ kBody ─▶ kTrailers ─▶ kComplete ─▶ kStart        any ─▶ kDead (reads nothing more)
#pragma once

#include "http/codec.h"
#include "http/h1/body_reader.h"
#include "http/h1/head_reader.h"
#include "http/h1/options.h"
#include "http/h1/start_line.h"

namespace nuncio::http::h1 {

class ServerCodec final : public http::ServerCodec, public http::ResponseEncoder {
 public:
  /** All three outlive the codec. */
  ServerCodec(ServerCallbacks& callbacks, ByteSink& sink, const ServerOptions& options)
      : callbacks_(callbacks), sink_(sink), options_(options) {}

  // ServerCodec
  DispatchResult dispatch(std::string_view data) override;
  const CodecError* onEndOfInput() override;
  std::string_view protocol() const override { return http_10_ ? "HTTP/1.0" : "HTTP/1.1"; }
  void shutdownNotice() override { close_next_ = true; }
  /** Between requests: nothing more is read. */
  void goAway() override;
  bool wantsInput() const override;
  bool mustClose() const override { return must_close_; }

  // ResponseEncoder
  void encode1xx(const HeaderMap& headers) override;
  void encodeHeaders(const HeaderMap& headers, bool end_stream) override;
  void encodeData(std::string_view data, bool end_stream) override;
  void encodeTrailers(const HeaderMap& trailers) override;
  void reset(ResetReason reason) override;
  void pauseReading(bool pause) override;
  const StreamBytes& bytes() const override { return bytes_; }

 private:
  enum class State : uint8_t { kStart, kHead, kBody, kTrailers, kComplete, kDead };

  /** One step of reading; gives the bytes it took. */
  size_t step(char* input, size_t size);
  size_t startRequest(const char* input, size_t size);
  size_t readHead(char* input, size_t size);
  size_t readBody(char* input, size_t size);
  size_t readTrailers(char* input, size_t size);
  void onHead(std::string_view head, const RequestLine& line);
  const CodecError* parseHead(HeaderMap& headers, std::string_view head, const RequestLine& line);
  const CodecError* addTarget(HeaderMap& headers, std::string_view method, std::string_view target, bool connect);
  void onTrailers(std::string_view text);
  void deliver(std::string_view data, bool end_stream);
  void fail(const CodecError& error);
  void endResponse();
  bool alive() const { return decoder_ != nullptr; }

  ServerCallbacks& callbacks_;
  ByteSink& sink_;
  const ServerOptions& options_;
  RequestDecoder* decoder_ = nullptr;     // null: no stream
  const CodecError* error_ = nullptr;     // set once, when reading has to end
  HeadReader head_;
  BodyReader body_;
  StreamBytes bytes_;
  uint32_t paused_ = 0;
  State state_ = State::kStart;
  bool http_10_ = false;
  bool head_request_ = false;
  bool connect_request_ = false;
  bool request_complete_ = false;
  bool response_chunked_ = false;
  bool response_bodiless_ = false;
  bool close_after_ = false;     // the response's end is the connection's
  bool close_next_ = false;      // shutdownNotice
  bool must_close_ = false;
};

static_assert(sizeof(ServerCodec) <= 300, "an idle connection pays for every byte");

}  // namespace nuncio::http::h1
