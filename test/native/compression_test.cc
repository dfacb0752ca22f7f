#include "compression/codec.h"

#include "node_abi/brotli.h"
#include "node_abi/zstd.h"
#include "src/extensions/filters/http/compressor/encoding_choice.h"
#include "test/native/test.h"

namespace nuncio::compression {
namespace {

using Kind = plan::CompressionLibrary::Kind;

plan::CompressionLibrary library(Kind kind) {
  plan::CompressionLibrary plan;
  plan.kind = kind;
  plan.chunk_size = 4096;
  plan.level = kind == Kind::GZIP ? 6 : 3;
  plan.window_bits = kind == Kind::BROTLI ? 18 : 15;
  plan.memory_level = 5;
  plan.input_block_bits = 18;
  plan.max_inflate_ratio = 100;
  return plan;
}

std::string text(size_t size) {
  std::string made;
  for (uint32_t i = 0; made.size() < size; ++i) made += std::to_string(i * 2654435761u);
  return made;
}

void goesThereAndBack(Kind kind) {
  const auto plan = library(kind);
  auto compressors = makeCompressorFactory(plan);
  auto decompressors = makeDecompressorFactory(plan);
  EXPECT(compressors.ok() && decompressors.ok());
  CompressorPool pool(*compressors.value());
  DecompressorPool unpool(*decompressors.value());
  const std::string plain = text(300'000);
  for (int round = 0; round < 3; ++round) {
    auto compressor = pool.take();
    auto decompressor = unpool.take();
    Output coded;
    Output back;
    for (size_t at = 0; at < plain.size(); at += 70'001) {
      compressor->compress(std::string_view(plain).substr(at, 70'001), at + 70'001 >= plain.size(), coded);
      EXPECT(decompressor->decompress(coded.text(), back) == DecompressionFault::kNone);
      coded.clear();
    }
    EXPECT(back.text() == plain);
    pool.give(std::move(compressor));
    unpool.give(std::move(decompressor));
  }
}

TEST("compression: what goes out in pieces comes back, from a codec that was used before too") {
  goesThereAndBack(Kind::GZIP);
  goesThereAndBack(Kind::BROTLI);
  if (node_abi::zstd::functions() != nullptr) goesThereAndBack(Kind::ZSTD);
}

TEST("compression: the running node's libraries are the ones we know") {
  EXPECT(node_abi::brotli::selfTest() == nullptr);
  EXPECT(node_abi::zstd::selfTest() == nullptr);
}

TEST("compression: a bomb stops at its ratio") {
  for (const Kind kind : {Kind::GZIP, Kind::BROTLI}) {
    auto compressor = makeCompressorFactory(library(kind)).value()->make();
    auto decompressor = makeDecompressorFactory(library(kind)).value()->make();
    Output coded;
    Output back;
    compressor->compress(std::string(4 << 20, 'a'), true, coded);
    EXPECT(decompressor->decompress(coded.text(), back) != DecompressionFault::kNone);
    EXPECT(back.size() <= 100 * coded.size() + 2 * 4096);
  }
}

TEST("compression: without zstd in the running node, its library is refused") {
  if (node_abi::zstd::functions() != nullptr) return;
  EXPECT(!makeCompressorFactory(library(Kind::ZSTD)).ok());
  EXPECT(!makeDecompressorFactory(library(Kind::ZSTD)).ok());
}

std::string chosen(std::string_view accept_encoding) {
  ext::compressors::EncodingChooser chooser;
  chooser.offer("br", false);
  chooser.offer("gzip", true);
  chooser.offer("gzip", false);
  return std::string(chooser.choose(accept_encoding).coding);
}

TEST("compressor: the client's q-values, then who goes first") {
  EXPECT_EQ(chosen("br, gzip"), std::string_view("gzip"));
  EXPECT_EQ(chosen("gzip, br"), std::string_view("gzip"));
  EXPECT_EQ(chosen("br;q=0.9, gzip;q=0.8"), std::string_view("br"));
  EXPECT_EQ(chosen("gzip;q=0, *"), std::string_view("br"));
  EXPECT_EQ(chosen("gzip;q=0, br;q=0, *"), std::string_view("identity"));
  EXPECT_EQ(chosen("gzip;q=x"), std::string_view("identity"));
  EXPECT_EQ(chosen("gzip;level=1"), std::string_view("gzip"));
  EXPECT_EQ(chosen("identity, gzip;q=0.5"), std::string_view("identity"));
  EXPECT_EQ(chosen("deflate"), std::string_view("identity"));
  EXPECT_EQ(chosen(""), std::string_view("identity"));
  EXPECT_EQ(chosen(",;,=;q"), std::string_view("identity"));
}

}  // namespace
}  // namespace nuncio::compression
