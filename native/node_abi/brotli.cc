#include "node_abi/brotli.h"

#include <cstring>

namespace nuncio::node_abi::brotli {

const char* selfTest() {
  static constexpr char kText[] = "to be or not to be, that is the question, to be or not to be";
  uint8_t coded[256];
  uint8_t plain[256];

  BrotliEncoderStateStruct* encoder = BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
  if (encoder == nullptr) return "brotli: no encoder";
  bool right = BrotliEncoderSetParameter(encoder, kQuality, 3) == 1 && BrotliEncoderSetParameter(encoder, kWindowBits, 18) == 1 &&
               BrotliEncoderSetParameter(encoder, kBlockBits, 16) == 1;
  size_t in_size = sizeof(kText);
  const uint8_t* in = reinterpret_cast<const uint8_t*>(kText);
  size_t room = sizeof(coded);
  uint8_t* out = coded;
  right = right && BrotliEncoderCompressStream(encoder, kFinish, &in_size, &in, &room, &out, nullptr) == 1 && in_size == 0;
  right = right && BrotliEncoderHasMoreOutput(encoder) == 0;
  BrotliEncoderDestroyInstance(encoder);
  if (!right) return "brotli: a known text could not be compressed";

  BrotliDecoderStateStruct* decoder = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
  if (decoder == nullptr) return "brotli: no decoder";
  size_t coded_size = static_cast<size_t>(out - coded);
  const uint8_t* coded_in = coded;
  size_t plain_room = sizeof(plain);
  uint8_t* plain_out = plain;
  right = BrotliDecoderSetParameter(decoder, kDisableRingBufferReallocation, 1) == 1 &&
          BrotliDecoderDecompressStream(decoder, &coded_size, &coded_in, &plain_room, &plain_out, nullptr) == kSuccess &&
          BrotliDecoderHasMoreOutput(decoder) == 0;
  right = right && static_cast<size_t>(plain_out - plain) == sizeof(kText) && std::memcmp(plain, kText, sizeof(kText)) == 0;
  BrotliDecoderDestroyInstance(decoder);
  return right ? nullptr : "brotli: a known text did not come back";
}

}  // namespace nuncio::node_abi::brotli
