// The part of Node's own brotli that native/compression uses. The node binary exports it but ships no header; these are the
// functions and numbers of brotli's stable C interface (1.0). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
struct BrotliEncoderStateStruct;
struct BrotliDecoderStateStruct;

BrotliEncoderStateStruct* BrotliEncoderCreateInstance(void* allocate, void* release, void* opaque);
void BrotliEncoderDestroyInstance(BrotliEncoderStateStruct* state);
int BrotliEncoderSetParameter(BrotliEncoderStateStruct* state, int parameter, uint32_t value);
int BrotliEncoderCompressStream(BrotliEncoderStateStruct* state, int operation, size_t* available_in, const uint8_t** next_in,
                                size_t* available_out, uint8_t** next_out, size_t* total_out);
int BrotliEncoderHasMoreOutput(BrotliEncoderStateStruct* state);

BrotliDecoderStateStruct* BrotliDecoderCreateInstance(void* allocate, void* release, void* opaque);
void BrotliDecoderDestroyInstance(BrotliDecoderStateStruct* state);
int BrotliDecoderSetParameter(BrotliDecoderStateStruct* state, int parameter, uint32_t value);
int BrotliDecoderDecompressStream(BrotliDecoderStateStruct* state, size_t* available_in, const uint8_t** next_in,
                                  size_t* available_out, uint8_t** next_out, size_t* total_out);
int BrotliDecoderHasMoreOutput(const BrotliDecoderStateStruct* state);
}

namespace nuncio::node_abi::brotli {

enum Operation : int { kProcess = 0, kFlush = 1, kFinish = 2 };
enum EncoderParameter : int { kMode = 0, kQuality = 1, kWindowBits = 2, kBlockBits = 3, kDisableContextModeling = 4 };
enum DecoderParameter : int { kDisableRingBufferReallocation = 0 };
enum DecoderResult : int { kError = 0, kSuccess = 1, kNeedsMoreInput = 2, kNeedsMoreOutput = 3 };

/** Compresses and decompresses a known text with the functions above; null when all is as expected. */
const char* selfTest();

}  // namespace nuncio::node_abi::brotli
