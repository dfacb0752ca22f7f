// gzip as a content coding; see codec.h.
#pragma once

#include "compression/codec.h"

namespace nuncio::compression {

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeGzipCompressorFactory(const plan::CompressionLibrary& plan);
base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeGzipDecompressorFactory(const plan::CompressionLibrary& plan);

}  // namespace nuncio::compression
