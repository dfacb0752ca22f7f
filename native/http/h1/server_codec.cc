#include "http/h1/server_codec.h"

#include <utility>

#include "base/ascii.h"
#include "http/authority.h"
#include "http/h1/connection_header.h"
#include "http/h1/errors.h"
#include "http/h1/framing.h"
#include "http/h1/header_block.h"
#include "http/h1/message_writer.h"
#include "http/h1/reason.h"
#include "http/h1/start_line.h"

namespace nuncio::http::h1 {

// ---------------------------------------------------------------- requests in

DispatchResult ServerCodec::dispatch(std::string_view data) {
  char* input = const_cast<char*>(data.data());    // codec.h: consumed bytes may be rearranged
  size_t at = 0;
  // A request's bytes are those of the reads it is in, as in Envoy: with what is behind its end, and known in front of its body.
  if (state_ == State::kHead || state_ == State::kBody || state_ == State::kTrailers) bytes_.wire_received += data.size();
  while (at < data.size() && state_ != State::kDead && state_ != State::kComplete && (paused_ == 0 || state_ != State::kBody)) {
    at += step(input + at, data.size() - at);
  }
  if (state_ == State::kDead) at = data.size();    // nothing behind is of interest
  if (state_ != State::kComplete) bytes_.wire_received -= data.size() - at;    // they come again
  return {at, std::exchange(error_, nullptr)};
}

size_t ServerCodec::step(char* input, size_t size) {
  switch (state_) {
    case State::kStart: return startRequest(input, size);
    case State::kHead: return readHead(input, size);
    case State::kBody: return readBody(input, size);
    case State::kTrailers: return readTrailers(input, size);
    case State::kComplete:
    case State::kDead: break;
  }
  return size;
}

size_t ServerCodec::startRequest(const char* input, size_t size) {
  size_t skipped = 0;
  while (skipped < size && (input[skipped] == '\r' || input[skipped] == '\n')) ++skipped;
  if (skipped == size) return size;
  state_ = State::kHead;
  bytes_ = {};
  bytes_.wire_received = size;
  paused_ = 0;
  request_complete_ = false;
  response_chunked_ = false;
  close_after_ = false;
  head_request_ = false;
  connect_request_ = false;
  http_10_ = false;
  decoder_ = &callbacks_.newStream(*this);
  if (static_cast<unsigned char>(input[skipped]) <= ' ') fail(kInvalidStartLine);
  return skipped;
}

size_t ServerCodec::readHead(char* input, size_t size) {
  HeadReader::Result result = head_.read(input, size, options_.max_head_bytes);
  if (result.found == HeadReader::Found::kNothing) {
    if (result.too_large) fail(kHeadersTooLarge);
    return result.consumed;
  }
  const size_t line_size = result.text.find('\n') + 1;
  RequestLine line;
  const CodecError* error = parseRequestLine(result.text.substr(0, line_size - 1), options_.allow_custom_methods, line);
  if (error == nullptr && !line.has_version) {    // HTTP/0.9: the line is the head
    result.consumed = head_.lineIsHead(result, line_size);
    result.text = result.text.substr(0, line_size);
    result.found = HeadReader::Found::kHead;
  }
  if (error != nullptr) {
    fail(*error);
  } else if (result.found == HeadReader::Found::kHead) {
    onHead(result.text, line);
  } else if (result.too_large) {
    fail(kHeadersTooLarge);
  }
  return result.consumed;
}

void ServerCodec::onHead(std::string_view text, const RequestLine& line) {
  base::Arena& arena = decoder_->arena();
  HeaderMap& headers = *arena.make<HeaderMap>(arena);
  Framing framing;
  const CodecError* error = parseHead(headers, text, line);
  head_.release();
  if (error == nullptr) error = frameRequest(headers, connect_request_, options_, framing);
  if (error == nullptr && headers.has(HeaderId::kConnection) && !removeNominated(headers)) error = &kConnectionHeader;
  if (error == nullptr && !isAuthorityText(headers.get(HeaderId::kAuthority))) error = &kInvalidAuthority;
  if (error != nullptr) {
    head_request_ = false;  // the answer is to no request of ours: it has its body, as in Envoy
    return fail(*error);
  }
  // A coded body is not for HTTP/1.0: whatever else reads this connection may disagree about its end. Not kept alive.
  if (http_10_ && framing.body == Body::kChunked) headers.remove(HeaderId::kConnection);
  body_.start(framing);
  request_complete_ = framing.body == Body::kNone;
  state_ = request_complete_ ? State::kComplete : State::kBody;
  decoder_->onRequestHeaders(headers, request_complete_);
}

/** `line` points into `head`; what goes into the map points into a copy. */
const CodecError* ServerCodec::parseHead(HeaderMap& headers, std::string_view head, const RequestLine& line) {
  char* copy = copyForParsing(headers.arena(), head);
  const size_t line_size = head.find('\n') + 1;
  const auto copied = [&](std::string_view part) { return std::string_view(copy + (part.data() - head.data()), part.size()); };
  connect_request_ = line.method == "CONNECT";
  head_request_ = line.method == "HEAD";
  const CodecError* target_error = addTarget(headers, copied(line.method), copied(line.target), connect_request_);
  constexpr size_t kAuthorityAt = 0;
  Header& place = headers.entries()[kAuthorityAt];
  const std::string_view given = place.value;
  const bool authority_given = given.data() != nullptr;
  place.value = {};
  HeaderLimits limits;
  limits.kind = Kind::kRequest;
  limits.keep_original = options_.header_case == HeaderCase::kPreserve;
  limits.max_headers = options_.max_headers;
  uint32_t underscored = 0;
  limits.underscores = {options_.underscores, &underscored};
  const std::string_view lines = line.has_version ? headerLines(head, line_size) : std::string_view();
  const CodecError* error = parseHeaderBlock(headers, lines, copy + line_size, limits, kAuthorityAt, bytes_.headers_received);
  if (underscored != 0) callbacks_.onUnderscoredHeaders(underscored);
  if (error != nullptr) return error;
  if (!line.http_11 && !options_.accept_http_10) return &kLowVersion;
  if (target_error != nullptr) return target_error;
  http_10_ = !line.http_11;
  Header& authority = headers.entries()[kAuthorityAt];
  if (authority_given) {
    authority.value = given;
  } else if (authority.value.data() == nullptr) {    // no host line
    if (http_10_ && !options_.default_host_for_http_10.empty()) {
      authority.value = options_.default_host_for_http_10;
    } else {
      headers.remove(HeaderId::kAuthority);
    }
  }
  return nullptr;
}

/**
 * ":authority" (a place for it, where the target has none), ":path" and ":method", and ":scheme" in front of them where the
 * target has one: the order in which Envoy sends them on over HTTP/2.
 */
const CodecError* ServerCodec::addTarget(HeaderMap& headers, std::string_view method, std::string_view target, bool connect) {
  if (connect) {
    headers.add(HeaderId::kAuthority, target);
    headers.add(HeaderId::kMethod, method);
    return isAuthorityTarget(target) ? nullptr : &kInvalidUrl;
  }
  if (target.front() == '/' || (target == "*" && method == "OPTIONS") || !options_.allow_absolute_url) {
    headers.add(HeaderId::kAuthority, {});
    headers.add(HeaderId::kPath, target);
    headers.add(HeaderId::kMethod, method);
    return nullptr;
  }
  TargetParts parts;
  const CodecError* error = parseAbsoluteTarget(target, parts);
  headers.add(HeaderId::kAuthority, parts.authority);
  if (error == nullptr) {
    headers.add(HeaderId::kScheme, parts.scheme.size() == 4 ? std::string_view("http") : std::string_view("https"));
    headers.add(HeaderId::kPath, parts.path);
  }
  headers.add(HeaderId::kMethod, method);
  return error;
}

size_t ServerCodec::readBody(char* input, size_t size) {
  BodyReader::Piece piece = body_.read(input, size);
  if (piece.end == BodyReader::End::kError) {
    if (!piece.data.empty()) deliver(piece.data, false);    // what came before the error is good
    if (state_ != State::kDead) fail(kInvalidChunk);
    return size;
  }
  if (piece.end == BodyReader::End::kTrailers) {
    state_ = State::kTrailers;
    // Nearly always there are none, and the end is in the same read.
    if (size - piece.consumed >= 2 && input[piece.consumed] == '\r' && input[piece.consumed + 1] == '\n') {
      piece.consumed += 2;
      piece.end = BodyReader::End::kComplete;
    } else {
      head_.startTrailers();
    }
  }
  if (piece.end == BodyReader::End::kComplete || !piece.data.empty()) deliver(piece.data, piece.end == BodyReader::End::kComplete);
  return piece.consumed;
}

size_t ServerCodec::readTrailers(char* input, size_t size) {
  const HeadReader::Result result = head_.read(input, size, options_.max_head_bytes);
  if (result.too_large) fail(kHeadersTooLarge);
  if (result.found == HeadReader::Found::kHead) onTrailers(result.text);
  return result.consumed;
}

void ServerCodec::onTrailers(std::string_view text) {
  base::Arena& arena = decoder_->arena();
  HeaderMap& trailers = *arena.make<HeaderMap>(arena);
  uint32_t underscored = 0;
  const CodecError* error =
      parseTrailers(trailers, headerLines(text, 0), options_, {options_.underscores, &underscored}, bytes_.headers_received);
  head_.release();
  if (underscored != 0) callbacks_.onUnderscoredHeaders(underscored);
  if (error != nullptr) return fail(*error);
  if (trailers.empty()) return deliver({}, true);
  request_complete_ = true;
  state_ = State::kComplete;
  decoder_->onRequestTrailers(trailers);
}

void ServerCodec::deliver(std::string_view data, bool end_stream) {
  if (end_stream) {
    request_complete_ = true;
    state_ = State::kComplete;
  }
  decoder_->onRequestData(data, end_stream);
}

void ServerCodec::fail(const CodecError& error) {
  head_.release();
  error_ = &error;
  state_ = State::kDead;
  must_close_ = true;
  decoder_->onCodecError(error);
}

const CodecError* ServerCodec::onEndOfInput() {
  if (state_ == State::kBody && body_.kind() == Body::kRaw) {
    deliver({}, true);
    return nullptr;
  }
  const bool inside = state_ == State::kHead || state_ == State::kBody || state_ == State::kTrailers;
  return inside ? &kCutMessage : nullptr;
}

bool ServerCodec::wantsInput() const {
  return state_ != State::kDead && state_ != State::kComplete && (paused_ == 0 || state_ != State::kBody);
}

void ServerCodec::pauseReading(bool pause) {
  if (pause) {
    ++paused_;
  } else if (paused_ > 0) {
    --paused_;
  }
}

// ---------------------------------------------------------------- responses out

void ServerCodec::encode1xx(const HeaderMap& headers) {
  if (!alive()) return;
  HeadParts parts;
  const std::string_view status = headers.get(HeaderId::kStatus);
  parts.start_line[0] = "HTTP/1.1 ";
  parts.start_line[1] = status;
  parts.start_line[2] = " ";
  parts.start_line[3] = reasonPhrase(base::parseDecimal<uint32_t>(status).value_or(0));
  MessageWriter(sink_, bytes_).head(parts, headers, options_.header_case);
}

void ServerCodec::encodeHeaders(const HeaderMap& headers, bool end_stream) {
  if (!alive()) return;
  const std::string_view status_text = headers.get(HeaderId::kStatus);
  const uint32_t status = base::parseDecimal<uint32_t>(status_text).value_or(0);
  HeadParts parts;
  parts.start_line[0] = http_10_ ? "HTTP/1.0 " : "HTTP/1.1 ";
  parts.start_line[1] = status_text;
  parts.start_line[2] = " ";
  parts.start_line[3] = reasonPhrase(status);
  const bool bodiless_status = status < 200 || status == 204 || status == 304;
  response_chunked_ = false;
  response_bodiless_ = head_request_ || (bodiless_status && status != 101);
  if (headers.has(HeaderId::kContentLength) || bodiless_status) {
    // framed as it is
  } else if (end_stream && !head_request_) {
    parts.framing = FramingHeader::kZeroLength;
  } else if (http_10_) {
    close_after_ = !head_request_;    // the end of the connection is the end of the body
  } else if (!connect_request_) {
    parts.framing = FramingHeader::kChunked;
    response_chunked_ = !head_request_;
  }
  const std::string_view connection = headers.get(HeaderId::kConnection);
  if (base::listContains(connection, "close")) {
    must_close_ = true;    // when is for the owner to say: goAway()
  } else if (close_next_ && connection.empty() && status >= 200) {
    parts.close = true;
    close_after_ = true;
  }
  MessageWriter(sink_, bytes_).head(parts, headers, options_.header_case);
  if (end_stream) endResponse();
}

void ServerCodec::encodeData(std::string_view data, bool end_stream) {
  if (!alive()) return;
  MessageWriter writer(sink_, bytes_);
  if (!response_bodiless_) writer.data(data, response_chunked_);
  if (!end_stream) return;
  if (response_chunked_) writer.lastChunk(nullptr, options_.header_case);
  endResponse();
}

void ServerCodec::encodeTrailers(const HeaderMap& trailers) {
  if (!alive()) return;
  if (response_chunked_) {
    MessageWriter(sink_, bytes_).lastChunk(options_.enable_trailers ? &trailers : nullptr, options_.header_case);
  }
  endResponse();
}

/** The response is out. Without the whole request, or with `connection: close`, no further request can follow. */
void ServerCodec::endResponse() {
  if (request_complete_ && !close_after_) {
    state_ = State::kStart;
  } else {
    head_.release();
    state_ = State::kDead;
    must_close_ = true;
  }
  RequestDecoder& decoder = *decoder_;
  decoder_ = nullptr;
  callbacks_.onStreamComplete(decoder);
}

void ServerCodec::goAway() {
  if (alive()) return;
  head_.release();
  state_ = State::kDead;
  must_close_ = true;
}

void ServerCodec::reset(ResetReason) {
  head_.release();
  state_ = State::kDead;
  must_close_ = true;
  decoder_ = nullptr;
}

}  // namespace nuncio::http::h1
