// Compressors and decompressors: one content coding (gzip, brotli, zstd) of one body, piece by piece. A CodecFactory is made
// from a plan and shared by all workers; what it makes belongs to one stream, on its worker thread. The libraries are the
// ones that the running Node carries.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/plan_types.h"

namespace nuncio::compression {

/** Where a codec writes to: grows by chunks, keeps its memory from piece to piece. */
class Output {
 public:
  /** `size` bytes to write to behind what is there; `use` says how many of them count. */
  uint8_t* room(size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return bytes_.get() + size_;
  }
  void use(size_t size) { size_ += size; }
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(room(text.size()), text.data(), text.size());
    use(text.size());
  }
  size_t size() const { return size_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }
  /** Forgets everything; memory beyond what is usual goes back. */
  void clear() {
    size_ = 0;
    if (capacity_ <= kUsual) return;
    bytes_.reset();
    capacity_ = 0;
  }

 private:
  static constexpr size_t kUsual = 256 * 1024;
  void grow(size_t size) {
    const size_t capacity = std::max(capacity_ * 2, size_ + size);
    auto bytes = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

class Compressor {
 public:
  virtual ~Compressor() = default;
  /** Everything that went in can be read by the peer after each piece, except with zstd, which decides by itself. */
  virtual void compress(std::string_view piece, bool finish, Output& out) = 0;
  /** Ready for another body; false: throw it away. */
  virtual bool reset() = 0;
};

/** What Envoy counts when a body cannot be decompressed. The order is that of decompressionFaultNames. */
enum class DecompressionFault : uint8_t {
  kNone,
  kZlibErrno,
  kZlibStream,
  kZlibData,
  kZlibMemory,
  kZlibBuffer,
  kZlibVersion,
  kBrotli,
  kBrotliOverflow,
  kBrotliRedundant,
  kZstdGeneric,
  kZstdDictionary,
  kZstdChecksum,
  kZstdMemory,
};

class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /** What could be read goes to `out`, also when there is a fault: the rest of the piece is dropped then. */
  virtual DecompressionFault decompress(std::string_view piece, Output& out) = 0;
  virtual bool reset() = 0;
};

class CompressorFactory {
 public:
  virtual ~CompressorFactory() = default;
  /** Null: no memory. */
  virtual std::unique_ptr<Compressor> make() const = 0;
};

class DecompressorFactory {
 public:
  virtual ~DecompressorFactory() = default;
  virtual std::unique_ptr<Decompressor> make() const = 0;
};

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeCompressorFactory(const plan::CompressionLibrary& plan);
base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeDecompressorFactory(const plan::CompressionLibrary& plan);

/** "gzip", "br", "zstd". */
std::string_view contentCoding(const plan::CompressionLibrary& plan);
/** What Envoy names the library in statistics: "gzip", "brotli", "zstd". */
std::string_view statName(const plan::CompressionLibrary& plan);
/** The names of the counters of a library's faults, each with the fault it counts. */
struct FaultName {
  DecompressionFault fault;
  std::string_view name;
};
std::span<const FaultName> faultNames(const plan::CompressionLibrary& plan);

/** Made codecs of one factory that nobody uses at the moment: most of the cost of a small body is to make one. */
template <class Codec, class Factory>
class CodecPool {
 public:
  explicit CodecPool(const Factory& factory) : factory_(factory) {}
  CodecPool(const CodecPool&) = delete;
  CodecPool& operator=(const CodecPool&) = delete;

  std::unique_ptr<Codec> take() {
    if (idle_.empty()) return factory_.make();
    auto codec = std::move(idle_.back());
    idle_.pop_back();
    return codec;
  }
  void give(std::unique_ptr<Codec> codec) {
    if (codec != nullptr && idle_.size() < kMost && codec->reset()) idle_.push_back(std::move(codec));
  }

 private:
  static constexpr size_t kMost = 8;
  const Factory& factory_;
  std::vector<std::unique_ptr<Codec>> idle_;
};
using CompressorPool = CodecPool<Compressor, CompressorFactory>;
using DecompressorPool = CodecPool<Decompressor, DecompressorFactory>;

}  // namespace nuncio::compression
