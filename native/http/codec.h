// The seam between HTTP semantics and the wire: what a codec (h1, h2) offers to the connection manager and to the
// connection pools, and what it tells them. Codecs do no I/O: bytes are pushed in by `dispatch`, and go out through a
// ByteSink. Everything here belongs to one worker thread.
//
//   downstream:  bytes ─▶ ServerCodec ─▶ RequestDecoder (the stream)      stream ─▶ ResponseEncoder ─▶ ByteSink
//   upstream:    bytes ─▶ ClientCodec ─▶ ResponseDecoder (the attempt)    attempt ─▶ RequestEncoder ─▶ ByteSink
//
// Views given to callbacks are valid during the call only, except header maps, which live in the stream's arena.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/header_map.h"
#include "net/byte_sink.h"

namespace nuncio::http {

/** Why a stream ended before its time (Envoy's StreamResetReason; the words go into local replies and details). */
enum class ResetReason : uint8_t {
  kLocalReset,             // we gave up
  kLocalRefusedStreamReset,
  kRemoteReset,            // RST_STREAM or the like
  kRemoteRefusedStreamReset,
  kConnectionFailure,      // never connected (remote)
  kLocalConnectionFailure,
  kConnectionTimeout,      // connect_timeout
  kConnectionTermination,  // connection closed under the stream
  kOverflow,               // circuit breaker
  kConnectError,
  kProtocolError,          // the peer broke the protocol
  kOverloadManager,
};

/** Informational statuses that are passed on (Envoy's choice); 101 is a final one, others are ignored. */
inline constexpr bool forwardsInterim(uint32_t status) { return status == 100 || (status >= 102 && status <= 104); }

/** What went wrong on the wire, for the connection manager or pool to act on. Static text only. */
struct CodecError {
  uint16_t status = 0;           // status of the local reply a server owes (400, 413, 426, 431, 501); 0: none, just close
  std::string_view details;      // response code detail, e.g. "http1.codec_error"
  std::string_view message;      // for the log: what exactly was wrong
  std::string_view body;         // body of the local reply (Envoy: the reason phrase for most)
};

struct DispatchResult {
  size_t consumed = 0;           // bytes taken; the caller keeps the rest and offers it again when the codec says so
  const CodecError* error = nullptr;  // set: the connection is beyond use for reading
};

/** Where encoded bytes go: the output queue of a connection. */
using net::ByteSink;

/**
 * Encodes one response (server) or what follows from it. Owned by the codec, valid until the stream is complete or reset.
 * May be called within the decoder's callbacks.
 */
class ResponseEncoder {
 public:
  virtual ~ResponseEncoder() = default;
  /** 100, 102, 103: any number before the final head. */
  virtual void encode1xx(const HeaderMap& headers) = 0;
  virtual void encodeHeaders(const HeaderMap& headers, bool end_stream) = 0;
  virtual void encodeData(std::string_view data, bool end_stream) = 0;
  virtual void encodeTrailers(const HeaderMap& trailers) = 0;
  /** METADATA: a block of HPACK literals that need no table. False: this version of HTTP has no such thing. */
  virtual bool encodeMetadata(std::string_view /*block*/) { return false; }
  /** Abort: HTTP/1 closes the connection, HTTP/2 sends RST_STREAM. The decoder hears nothing more; the encoder is dead. */
  virtual void reset(ResetReason reason) = 0;
  /**
   * Counted: each true needs a false. While paused no body reaches the decoder and the peer is held back: HTTP/2 keeps what
   * still comes (at most the stream's window), and gives the peer no more window for this stream.
   */
  virtual void pauseReading(bool pause) = 0;
  /** Bytes of heads and of everything written and read for this stream, for the access log. */
  virtual const struct StreamBytes& bytes() const = 0;
};

struct StreamBytes {
  uint64_t wire_sent = 0;
  uint64_t wire_received = 0;
  uint64_t headers_sent = 0;      // header bytes on the wire
  uint64_t headers_received = 0;
  uint64_t fields_sent = 0;       // names and values before HPACK; 0 over HTTP/1
  uint64_t fields_received = 0;

  uint64_t fieldsSent() const { return fields_sent != 0 ? fields_sent : headers_sent; }
};

/** Receives one request. Implemented by the connection manager's stream. */
class RequestDecoder {
 public:
  virtual ~RequestDecoder() = default;
  virtual base::Arena& arena() = 0;
  /** `headers` is made in arena() by the codec and lives as long as the stream. */
  virtual void onRequestHeaders(HeaderMap& headers, bool end_stream) = 0;
  virtual void onRequestData(std::string_view data, bool end_stream) = 0;
  virtual void onRequestTrailers(HeaderMap& trailers) = 0;
  /** As encodeMetadata takes it; at any time before the end. HTTP/2, where it is allowed. */
  virtual void onRequestMetadata(std::string_view /*block*/) {}
  /** The peer gave the stream up, or broke its rules. The encoder is dead from here on; no other call follows. */
  virtual void onStreamReset(ResetReason reason, std::string_view details) = 0;
  /**
   * HTTP/1: the codec met bytes it cannot accept while this request was being read. The stream answers with a local reply if
   * nothing was sent yet. After this call the codec reads no more.
   */
  virtual void onCodecError(const CodecError& error) = 0;
  /** The encoder's queue passed its high watermark, or fell below the low one again (HTTP/2: per stream). */
  virtual void onEncoderAboveHighWatermark() = 0;
  virtual void onEncoderBelowLowWatermark() = 0;
};

/** What a server codec asks of the connection manager. */
class ServerCallbacks {
 public:
  virtual ~ServerCallbacks() = default;
  /** The first byte of a new request was seen. The decoder outlives the encoder. */
  virtual RequestDecoder& newStream(ResponseEncoder& encoder) = 0;
  /**
   * The response of the stream went out whole, and its request was read whole or is given up: the encoder is dead. HTTP/2: what
   * waited for window has been written. Not called after onStreamReset or the owner's own reset. From the end of the encoded
   * response on, this or onStreamCut is the only call for the stream.
   */
  virtual void onStreamComplete(RequestDecoder& decoder) = 0;
  /** In place of it: the peer gave the stream up while some of its encoded response still waited for window. HTTP/2. */
  virtual void onStreamCut(RequestDecoder&, ResetReason, std::string_view) {}
  /** Remote GOAWAY (HTTP/2). */
  virtual void onGoAway() = 0;
  /** The answer to `ping` (HTTP/2). */
  virtual void onPingAck() {}
  /** The codec keeps body of a stream that reads again: call `dispatch` with nothing at the end of the turn (HTTP/2). */
  virtual void onDispatchWanted() {}
  /** A request had headers with an underscore in their name that were dropped, or for which it is refused. */
  virtual void onUnderscoredHeaders(uint32_t) {}
};

class ServerCodec {
 public:
  virtual ~ServerCodec() = default;
  /**
   * The bytes must be writable memory: those consumed may be rearranged. On an error all bytes are consumed, and whatever
   * comes later too. HTTP/1: the stream was told by onCodecError. HTTP/2: at most the stream at fault was told, the owner ends
   * all that are left; a GOAWAY was written where one is due.
   */
  virtual DispatchResult dispatch(std::string_view data) = 0;
  /** The peer half-closed. Returns an error when it did so inside a message. */
  virtual const CodecError* onEndOfInput() = 0;
  /** "HTTP/1.1" or so, of the newest request. */
  virtual std::string_view protocol() const = 0;
  /** Graceful end: HTTP/2 sends GOAWAY; HTTP/1 marks its next response head with `connection: close`. */
  virtual void shutdownNotice() = 0;
  virtual void goAway() = 0;
  /** Is bytes waiting upstream of `dispatch` worth offering (nothing paused, no response owed first)? */
  virtual bool wantsInput() const = 0;
  /**
   * No further request can come over this connection (a codec error, `connection: close` in a response, a response that
   * ended before its request): close it when the output is flushed. HTTP/1.
   */
  virtual bool mustClose() const { return false; }
  /** Sends a PING; ServerCallbacks::onPingAck tells of its answer. HTTP/2. */
  virtual void ping() {}
  /** The sink still has `queued` bytes to send: the owner tells whenever that became less. Needed by HTTP/2's flood limits. */
  virtual void onOutputLeft(size_t) {}
};

/** Encodes one request (client). */
class RequestEncoder {
 public:
  virtual ~RequestEncoder() = default;
  virtual void encodeHeaders(const HeaderMap& headers, bool end_stream) = 0;
  virtual void encodeData(std::string_view data, bool end_stream) = 0;
  virtual void encodeTrailers(const HeaderMap& trailers) = 0;
  /** As ResponseEncoder's. */
  virtual bool encodeMetadata(std::string_view /*block*/) { return false; }
  virtual void reset(ResetReason reason) = 0;
  virtual void pauseReading(bool pause) = 0;
  virtual const StreamBytes& bytes() const = 0;
};

/** Receives one response. Implemented by the router's attempt (UpstreamRequest). */
class ResponseDecoder {
 public:
  virtual ~ResponseDecoder() = default;
  virtual base::Arena& arena() = 0;
  virtual void on1xx(HeaderMap& headers) = 0;
  virtual void onResponseHeaders(HeaderMap& headers, bool end_stream) = 0;
  virtual void onResponseData(std::string_view data, bool end_stream) = 0;
  virtual void onResponseTrailers(HeaderMap& trailers) = 0;
  /** As RequestDecoder's; in front of the head too. */
  virtual void onResponseMetadata(std::string_view /*block*/) {}
  virtual void onStreamReset(ResetReason reason, std::string_view details) = 0;
  virtual void onEncoderAboveHighWatermark() = 0;
  virtual void onEncoderBelowLowWatermark() = 0;
};

/** What a client codec tells its pool. */
class ClientCallbacks {
 public:
  virtual ~ClientCallbacks() = default;
  /**
   * The stream is over: its response was read whole (HTTP/2: the request may be unfinished, it is given up then) or its decoder
   * heard onStreamReset. Not called after the owner's own reset. `reusable`: the connection may carry another request.
   */
  virtual void onStreamComplete(ResponseDecoder& decoder, bool reusable) = 0;
  /** A response ended before its request, the rest of which was given up: onStreamComplete follows. HTTP/2. */
  virtual void onRequestGivenUp() {}
  /** The peer said that the response under way is the last one of its connection. HTTP/1. */
  virtual void onCloseAnnounced() {}
  /** Remote GOAWAY: no new stream. Those that the peer will not handle were reset as kRemoteRefusedStreamReset before. */
  virtual void onGoAway() = 0;
  /** How many streams the peer allows at a time, on each of its SETTINGS. Never more than our own limit. */
  virtual void onMaxStreams(uint32_t streams) = 0;
  /** As ServerCallbacks'. */
  virtual void onPingAck() {}
  virtual void onDispatchWanted() {}
};

class ClientCodec {
 public:
  virtual ~ClientCodec() = default;
  /** Starts a request; the encoder lives until the stream is complete or reset. */
  virtual RequestEncoder& newStream(ResponseDecoder& decoder) = 0;
  /**
   * The bytes must be writable memory: those consumed may be rearranged. On an error at most the decoder at fault has been told
   * (HTTP/2): the pool closes the connection and resets every stream that is left with kProtocolError.
   */
  virtual DispatchResult dispatch(std::string_view data) = 0;
  virtual const CodecError* onEndOfInput() = 0;
  virtual std::string_view protocol() const = 0;
  virtual uint32_t activeStreams() const = 0;
  /** Was the newest request written whole? */
  virtual bool requestComplete() const = 0;
  /** Is it worth offering bytes to `dispatch` (nothing paused)? */
  virtual bool wantsInput() const { return true; }
  /** As ServerCodec's. */
  virtual void goAway() {}
  virtual void ping() {}
  virtual void onOutputLeft(size_t) {}
};

}  // namespace nuncio::http
