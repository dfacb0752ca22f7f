// Frames of HTTP/2 as they are on the wire (RFC 9113 sections 4 and 6). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nuncio::http::h2 {

enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
  kMetadata = 0x4d,    // Envoy's extension; unknown unless allowed
};

inline constexpr uint8_t kFlagEndStream = 0x1;
inline constexpr uint8_t kFlagAck = 0x1;
inline constexpr uint8_t kFlagEndHeaders = 0x4;
inline constexpr uint8_t kFlagEndMetadata = 0x4;
inline constexpr uint8_t kFlagPadded = 0x8;
inline constexpr uint8_t kFlagPriority = 0x20;

enum class SettingId : uint16_t {
  kHeaderTableSize = 1,
  kEnablePush = 2,
  kMaxConcurrentStreams = 3,
  kInitialWindowSize = 4,
  kMaxFrameSize = 5,
  kMaxHeaderListSize = 6,
  kEnableConnectProtocol = 8,    // RFC 8441
};

inline constexpr size_t kFrameHeaderSize = 9;
inline constexpr uint32_t kDefaultFrameSize = 16'384;    // payload; also the least a peer may ask for, and all we take
inline constexpr uint32_t kLargestFrameSize = (1u << 24) - 1;
inline constexpr uint32_t kDefaultWindow = 65'535;
inline constexpr uint32_t kLargestWindow = 0x7fffffff;
inline constexpr uint32_t kLargestStream = 0x7fffffff;
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct FrameHeader {
  uint32_t length = 0;
  FrameType type = FrameType::kData;
  uint8_t flags = 0;
  uint32_t stream = 0;

  bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

inline uint32_t readUint32(const char* at) {
  const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(at[i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}
inline uint16_t readUint16(const char* at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(at[0]) << 8 | static_cast<unsigned char>(at[1]));
}
inline void writeUint32(char* out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (24 - 8 * i));
}
inline void writeUint16(char* out, uint16_t value) {
  out[0] = static_cast<char>(value >> 8);
  out[1] = static_cast<char>(value);
}

inline FrameHeader readFrameHeader(const char* at) {
  FrameHeader header;
  header.length = readUint32(at) >> 8;
  header.type = static_cast<FrameType>(at[3]);
  header.flags = static_cast<uint8_t>(at[4]);
  header.stream = readUint32(at + 5) & kLargestStream;
  return header;
}

/** Gives the end: where the payload begins. */
inline char* writeFrameHeader(char* out, size_t length, FrameType type, uint8_t flags, uint32_t stream) {
  writeUint32(out, static_cast<uint32_t>(length) << 8 | static_cast<uint32_t>(type));
  out[4] = static_cast<char>(flags);
  writeUint32(out + 5, stream);
  return out + kFrameHeaderSize;
}

}  // namespace nuncio::http::h2
