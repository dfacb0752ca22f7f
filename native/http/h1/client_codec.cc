#include "http/h1/client_codec.h"

#include <utility>

#include "base/ascii.h"
#include "base/check.h"
#include "http/h1/errors.h"
#include "http/h1/framing.h"
#include "http/h1/header_block.h"
#include "http/h1/message_writer.h"
#include "http/h1/start_line.h"

namespace nuncio::http::h1 {
namespace {

/** Requests of these methods have no body by default, so none is announced. */
bool isBodilessMethod(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "TRACE" || method == "CONNECT";
}

bool keepsAlive(const HeaderMap& headers, bool http_11) {
  const std::string_view connection = headers.get(HeaderId::kConnection);
  if (base::listContains(connection, "close")) return false;
  if (base::listContains(headers.get(HeaderId::kProxyConnection), "close")) return false;
  return http_11 || base::listContains(connection, "keep-alive");
}

}  // namespace

// ---------------------------------------------------------------- requests out

http::RequestEncoder& ClientCodec::newStream(ResponseDecoder& decoder) {
  CHECK(decoder_ == nullptr && state_ != State::kDead);
  decoder_ = &decoder;
  state_ = State::kHead;
  bytes_ = {};
  paused_ = 0;
  head_request_ = false;
  connect_request_ = false;
  upgrade_request_ = false;
  request_chunked_ = false;
  request_complete_ = false;
  reusable_ = false;
  leftover_ = false;
  return *this;
}

void ClientCodec::encodeHeaders(const HeaderMap& headers, bool end_stream) {
  if (!alive()) return;
  const std::string_view method = headers.get(HeaderId::kMethod);
  const std::string_view path = headers.get(HeaderId::kPath);
  const std::string_view authority = headers.get(HeaderId::kAuthority);
  head_request_ = method == "HEAD";
  connect_request_ = method == "CONNECT";
  upgrade_request_ = headers.has(HeaderId::kUpgrade) && isUpgrade(headers);
  HeadParts parts;
  std::string_view* part = parts.start_line;
  *part++ = method;
  *part++ = " ";
  if (connect_request_) {
    *part++ = authority;
  } else {
    if (options_.send_fully_qualified_url && path.starts_with('/')) {
      *part++ = headers.get(HeaderId::kScheme) == "https" ? "https://" : "http://";
      *part++ = authority;
    }
    *part++ = path;
  }
  *part = " HTTP/1.1";
  if (headers.has(HeaderId::kContentLength) || connect_request_ || upgrade_request_) {
    // framed as it is, or not at all
  } else if (!end_stream) {
    parts.framing = FramingHeader::kChunked;
    request_chunked_ = true;
  } else if (!isBodilessMethod(method)) {
    parts.framing = FramingHeader::kZeroLength;
  }
  MessageWriter(sink_, bytes_).head(parts, headers, options_.header_case);
  if (end_stream) endRequest();
}

void ClientCodec::encodeData(std::string_view data, bool end_stream) {
  if (!alive()) return;
  MessageWriter writer(sink_, bytes_);
  writer.data(data, request_chunked_);
  if (!end_stream) return;
  if (request_chunked_) writer.lastChunk(nullptr, options_.header_case);
  endRequest();
}

void ClientCodec::encodeTrailers(const HeaderMap& trailers) {
  if (!alive()) return;
  if (request_chunked_) {
    MessageWriter(sink_, bytes_).lastChunk(options_.enable_trailers ? &trailers : nullptr, options_.header_case);
  }
  endRequest();
}

void ClientCodec::endRequest() {
  request_complete_ = true;
  finishIfComplete();
}

void ClientCodec::reset(ResetReason) {
  head_.release();
  leftover_ = false;
  state_ = State::kDead;
  decoder_ = nullptr;
}

void ClientCodec::pauseReading(bool pause) {
  if (pause) {
    ++paused_;
  } else if (paused_ > 0) {
    --paused_;
  }
}

/** The response is whole. A request that is not cannot be ended in order, so its connection is not used again. */
void ClientCodec::finishIfComplete() {
  if (state_ != State::kComplete || !alive()) return;
  const bool in_order = reusable_ && request_complete_;
  const bool reusable = in_order && !leftover_;
  leftover_ = in_order && leftover_;
  state_ = reusable ? State::kIdle : State::kDead;
  ResponseDecoder& decoder = *decoder_;
  decoder_ = nullptr;
  callbacks_.onStreamComplete(decoder, reusable);
}

// ---------------------------------------------------------------- responses in

DispatchResult ClientCodec::dispatch(std::string_view data) {
  char* input = const_cast<char*>(data.data());    // codec.h: consumed bytes may be rearranged
  size_t at = 0;
  while (at < data.size() && alive() && state_ != State::kDead && (paused_ == 0 || state_ != State::kBody)) {
    at += step(input + at, data.size() - at);
  }
  if (at < data.size() && error_ == nullptr && (state_ == State::kIdle || (!alive() && leftover_))) {    // nobody asked for this
    error_ = &kPrematureResponse;
    leftover_ = false;
    state_ = State::kDead;
  }
  if (state_ == State::kDead) at = data.size();
  return {at, std::exchange(error_, nullptr)};
}

size_t ClientCodec::step(char* input, size_t size) {
  switch (state_) {
    case State::kHead: return readHead(input, size);
    case State::kBody: return readBody(input, size);
    case State::kTrailers: return readTrailers(input, size);
    case State::kIdle:
    case State::kComplete:
    case State::kDead: break;
  }
  return size;
}

size_t ClientCodec::readHead(char* input, size_t size) {
  const HeadReader::Result result = head_.read(input, size, options_.max_head_bytes);
  bytes_.wire_received += result.consumed;
  if (result.found == HeadReader::Found::kHead) {
    leftover_ = result.consumed < size;
    onHead(result.text);
    return result.consumed;
  }
  StatusLine line;
  const CodecError* error = nullptr;
  if (result.found == HeadReader::Found::kFirstLine) {
    error = parseStatusLine(result.text.substr(0, result.text.size() - 1), line);
  }
  if (error == nullptr && result.too_large) error = &kHeadersTooLarge;
  if (error != nullptr) fail(*error);
  return result.consumed;
}

void ClientCodec::onHead(std::string_view text) {
  base::Arena& arena = decoder_->arena();
  HeaderMap& headers = *arena.make<HeaderMap>(arena);
  uint32_t status = 0;
  bool http_11 = false;
  const CodecError* error = parseHead(headers, text, status, http_11);
  head_.release();
  Framing framing;
  if (error == nullptr) error = frameResponse(headers, {status, head_request_, connect_request_, upgrade_request_}, options_, framing);
  if (error != nullptr) return fail(*error);
  if (status >= 100 && status < 200 && status != 101) {
    if (forwardsInterim(status)) decoder_->on1xx(headers);
    return;
  }
  const bool keeps_alive = keepsAlive(headers, http_11);
  if (!keeps_alive) callbacks_.onCloseAnnounced();
  reusable_ = keeps_alive && framing.body != Body::kUntilClose && framing.body != Body::kRaw && status >= 200;
  body_.start(framing);
  const bool end_stream = framing.body == Body::kNone;
  state_ = end_stream ? State::kComplete : State::kBody;
  decoder_->onResponseHeaders(headers, end_stream);
  finishIfComplete();
}

const CodecError* ClientCodec::parseHead(HeaderMap& headers, std::string_view head, uint32_t& status, bool& http_11) {
  char* copy = copyForParsing(headers.arena(), head);
  const size_t line_size = head.find('\n') + 1;
  StatusLine line;
  if (const CodecError* error = parseStatusLine({copy, line_size - 1}, line)) return error;
  status = line.status;
  http_11 = line.http_11;
  char* digits = static_cast<char*>(headers.arena().allocate(20, 1));
  headers.add(HeaderId::kStatus, {digits, static_cast<size_t>(base::writeDecimal(digits, status) - digits)});
  HeaderLimits limits;
  limits.kind = Kind::kResponse;
  limits.keep_original = options_.header_case == HeaderCase::kPreserve;
  limits.max_headers = options_.max_headers;
  return parseHeaderBlock(headers, headerLines(head, line_size), copy + line_size, limits, 0, bytes_.headers_received);
}

size_t ClientCodec::readBody(char* input, size_t size) {
  BodyReader::Piece piece = body_.read(input, size);
  if (piece.end == BodyReader::End::kError) {
    bytes_.wire_received += size;
    if (!piece.data.empty()) deliver(piece.data, false);    // what came before the error is good
    if (alive()) fail(kInvalidChunk);
    return size;
  }
  if (piece.end == BodyReader::End::kTrailers) {
    state_ = State::kTrailers;
    if (size - piece.consumed >= 2 && input[piece.consumed] == '\r' && input[piece.consumed + 1] == '\n') {
      piece.consumed += 2;
      piece.end = BodyReader::End::kComplete;
    } else {
      head_.startTrailers();
    }
  }
  bytes_.wire_received += piece.consumed;
  leftover_ = piece.consumed < size;
  if (piece.end == BodyReader::End::kComplete || !piece.data.empty()) deliver(piece.data, piece.end == BodyReader::End::kComplete);
  return piece.consumed;
}

size_t ClientCodec::readTrailers(char* input, size_t size) {
  const HeadReader::Result result = head_.read(input, size, options_.max_head_bytes);
  bytes_.wire_received += result.consumed;
  leftover_ = result.consumed < size;
  if (result.too_large) fail(kHeadersTooLarge);
  if (result.found == HeadReader::Found::kHead) onTrailers(result.text);
  return result.consumed;
}

void ClientCodec::onTrailers(std::string_view text) {
  base::Arena& arena = decoder_->arena();
  HeaderMap& trailers = *arena.make<HeaderMap>(arena);
  const CodecError* error = parseTrailers(trailers, headerLines(text, 0), options_, {}, bytes_.headers_received);
  head_.release();
  if (error != nullptr) return fail(*error);
  if (trailers.empty()) return deliver({}, true);
  state_ = State::kComplete;
  decoder_->onResponseTrailers(trailers);
  finishIfComplete();
}

void ClientCodec::deliver(std::string_view data, bool end_stream) {
  if (end_stream) state_ = State::kComplete;
  decoder_->onResponseData(data, end_stream);
  finishIfComplete();
}

void ClientCodec::fail(const CodecError& error) {
  head_.release();
  error_ = &error;
  state_ = State::kDead;
}

const CodecError* ClientCodec::onEndOfInput() {
  if (!alive()) return nullptr;
  if (state_ == State::kBody && body_.kind() == Body::kRaw) return nullptr;    // a tunnel has no end of its own
  if (state_ == State::kBody && body_.kind() == Body::kUntilClose) {
    reusable_ = false;
    deliver({}, true);
    return nullptr;
  }
  const bool inside = state_ == State::kBody || state_ == State::kTrailers || (state_ == State::kHead && head_.started());
  return inside ? &kCutMessage : nullptr;
}

}  // namespace nuncio::http::h1
