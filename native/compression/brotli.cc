#include "compression/brotli.h"

#include "node_abi/brotli.h"

namespace nuncio::compression {
namespace {

namespace br = node_abi::brotli;

constexpr uint64_t kMostInflated = 100;  // times the piece that came in; Envoy's

const uint8_t* bytesOf(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

class BrotliCompressor final : public Compressor {
 public:
  explicit BrotliCompressor(const plan::CompressionLibrary& plan)
      : chunk_size_(plan.chunk_size), state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) return;
    made_ = set(br::kQuality, static_cast<uint32_t>(plan.level)) && set(br::kWindowBits, plan.window_bits) &&
            set(br::kBlockBits, plan.input_block_bits) &&
            set(br::kDisableContextModeling, plan.disable_literal_context_modeling ? 1 : 0) && set(br::kMode, plan.strategy);
  }
  ~BrotliCompressor() override {
    if (state_ != nullptr) BrotliEncoderDestroyInstance(state_);
  }
  bool made() const { return made_; }

  void compress(std::string_view piece, bool finish, Output& out) override {
    const uint8_t* in = bytesOf(piece);
    size_t in_size = piece.size();
    do {
      if (!step(br::kProcess, in, in_size, out)) return;
    } while (in_size != 0);
    do {
      if (!step(finish ? br::kFinish : br::kFlush, in, in_size, out)) return;
    } while (BrotliEncoderHasMoreOutput(state_) != 0);
  }
  bool reset() override { return false; }

 private:
  bool set(br::EncoderParameter parameter, uint32_t value) { return BrotliEncoderSetParameter(state_, parameter, value) != 0; }
  bool step(br::Operation operation, const uint8_t*& in, size_t& in_size, Output& out) {
    uint8_t* next = out.room(chunk_size_);
    size_t room = chunk_size_;
    const bool done = BrotliEncoderCompressStream(state_, operation, &in_size, &in, &room, &next, nullptr) != 0;
    out.use(chunk_size_ - room);
    return done;
  }

  const size_t chunk_size_;
  BrotliEncoderStateStruct* const state_;
  bool made_ = false;
};

class BrotliDecompressor final : public Decompressor {
 public:
  explicit BrotliDecompressor(const plan::CompressionLibrary& plan)
      : chunk_size_(plan.chunk_size), state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) return;
    made_ = BrotliDecoderSetParameter(state_, br::kDisableRingBufferReallocation, plan.disable_ring_buffer_reallocation ? 1 : 0) != 0;
  }
  ~BrotliDecompressor() override {
    if (state_ != nullptr) BrotliDecoderDestroyInstance(state_);
  }
  bool made() const { return made_; }

  DecompressionFault decompress(std::string_view piece, Output& out) override {
    const uint64_t limit = kMostInflated * piece.size();
    size_t full = 0;
    const uint8_t* in = bytesOf(piece);
    size_t in_size = piece.size();
    do {
      uint8_t* next = out.room(chunk_size_);
      size_t room = chunk_size_;
      const int result = BrotliDecoderDecompressStream(state_, &in_size, &in, &room, &next, nullptr);
      out.use(chunk_size_ - room);
      if (result == br::kError) return DecompressionFault::kBrotli;
      if (result == br::kSuccess && in_size != 0) return DecompressionFault::kBrotliRedundant;
      if (full > limit) return DecompressionFault::kBrotliOverflow;
      if (room == 0) full += chunk_size_;
    } while (in_size != 0 || BrotliDecoderHasMoreOutput(state_) != 0);
    return DecompressionFault::kNone;
  }
  bool reset() override { return false; }

 private:
  const size_t chunk_size_;
  BrotliDecoderStateStruct* const state_;
  bool made_ = false;
};

class BrotliCompressorFactory final : public CompressorFactory {
 public:
  explicit BrotliCompressorFactory(const plan::CompressionLibrary& plan) : plan_(plan) {}
  std::unique_ptr<Compressor> make() const override {
    auto made = std::make_unique<BrotliCompressor>(plan_);
    return made->made() ? std::move(made) : nullptr;
  }

 private:
  const plan::CompressionLibrary plan_;
};

class BrotliDecompressorFactory final : public DecompressorFactory {
 public:
  explicit BrotliDecompressorFactory(const plan::CompressionLibrary& plan) : plan_(plan) {}
  std::unique_ptr<Decompressor> make() const override {
    auto made = std::make_unique<BrotliDecompressor>(plan_);
    return made->made() ? std::move(made) : nullptr;
  }

 private:
  const plan::CompressionLibrary plan_;
};

}  // namespace

base::Result<std::unique_ptr<const CompressorFactory>, std::string> makeBrotliCompressorFactory(const plan::CompressionLibrary& plan) {
  std::unique_ptr<const CompressorFactory> made = std::make_unique<BrotliCompressorFactory>(plan);
  if (made->make() == nullptr) return std::string("brotli refuses these options");
  return made;
}

base::Result<std::unique_ptr<const DecompressorFactory>, std::string> makeBrotliDecompressorFactory(
    const plan::CompressionLibrary& plan) {
  std::unique_ptr<const DecompressorFactory> made = std::make_unique<BrotliDecompressorFactory>(plan);
  if (made->make() == nullptr) return std::string("brotli refuses these options");
  return made;
}

}  // namespace nuncio::compression
