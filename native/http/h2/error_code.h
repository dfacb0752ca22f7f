// Error codes of RST_STREAM and GOAWAY frames (RFC 9113 section 7). Any thread.
#pragma once

#include <cstdint>

namespace nuncio::http::h2 {

enum class ErrorCode : uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kFlowControlError = 3,
  kSettingsTimeout = 4,
  kStreamClosed = 5,
  kFrameSizeError = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kCompressionError = 9,
  kConnectError = 10,
  kEnhanceYourCalm = 11,
  kInadequateSecurity = 12,
  kHttp11Required = 13,
};

}  // namespace nuncio::http::h2
