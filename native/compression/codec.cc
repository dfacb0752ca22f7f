#include "compression/codec.h"

#include "compression/brotli.h"
#include "compression/gzip.h"
#include "compression/zstd.h"

namespace nuncio::compression {
namespace {

constexpr FaultName kGzipFaults[] = {
    {DecompressionFault::kZlibErrno, "zlib_errno"},         {DecompressionFault::kZlibStream, "zlib_stream_error"},
    {DecompressionFault::kZlibData, "zlib_data_error"},     {DecompressionFault::kZlibMemory, "zlib_mem_error"},
    {DecompressionFault::kZlibBuffer, "zlib_buf_error"},    {DecompressionFault::kZlibVersion, "zlib_version_error"},
};
constexpr FaultName kBrotliFaults[] = {
    {DecompressionFault::kBrotli, "brotli_error"},
    {DecompressionFault::kBrotliOverflow, "brotli_output_overflow"},
    {DecompressionFault::kBrotliRedundant, "brotli_redundant_input"},
};
constexpr FaultName kZstdFaults[] = {
    {DecompressionFault::kZstdGeneric, "zstd_generic_error"},
    {DecompressionFault::kZstdDictionary, "zstd_dictionary_error"},
    {DecompressionFault::kZstdChecksum, "zstd_checksum_wrong_error"},
    {DecompressionFault::kZstdMemory, "zstd_memory_error"},
};

}  // namespace

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeCompressorFactory(const plan::CompressionLibrary& plan) {
  switch (plan.kind) {
    case plan::CompressionLibrary::Kind::BROTLI: return makeBrotliCompressorFactory(plan);
    case plan::CompressionLibrary::Kind::ZSTD: return makeZstdCompressorFactory(plan);
    default: return makeGzipCompressorFactory(plan);
  }
}

base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeDecompressorFactory(const plan::CompressionLibrary& plan) {
  switch (plan.kind) {
    case plan::CompressionLibrary::Kind::BROTLI: return makeBrotliDecompressorFactory(plan);
    case plan::CompressionLibrary::Kind::ZSTD: return makeZstdDecompressorFactory(plan);
    default: return makeGzipDecompressorFactory(plan);
  }
}

std::string_view contentCoding(const plan::CompressionLibrary& plan) {
  switch (plan.kind) {
    case plan::CompressionLibrary::Kind::BROTLI: return "br";
    case plan::CompressionLibrary::Kind::ZSTD: return "zstd";
    default: return "gzip";
  }
}

std::string_view statName(const plan::CompressionLibrary& plan) {
  return plan.kind == plan::CompressionLibrary::Kind::BROTLI ? "brotli" : contentCoding(plan);
}

std::span<const FaultName> faultNames(const plan::CompressionLibrary& plan) {
  switch (plan.kind) {
    case plan::CompressionLibrary::Kind::BROTLI: return kBrotliFaults;
    case plan::CompressionLibrary::Kind::ZSTD: return kZstdFaults;
    default: return kGzipFaults;
  }
}

}  // namespace nuncio::compression
