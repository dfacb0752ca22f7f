// The treaty: what the TypeScript encoder writes, the C++ readers read; and nothing malformed gets through or hurts.
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "generated/plan.h"
#include "plan/wire_reader.h"
#include "test/native/test.h"

namespace nuncio::plan {
namespace {

// Every prefix and every flipped byte of a good plan decodes or fails, and does nothing else (sanitizers watch).
template <class T>
void expectRobust(std::span<const uint8_t> good) {
  for (size_t size = 0; size < good.size(); ++size) {
    T out;
    static_cast<void>(decode(good.first(size), out));
  }
  std::vector<uint8_t> bad(good.begin(), good.end());
  for (size_t i = 0; i < bad.size(); ++i) {
    for (const uint8_t mask : {0x01, 0x80, 0xff}) {
      bad[i] ^= mask;
      T out;
      static_cast<void>(decode(bad, out));
      bad[i] ^= mask;
    }
  }
}

#include "generated/plan_roundtrip.inc"

bool decodes(std::initializer_list<uint8_t> bytes) {
  const std::vector<uint8_t> copy(bytes);
  TcpProxy out;
  return decode(copy, out);
}

TEST("plan: an empty message has the defaults") {
  HttpConnectionManager out;
  EXPECT(decode({}, out));
  EXPECT(out.codec_type == HttpConnectionManager::CodecType::AUTO);
  EXPECT(!out.common.has_value());
  EXPECT(out.http_filters.empty());
}

TEST("plan: unknown fields of every wire type are skipped") {
  EXPECT(decodes({0xf8, 0x07, 0x01}));                                 // field 127, varint
  EXPECT(decodes({0xfa, 0x07, 0x02, 'a', 'b'}));                       // bytes
  EXPECT(decodes({0xfd, 0x07, 1, 2, 3, 4}));                           // fixed32
  EXPECT(decodes({0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8}));               // fixed64
}

TEST("plan: malformed bytes are refused") {
  EXPECT(!decodes({0x0a}));                                            // a tag alone
  EXPECT(!decodes({0x0a, 0x05, 'a'}));                                 // a length past the end
  EXPECT(!decodes({0x08, 0x01}));                                      // a string field as varint
  EXPECT(!decodes({0x02, 0x00}));                                      // field number 0
  EXPECT(!decodes({0xfb, 0x07}));                                      // a group
  EXPECT(!decodes({0x10, 0xff, 0xff, 0xff, 0xff, 0x1f}));              // 33 bits for a uint32
  EXPECT(!decodes({0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}));  // 65 bits
  EXPECT(!decodes({0x10, 0x80}));                                      // an unfinished varint
}

TEST("plan: an enum value that is not declared is refused") {
  Cluster out;
  EXPECT(decode(std::vector<uint8_t>{0x18, 0x05}, out));
  EXPECT(out.type == Cluster::Type::EXTENSION);
  EXPECT(!decode(std::vector<uint8_t>{0x18, 0x06}, out));
}

TEST("plan: repeated numbers come packed or one by one") {
  Http2Options out;
  EXPECT(decode(std::vector<uint8_t>{0x8a, 0x01, 0x02, 0x07, 0x08, 0x88, 0x01, 0x09}, out));
  REQUIRE(out.custom_setting_ids.size() == 3);
  EXPECT_EQ(out.custom_setting_ids[0], 7u);
  EXPECT_EQ(out.custom_setting_ids[2], 9u);
}

TEST("plan: negative numbers keep their sign") {
  FieldMatcher out;
  std::vector<uint8_t> bytes{0x20};
  bytes.insert(bytes.end(), 9, 0xff);
  bytes.push_back(0x01);
  EXPECT(decode(bytes, out));
  EXPECT_EQ(out.range_start, -1);
}

TEST("plan: nesting is bounded") {
  std::vector<uint8_t> bytes;
  for (uint32_t depth = 0; depth <= WireReader::kMaxDepth; ++depth) {
    JsonFormat out;
    EXPECT_EQ(decode(bytes, out), depth <= WireReader::kMaxDepth);
    std::vector<uint8_t> outer{0x1a};
    for (size_t size = bytes.size(); ; size >>= 7) {
      outer.push_back(static_cast<uint8_t>((size & 0x7f) | (size > 0x7f ? 0x80 : 0)));
      if (size <= 0x7f) break;
    }
    outer.insert(outer.end(), bytes.begin(), bytes.end());
    bytes = outer;
  }
  JsonFormat out;
  EXPECT(!decode(bytes, out));
}

TEST("plan: many empty elements cannot ask for more memory than the bound") {
  WireReader reader({});
  EXPECT(reader.charge(WireReader::kMaxDecoded));
  EXPECT(!reader.charge(1));
  EXPECT(!reader.ok());
}

}  // namespace
}  // namespace nuncio::plan
