// The part of Node's own zstd that native/compression uses. Node carries zstd since 22.15 and ships no header: the functions
// are looked up when the addon is loaded, and the ones missing make the whole library absent. Numbers and signatures are those
// of zstd's stable C interface (1.4 and later). Immutable after load, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nuncio::node_abi::zstd {

struct InBuffer {
  const void* source;
  size_t size;
  size_t position;
};
struct OutBuffer {
  void* target;
  size_t size;
  size_t position;
};
enum EndDirective : int { kContinue = 0, kFlush = 1, kEnd = 2 };
enum Parameter : int { kCompressionLevel = 100, kStrategy = 107, kChecksum = 201 };
enum Reset : int { kSessionOnly = 1 };
enum Error : int { kChecksumWrong = 22, kDictionaryCorrupted = 30, kDictionaryWrong = 32, kMemoryAllocation = 64 };

struct Functions {
  void* (*createCompressor)();
  size_t (*freeCompressor)(void*);
  size_t (*setParameter)(void*, int, int);
  size_t (*resetCompressor)(void*, int);
  size_t (*compress)(void*, OutBuffer*, InBuffer*, int);
  void* (*createCompressorDictionary)(const void*, size_t, int);
  size_t (*freeCompressorDictionary)(void*);
  size_t (*useCompressorDictionary)(void*, const void*);

  void* (*createDecompressor)();
  size_t (*freeDecompressor)(void*);
  size_t (*resetDecompressor)(void*, int);
  size_t (*decompress)(void*, OutBuffer*, InBuffer*);
  void* (*createDecompressorDictionary)(const void*, size_t);
  size_t (*freeDecompressorDictionary)(void*);
  size_t (*useDecompressorDictionary)(void*, const void*);
  unsigned (*dictionaryId)(const void*);
  unsigned (*frameDictionaryId)(const void*, size_t);

  unsigned (*isError)(size_t);
  int (*errorCode)(size_t);
};

/** Null: the running Node has no zstd. */
const Functions* functions();

/** Compresses and decompresses a known text; null when all is as expected, or there is no zstd. */
const char* selfTest();

}  // namespace nuncio::node_abi::zstd
