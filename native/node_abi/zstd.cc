#include "node_abi/zstd.h"

#include <dlfcn.h>

#include <cstring>

namespace nuncio::node_abi::zstd {
namespace {

template <class Function>
bool find(Function& slot, const char* name) {
  void* found = dlsym(RTLD_DEFAULT, name);
  std::memcpy(&slot, &found, sizeof(slot));
  return found != nullptr;
}

bool findAll(Functions& f) {
  return find(f.createCompressor, "ZSTD_createCCtx") && find(f.freeCompressor, "ZSTD_freeCCtx") &&
         find(f.setParameter, "ZSTD_CCtx_setParameter") && find(f.resetCompressor, "ZSTD_CCtx_reset") &&
         find(f.compress, "ZSTD_compressStream2") && find(f.createCompressorDictionary, "ZSTD_createCDict") &&
         find(f.freeCompressorDictionary, "ZSTD_freeCDict") && find(f.useCompressorDictionary, "ZSTD_CCtx_refCDict") &&
         find(f.createDecompressor, "ZSTD_createDCtx") && find(f.freeDecompressor, "ZSTD_freeDCtx") &&
         find(f.resetDecompressor, "ZSTD_DCtx_reset") && find(f.decompress, "ZSTD_decompressStream") &&
         find(f.createDecompressorDictionary, "ZSTD_createDDict") && find(f.freeDecompressorDictionary, "ZSTD_freeDDict") &&
         find(f.useDecompressorDictionary, "ZSTD_DCtx_refDDict") && find(f.dictionaryId, "ZSTD_getDictID_fromDDict") &&
         find(f.frameDictionaryId, "ZSTD_getDictID_fromFrame") && find(f.isError, "ZSTD_isError") &&
         find(f.errorCode, "ZSTD_getErrorCode");
}

}  // namespace

const Functions* functions() {
  static Functions found = {};
  static const bool there = findAll(found);
  return there ? &found : nullptr;
}

const char* selfTest() {
  const Functions* f = functions();
  if (f == nullptr) return nullptr;
  static constexpr char kText[] = "to be or not to be, that is the question, to be or not to be";
  char coded[256];
  char plain[256];
  void* compressor = f->createCompressor();
  if (compressor == nullptr) return "zstd: no compressor";
  InBuffer in{kText, sizeof(kText), 0};
  OutBuffer out{coded, sizeof(coded), 0};
  bool right = f->isError(f->setParameter(compressor, kCompressionLevel, 3)) == 0 &&
               f->isError(f->setParameter(compressor, kChecksum, 1)) == 0 && f->compress(compressor, &out, &in, kEnd) == 0;
  f->freeCompressor(compressor);
  if (!right) return "zstd: a known text could not be compressed";
  void* decompressor = f->createDecompressor();
  if (decompressor == nullptr) return "zstd: no decompressor";
  InBuffer coded_in{coded, out.position, 0};
  OutBuffer plain_out{plain, sizeof(plain), 0};
  right = f->decompress(decompressor, &plain_out, &coded_in) == 0 && plain_out.position == sizeof(kText) &&
          std::memcmp(plain, kText, sizeof(kText)) == 0;
  // A frame that is broken at its end must be told apart from a good one.
  coded[out.position - 1] = static_cast<char>(coded[out.position - 1] ^ 1);
  f->resetDecompressor(decompressor, kSessionOnly);
  InBuffer broken{coded, out.position, 0};
  OutBuffer again{plain, sizeof(plain), 0};
  right = right && f->errorCode(f->decompress(decompressor, &again, &broken)) == kChecksumWrong;
  f->freeDecompressor(decompressor);
  return right ? nullptr : "zstd: a known text did not come back";
}

}  // namespace nuncio::node_abi::zstd
