// Everything that can be wrong with a HTTP/2 connection or message: response code detail (Envoy's) and what is logged.
// Constants; any thread.
#pragma once

#include "http/codec.h"
#include "http/h2/error_code.h"

namespace nuncio::http::h2 {

/** What is wrong, and the code of the GOAWAY or RST_STREAM that says so. */
struct Problem {
  CodecError error;
  ErrorCode code;
  bool silent = false;    // no GOAWAY: as Envoy ends connections with malformed messages and floods
};

// Of the streams that end with their connection; the one at fault has a detail of its own. Envoy's words.
inline constexpr std::string_view kCodecErrorDetail = "codec_error:The_user_callback_function_failed";
inline constexpr std::string_view kInvalidFieldDetail = "http2.invalid.header.field";
inline constexpr std::string_view kViolationDetail = "http2.violation.of.messaging.rule";
inline constexpr std::string_view kTooManyHeadersDetail = "http2.too_many_headers";
inline constexpr std::string_view kHeadTooLargeDetail = "http2.header_list_size_too_large";
inline constexpr std::string_view kEmptyFramesDetail = "http2.inbound_empty_frames_flood";
inline constexpr std::string_view kUnderscoreDetail = "http2.unexpected_underscore";
inline constexpr std::string_view kRemoteResetDetail = "http2.remote_reset";
inline constexpr std::string_view kRemoteRefuseDetail = "http2.remote_refuse";

inline constexpr Problem protocolProblem(std::string_view message) {
  return {{0, kCodecErrorDetail, message, {}}, ErrorCode::kProtocolError};
}
inline constexpr Problem connectionProblem(ErrorCode code, std::string_view message) {
  return {{0, kCodecErrorDetail, message, {}}, code};
}
inline constexpr Problem floodProblem(std::string_view detail, std::string_view message) {
  return {{0, detail, message, {}}, ErrorCode::kEnhanceYourCalm, true};
}

inline constexpr Problem kBadPreface = protocolProblem("invalid connection preface");
inline constexpr Problem kSettingsFirst = protocolProblem("the first frame is not SETTINGS");
inline constexpr Problem kFrameTooLarge = connectionProblem(ErrorCode::kFrameSizeError, "frame longer than SETTINGS_MAX_FRAME_SIZE");
inline constexpr Problem kFrameSize = connectionProblem(ErrorCode::kFrameSizeError, "frame of a wrong length");
inline constexpr Problem kContinuationExpected = protocolProblem("a header block is not continued");
inline constexpr Problem kContinuationUnexpected = protocolProblem("CONTINUATION without a header block");
inline constexpr Problem kTooManyContinuations = connectionProblem(ErrorCode::kEnhanceYourCalm, "header block in too many frames");
inline constexpr Problem kBadPadding = protocolProblem("padding longer than its frame");
inline constexpr Problem kStreamZero = protocolProblem("frame that needs a stream on stream 0");
inline constexpr Problem kNotStreamZero = protocolProblem("connection frame on a stream");
inline constexpr Problem kIdleStream = protocolProblem("frame on an idle stream");
inline constexpr Problem kWrongStreamId = protocolProblem("stream number that cannot be opened");
inline constexpr Problem kClosedStream = connectionProblem(ErrorCode::kStreamClosed, "HEADERS on a closed stream");
inline constexpr Problem kPush = protocolProblem("PUSH_PROMISE");
inline constexpr Problem kCompression = connectionProblem(ErrorCode::kCompressionError, "header block cannot be decoded");
inline constexpr Problem kBadSetting = protocolProblem("invalid value in SETTINGS");
inline constexpr Problem kWindowSetting = connectionProblem(ErrorCode::kFlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE too large");
inline constexpr Problem kWindowOverflow = connectionProblem(ErrorCode::kFlowControlError, "connection window too large");
inline constexpr Problem kWindowZero = protocolProblem("WINDOW_UPDATE of 0");
inline constexpr Problem kWindowExceeded = connectionProblem(ErrorCode::kFlowControlError, "more DATA than the connection's window");
inline constexpr Problem kTooManyStreams{{0, kCodecErrorDetail, "more streams than SETTINGS_MAX_CONCURRENT_STREAMS", {}},
                                         ErrorCode::kProtocolError, true};
inline constexpr Problem kOutboundFlood = floodProblem("codec_error:Too_many_frames_in_the_outbound_queue.", "too many frames wait to be sent");
inline constexpr Problem kControlFlood =
    floodProblem("codec_error:Too_many_control_frames_in_the_outbound_queue.", "too many answers to control frames wait to be sent");
inline constexpr Problem kEmptyFlood = floodProblem(kCodecErrorDetail, "too many frames without payload");
inline constexpr Problem kPriorityFlood = floodProblem("codec_error:Too_many_PRIORITY_frames", "too many PRIORITY frames");
inline constexpr Problem kWindowFlood = floodProblem("codec_error:Too_many_WINDOW_UPDATE_frames", "too many WINDOW_UPDATE frames");
inline constexpr Problem kMetadata{{0, kCodecErrorDetail, "METADATA that is too large or cannot be decoded", {}}, ErrorCode::kProtocolError, true};
inline constexpr Problem kInvalidField{{0, kCodecErrorDetail, "invalid header field", {}}, ErrorCode::kProtocolError, true};
inline constexpr Problem kViolation{{0, kCodecErrorDetail, "violation of HTTP messaging", {}}, ErrorCode::kProtocolError, true};

}  // namespace nuncio::http::h2
