// Everything that can be wrong with a HTTP/1 message: status, response code detail and body of the answer a server owes
// (Envoy's), and what is logged. Constants; any thread.
#pragma once

#include "http/codec.h"

namespace nuncio::http::h1 {

inline constexpr CodecError badRequest(std::string_view details, std::string_view message) {
  return {400, details, message, "Bad Request"};
}

inline constexpr std::string_view kCodecErrorDetail = "http1.codec_error";

inline constexpr CodecError kInvalidStartLine = badRequest(kCodecErrorDetail, "invalid start line");
inline constexpr CodecError kInvalidMethod = badRequest(kCodecErrorDetail, "unknown method");
inline constexpr CodecError kInvalidVersion = badRequest(kCodecErrorDetail, "invalid HTTP version");
inline constexpr CodecError kInvalidTarget = badRequest(kCodecErrorDetail, "invalid request target");
inline constexpr CodecError kInvalidHeaderLine = badRequest(kCodecErrorDetail, "invalid header line");
inline constexpr CodecError kInvalidContentLength = badRequest(kCodecErrorDetail, "invalid content-length");
inline constexpr CodecError kFoldedFraming = badRequest(kCodecErrorDetail, "folded or broken content-length or transfer-encoding");
inline constexpr CodecError kInvalidChunk = badRequest(kCodecErrorDetail, "invalid chunk");
inline constexpr CodecError kInvalidCharacters = badRequest("http1.invalid_characters", "control character in the head");
inline constexpr CodecError kInvalidUrl = badRequest("http1.invalid_url", "invalid url in request line");
inline constexpr CodecError kInvalidScheme = badRequest("http1.invalid_scheme", "invalid scheme in request line");
inline constexpr CodecError kInvalidAuthority = badRequest("http.invalid_authority", "invalid character in the host");
inline constexpr CodecError kUnexpectedUnderscore = badRequest("http1.unexpected_underscore", "header name contains underscores");
inline constexpr CodecError kConnectionHeader =
    badRequest("http1.connection_header_rejected", "connection names headers it may not");
inline constexpr CodecError kBodyDisallowed = badRequest("http1.body_disallowed", "CONNECT with a content-length");
inline constexpr CodecError kContentLengthAndChunked =
    badRequest("http1.content_length_and_chunked_not_allowed", "both content-length and transfer-encoding are set");
inline constexpr CodecError kInvalidTransferEncoding = {501, "http1.invalid_transfer_encoding", "unsupported transfer encoding",
                                                        "Not Implemented"};
inline constexpr CodecError kLowVersion = {426, "low_version", "HTTP version is not 1.1", "Upgrade Required"};
inline constexpr CodecError kHeadersTooLarge = {431, "http1.headers_too_large", "headers size exceeds limit",
                                                "Request Header Fields Too Large"};
inline constexpr CodecError kTooManyHeaders = {431, "http1.too_many_headers", "headers count exceeds limit",
                                               "Request Header Fields Too Large"};

// Of responses: no answer is owed for them.
inline constexpr CodecError kInvalidStatusLine = {0, kCodecErrorDetail, "invalid status line", {}};
inline constexpr CodecError kLengthOnBodilessStatus = {0, kCodecErrorDetail, "content-length not allowed in 1xx or 204", {}};
inline constexpr CodecError kCodingOnBodilessStatus = {0, kCodecErrorDetail, "transfer-encoding not allowed in 1xx or 204", {}};
inline constexpr CodecError kPrematureResponse = {0, "http1.premature_response", "bytes without a request waiting for them", {}};
inline constexpr CodecError kCutMessage = {0, kCodecErrorDetail, "the connection ended inside a message", {}};

}  // namespace nuncio::http::h1
