// h1::ClientCodec: HTTP/1.1 as a client speaks it: requests out, responses in, one stream at a time. Owned by one upstream
// connection of a pool; worker thread. Holds no buffer between messages.
#pragma once

#include "http/codec.h"
#include "http/h1/body_reader.h"
#include "http/h1/head_reader.h"
#include "http/h1/options.h"

namespace nuncio::http::h1 {

class ClientCodec final : public http::ClientCodec, public http::RequestEncoder {
 public:
  /** All three outlive the codec. */
  ClientCodec(ClientCallbacks& callbacks, ByteSink& sink, const ClientOptions& options)
      : callbacks_(callbacks), sink_(sink), options_(options) {}

  // ClientCodec
  http::RequestEncoder& newStream(ResponseDecoder& decoder) override;
  DispatchResult dispatch(std::string_view data) override;
  const CodecError* onEndOfInput() override;
  std::string_view protocol() const override { return "HTTP/1.1"; }
  uint32_t activeStreams() const override { return decoder_ == nullptr ? 0 : 1; }
  bool requestComplete() const override { return request_complete_; }
  bool wantsInput() const override { return paused_ == 0 || state_ != State::kBody; }

  // RequestEncoder
  void encodeHeaders(const HeaderMap& headers, bool end_stream) override;
  void encodeData(std::string_view data, bool end_stream) override;
  void encodeTrailers(const HeaderMap& trailers) override;
  void reset(ResetReason reason) override;
  void pauseReading(bool pause) override;
  const StreamBytes& bytes() const override { return bytes_; }

 private:
  enum class State : uint8_t { kIdle, kHead, kBody, kTrailers, kComplete, kDead };

  size_t step(char* input, size_t size);
  size_t readHead(char* input, size_t size);
  size_t readBody(char* input, size_t size);
  size_t readTrailers(char* input, size_t size);
  void onHead(std::string_view head);
  const CodecError* parseHead(HeaderMap& headers, std::string_view head, uint32_t& status, bool& http_11);
  void onTrailers(std::string_view text);
  void deliver(std::string_view data, bool end_stream);
  void fail(const CodecError& error);
  void endRequest();
  void finishIfComplete();
  bool alive() const { return decoder_ != nullptr; }

  ClientCallbacks& callbacks_;
  ByteSink& sink_;
  const ClientOptions& options_;
  ResponseDecoder* decoder_ = nullptr;    // null: no stream
  const CodecError* error_ = nullptr;
  HeadReader head_;
  BodyReader body_;
  StreamBytes bytes_;
  uint32_t paused_ = 0;
  State state_ = State::kIdle;
  bool head_request_ = false;
  bool connect_request_ = false;
  bool upgrade_request_ = false;
  bool request_chunked_ = false;
  bool request_complete_ = false;
  bool reusable_ = false;
  bool leftover_ = false;    // bytes stand behind the response in this read, and nothing explains them
};

static_assert(sizeof(ClientCodec) <= 300, "an idle connection pays for every byte");

}  // namespace nuncio::http::h1
