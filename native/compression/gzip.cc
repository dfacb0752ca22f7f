#include "compression/gzip.h"

#include <zlib.h>

namespace nuncio::compression {
namespace {

constexpr int kGzipFraming = 16;  // added to window bits: a gzip header and trailer instead of zlib's

class GzipCompressor final : public Compressor {
 public:
  explicit GzipCompressor(const plan::CompressionLibrary& plan) : chunk_size_(plan.chunk_size) {
    made_ = deflateInit2(&stream_, plan.level, Z_DEFLATED, static_cast<int>(plan.window_bits) | kGzipFraming,
                         static_cast<int>(plan.memory_level), static_cast<int>(plan.strategy)) == Z_OK;
  }
  ~GzipCompressor() override {
    if (made_) deflateEnd(&stream_);
  }
  bool made() const { return made_; }

  void compress(std::string_view piece, bool finish, Output& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    do {
      stream_.next_out = out.room(chunk_size_);
      stream_.avail_out = chunk_size_;
      const int result = deflate(&stream_, finish ? Z_FINISH : Z_SYNC_FLUSH);
      out.use(chunk_size_ - stream_.avail_out);
      if (result != Z_OK) return;  // the end, or nothing to flush
    } while (stream_.avail_out == 0);
  }
  bool reset() override { return deflateReset(&stream_) == Z_OK; }

 private:
  const uint32_t chunk_size_;
  z_stream stream_ = {};
  bool made_ = false;
};

class GzipDecompressor final : public Decompressor {
 public:
  explicit GzipDecompressor(const plan::CompressionLibrary& plan)
      : chunk_size_(plan.chunk_size), max_inflate_ratio_(plan.max_inflate_ratio) {
    made_ = inflateInit2(&stream_, static_cast<int>(plan.window_bits) | kGzipFraming) == Z_OK;
  }
  ~GzipDecompressor() override {
    if (made_) inflateEnd(&stream_);
  }
  bool made() const { return made_; }

  DecompressionFault decompress(std::string_view piece, Output& out) override {
    if (piece.empty()) return DecompressionFault::kNone;
    const uint64_t limit = static_cast<uint64_t>(max_inflate_ratio_) * piece.size();
    const size_t before = out.size();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    for (;;) {
      stream_.next_out = out.room(chunk_size_);
      stream_.avail_out = chunk_size_;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      out.use(chunk_size_ - stream_.avail_out);
      if (result == Z_STREAM_END || (result == Z_BUF_ERROR && stream_.avail_in == 0)) return DecompressionFault::kNone;
      if (result < 0) return faultOf(result);
      if (stream_.avail_out == 0 && out.size() - before > limit) return DecompressionFault::kZlibData;
    }
  }
  bool reset() override { return inflateReset(&stream_) == Z_OK; }

 private:
  static DecompressionFault faultOf(int result) {
    switch (result) {
      case Z_ERRNO: return DecompressionFault::kZlibErrno;
      case Z_STREAM_ERROR: return DecompressionFault::kZlibStream;
      case Z_MEM_ERROR: return DecompressionFault::kZlibMemory;
      case Z_BUF_ERROR: return DecompressionFault::kZlibBuffer;
      case Z_VERSION_ERROR: return DecompressionFault::kZlibVersion;
      default: return DecompressionFault::kZlibData;
    }
  }

  const uint32_t chunk_size_;
  const uint32_t max_inflate_ratio_;
  z_stream stream_ = {};
  bool made_ = false;
};

class GzipCompressorFactory final : public CompressorFactory {
 public:
  explicit GzipCompressorFactory(const plan::CompressionLibrary& plan) : plan_(plan) {}
  std::unique_ptr<Compressor> make() const override {
    auto made = std::make_unique<GzipCompressor>(plan_);
    return made->made() ? std::move(made) : nullptr;
  }

 private:
  const plan::CompressionLibrary plan_;
};

class GzipDecompressorFactory final : public DecompressorFactory {
 public:
  explicit GzipDecompressorFactory(const plan::CompressionLibrary& plan) : plan_(plan) {}
  std::unique_ptr<Decompressor> make() const override {
    auto made = std::make_unique<GzipDecompressor>(plan_);
    return made->made() ? std::move(made) : nullptr;
  }

 private:
  const plan::CompressionLibrary plan_;
};

}  // namespace

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeGzipCompressorFactory(const plan::CompressionLibrary& plan) {
  std::unique_ptr<const CompressorFactory> made = std::make_unique<GzipCompressorFactory>(plan);
  if (made->make() == nullptr) return std::string("zlib refuses these options");
  return made;
}

base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeGzipDecompressorFactory(
    const plan::CompressionLibrary& plan) {
  std::unique_ptr<const DecompressorFactory> made = std::make_unique<GzipDecompressorFactory>(plan);
  if (made->make() == nullptr) return std::string("zlib refuses these options");
  return made;
}

}  // namespace nuncio::compression
