#include "compression/zstd.h"

#include <unordered_map>

#include "node_abi/zstd.h"

namespace nuncio::compression {
namespace {

namespace zs = node_abi::zstd;

constexpr uint64_t kMostZstdInflated = 100;  // times the piece that came in; Envoy's

constexpr char kNoZstd[] = "the running Node carries no zstd";

/** The library's functions, once it is known to be there. */
const zs::Functions& library() { return *zs::functions(); }

class ZstdCompressor final : public Compressor {
 public:
  ZstdCompressor(const plan::CompressionLibrary& plan, const void* dictionary)
      : chunk_size_(plan.chunk_size), context_(library().createCompressor()) {
    if (context_ == nullptr) return;
    made_ = set(zs::kChecksum, plan.checksum ? 1 : 0) && set(zs::kStrategy, static_cast<int>(plan.strategy));
    made_ = made_ && (dictionary != nullptr ? library().isError(library().useCompressorDictionary(context_, dictionary)) == 0
                                            : set(zs::kCompressionLevel, plan.level));
  }
  ~ZstdCompressor() override {
    if (context_ != nullptr) library().freeCompressor(context_);
  }
  bool made() const { return made_; }

  void compress(std::string_view piece, bool finish, Output& out) override {
    zs::InBuffer in{piece.data(), piece.size(), 0};
    while (in.position < in.size) {
      if (library().isError(step(in, zs::kContinue, out)) != 0) return;
    }
    if (!finish) return;
    size_t left;
    do {
      left = step(in, zs::kEnd, out);
    } while (left != 0 && library().isError(left) == 0);
  }
  bool reset() override { return library().isError(library().resetCompressor(context_, zs::kSessionOnly)) == 0; }

 private:
  bool set(zs::Parameter parameter, int value) { return library().isError(library().setParameter(context_, parameter, value)) == 0; }
  size_t step(zs::InBuffer& in, zs::EndDirective directive, Output& out) {
    zs::OutBuffer buffer{out.room(chunk_size_), chunk_size_, 0};
    const size_t result = library().compress(context_, &buffer, &in, directive);
    out.use(buffer.position);
    return result;
  }

  const size_t chunk_size_;
  void* const context_;
  bool made_ = false;
};

using Dictionaries = std::unordered_map<unsigned, void*>;

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor(const plan::CompressionLibrary& plan, const Dictionaries& dictionaries)
      : chunk_size_(plan.chunk_size), dictionaries_(dictionaries), context_(library().createDecompressor()) {}
  ~ZstdDecompressor() override {
    if (context_ != nullptr) library().freeDecompressor(context_);
  }
  bool made() const { return context_ != nullptr; }

  DecompressionFault decompress(std::string_view piece, Output& out) override {
    if (piece.empty()) return DecompressionFault::kNone;
    if (!dictionaries_.empty() && !begun_) {
      begun_ = true;
      const unsigned id = library().frameDictionaryId(piece.data(), piece.size());
      const auto found = dictionaries_.find(id);
      if (id != 0 && found == dictionaries_.end()) return DecompressionFault::kZstdDictionary;
      if (id != 0) library().useDecompressorDictionary(context_, found->second);
    }
    const uint64_t limit = kMostZstdInflated * piece.size();
    const size_t before = out.size();
    zs::InBuffer in{piece.data(), piece.size(), 0};
    for (;;) {
      zs::OutBuffer buffer{out.room(chunk_size_), chunk_size_, 0};
      const size_t result = library().decompress(context_, &buffer, &in);
      out.use(buffer.position);
      if (library().isError(result) != 0) return faultOf(library().errorCode(result));
      if (out.size() - before > limit) return DecompressionFault::kZstdGeneric;
      if (in.position == in.size && buffer.position < buffer.size) return DecompressionFault::kNone;
    }
  }
  bool reset() override {
    begun_ = false;
    return dictionaries_.empty() && library().isError(library().resetDecompressor(context_, zs::kSessionOnly)) == 0;
  }

 private:
  static DecompressionFault faultOf(int code) {
    switch (code) {
      case zs::kMemoryAllocation: return DecompressionFault::kZstdMemory;
      case zs::kDictionaryCorrupted:
      case zs::kDictionaryWrong: return DecompressionFault::kZstdDictionary;
      case zs::kChecksumWrong: return DecompressionFault::kZstdChecksum;
      default: return DecompressionFault::kZstdGeneric;
    }
  }

  const size_t chunk_size_;
  const Dictionaries& dictionaries_;
  void* const context_;
  bool begun_ = false;
};

class ZstdCompressorFactory final : public CompressorFactory {
 public:
  explicit ZstdCompressorFactory(const plan::CompressionLibrary& plan) : plan_(plan) {
    for (const std::string& bytes : plan_.dictionaries) {
      dictionary_ = library().createCompressorDictionary(bytes.data(), bytes.size(), plan_.level);
    }
  }
  ~ZstdCompressorFactory() override {
    if (dictionary_ != nullptr) library().freeCompressorDictionary(dictionary_);
  }
  std::unique_ptr<Compressor> make() const override {
    auto made = std::make_unique<ZstdCompressor>(plan_, dictionary_);
    return made->made() ? std::move(made) : nullptr;
  }
  bool complete() const { return plan_.dictionaries.empty() || dictionary_ != nullptr; }

 private:
  const plan::CompressionLibrary plan_;
  void* dictionary_ = nullptr;
};

class ZstdDecompressorFactory final : public DecompressorFactory {
 public:
  explicit ZstdDecompressorFactory(const plan::CompressionLibrary& plan) : plan_(plan) {
    for (const std::string& bytes : plan_.dictionaries) {
      void* made = library().createDecompressorDictionary(bytes.data(), bytes.size());
      if (made == nullptr) {
        complete_ = false;
        continue;
      }
      void*& kept = dictionaries_[library().dictionaryId(made)];
      if (kept != nullptr) library().freeDecompressorDictionary(kept);
      kept = made;
    }
  }
  ~ZstdDecompressorFactory() override {
    for (const auto& [id, made] : dictionaries_) library().freeDecompressorDictionary(made);
  }
  std::unique_ptr<Decompressor> make() const override {
    auto made = std::make_unique<ZstdDecompressor>(plan_, dictionaries_);
    return made->made() ? std::move(made) : nullptr;
  }
  bool complete() const { return complete_; }

 private:
  const plan::CompressionLibrary plan_;
  Dictionaries dictionaries_;
  bool complete_ = true;
};

}  // namespace

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeZstdCompressorFactory(const plan::CompressionLibrary& plan) {
  if (zs::functions() == nullptr) return std::string(kNoZstd);
  auto made = std::make_unique<ZstdCompressorFactory>(plan);
  if (!made->complete()) return std::string("zstd refuses the dictionary");
  if (made->make() == nullptr) return std::string("zstd refuses these options");
  return std::unique_ptr<const CompressorFactory>(std::move(made));
}

base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeZstdDecompressorFactory(
    const plan::CompressionLibrary& plan) {
  if (zs::functions() == nullptr) return std::string(kNoZstd);
  auto made = std::make_unique<ZstdDecompressorFactory>(plan);
  if (!made->complete()) return std::string("zstd refuses a dictionary");
  if (made->make() == nullptr) return std::string("zstd refuses these options");
  return std::unique_ptr<const DecompressorFactory>(std::move(made));
}

}  // namespace nuncio::compression
