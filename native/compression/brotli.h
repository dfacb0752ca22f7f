// brotli as a content coding; see codec.h.
#pragma once

#include "compression/codec.h"

namespace nuncio::compression {

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeBrotliCompressorFactory(const plan::CompressionLibrary& plan);
base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeBrotliDecompressorFactory(const plan::CompressionLibrary& plan);

}  // namespace nuncio::compression
