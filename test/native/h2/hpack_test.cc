// HPACK on its own: the examples of RFC 7541, and what the encoder makes of heads that come again.
#include <string>
#include <vector>

#include "base/random.h"
#include "http/h2/hpack_decoder.h"
#include "http/h2/hpack_encoder.h"
#include "http/h2/huffman.h"
#include "test/native/test.h"

namespace nuncio::test::h2 {
namespace {

using namespace http::h2;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Sink final : FieldSink {
  void onField(const Field& field) override { all.emplace_back(field.name, field.value); }
  Fields all;
};

std::string fromHex(std::string_view hex) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return out;
}

std::string encode(HpackEncoder& encoder, const Fields& fields) {
  size_t room = HpackEncoder::kBeginRoom;
  for (const auto& [name, value] : fields) room += HpackEncoder::fieldRoom(name.size(), value.size());
  std::string out(room, '\0');
  char* end = encoder.begin(out.data());
  for (const auto& [name, value] : fields) end = encoder.field(end, http::headerId(name), name, value);
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

/** What a decoder gives for a block; one field "error" when it refuses it. */
Fields decode(HpackDecoder& decoder, std::string_view block) {
  Sink sink;
  const std::vector<char> exact(block.begin(), block.end());
  if (!decoder.decode({exact.data(), exact.size()}, sink)) return {{"error", ""}};
  return sink.all;
}

// RFC 7541 appendix C.4 (requests with Huffman code) and C.6 (responses, whose table of 256 bytes evicts).
TEST("hpack: the RFC's requests") {
  DecodeScratch scratch;
  HpackDecoder decoder(4096, scratch);
  const Fields first = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}};
  EXPECT(decode(decoder, fromHex("828684418cf1e3c2e5f23a6ba0ab90f4ff")) == first);
  Fields second = first;
  second.emplace_back("cache-control", "no-cache");
  EXPECT(decode(decoder, fromHex("828684be5886a8eb10649cbf")) == second);
  const Fields third = {
      {":method", "GET"}, {":scheme", "https"}, {":path", "/index.html"}, {":authority", "www.example.com"}, {"custom-key", "custom-value"}};
  EXPECT(decode(decoder, fromHex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")) == third);
}

TEST("hpack: the RFC's responses, in a table of 256 bytes") {
  DecodeScratch scratch;
  HpackDecoder decoder(4096, scratch);
  const std::string resize = fromHex("3fe101");
  const Fields first = {{":status", "302"}, {"cache-control", "private"}, {"date", "Mon, 21 Oct 2013 20:13:21 GMT"}, {"location", "https://www.example.com"}};
  EXPECT(decode(decoder, resize + fromHex("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3")) ==
         first);
  Fields second = first;
  second[0].second = "307";
  EXPECT(decode(decoder, fromHex("4883640effc1c0bf")) == second);
  EXPECT(decode(decoder, fromHex("be"))[0].second == "307");
  EXPECT(decode(decoder, fromHex("c2"))[0].first == "error");    // evicted
}

TEST("hpack: a head that comes again is a number for each field") {
  HpackEncoder encoder(4096, true);
  DecodeScratch scratch;
  HpackDecoder decoder(4096, scratch);
  const Fields head = {{":method", "GET"}, {":path", "/a/b/c"}, {"user-agent", "a browser"}, {"x-own", "value"}};
  EXPECT(decode(decoder, encode(encoder, head)) == head);
  EXPECT(decode(decoder, encode(encoder, head)) == head);
  const std::string third = encode(encoder, head);
  EXPECT_EQ(third.size(), head.size());
  EXPECT(decode(decoder, third) == head);
}

TEST("hpack: values that always change push nothing out of the table") {
  HpackEncoder encoder(4096, true);
  DecodeScratch scratch;
  HpackDecoder decoder(4096, scratch);
  size_t size = 0;
  for (int i = 0; i < 1000; ++i) {
    const Fields head = {{":path", "/same"}, {"x-request-id", "0123456789-" + std::to_string(i * 7919)}};
    const std::string block = encode(encoder, head);
    EXPECT(decode(decoder, block) == head);
    size = block.size();
  }
  EXPECT(size < 25);    // the path and the name of the id are numbers
}

TEST("hpack: secrets stay out of the table") {
  HpackEncoder encoder(4096, true);
  const Fields head = {{"authorization", "Bearer abc"}};
  encode(encoder, head);
  encode(encoder, head);
  const std::string block = encode(encoder, head);
  EXPECT_EQ(static_cast<int>(block[0] & 0xf0), 0x10);    // never indexed
  EXPECT(block.size() > 10);
}

TEST("hpack: the peer's table size is kept to, and changes are said") {
  HpackEncoder encoder(4096, true);
  DecodeScratch scratch;
  HpackDecoder decoder(4096, scratch);
  const Fields head = {{"a", "b"}, {"c", "d"}};
  for (int i = 0; i < 3; ++i) EXPECT(decode(decoder, encode(encoder, head)) == head);
  encoder.setPeerLimit(0);
  encoder.setPeerLimit(1000);
  const std::string block = encode(encoder, head);
  EXPECT_EQ(static_cast<int>(static_cast<unsigned char>(block[0])), 0x20);    // first the smallest, then the new one
  EXPECT(decode(decoder, block) == head);
  encoder.setPeerLimit(0);
  for (int i = 0; i < 3; ++i) EXPECT(decode(decoder, encode(encoder, head)) == head);
  EXPECT(encode(encoder, head).size() > head.size());    // nothing is remembered
}

TEST("hpack: Huffman code there and back") {
  base::Random random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint64_t left = random.below(50); left != 0; --left) {
      text += static_cast<char>(round % 3 == 0 ? random.below(256) : round % 3 == 1 ? 32 + random.below(95) : 'a' + random.below(6));
    }
    std::string coded(huffmanSize(text), '\0');
    std::vector<char> room(huffmanRoom(coded.size()));
    char* const end = huffmanEncode(text, coded.data());
    EXPECT_EQ(static_cast<size_t>(end - coded.data()), coded.size());
    const char* const stop = huffmanDecode(coded, room.data());
    EXPECT(stop != nullptr && std::string_view(room.data(), static_cast<size_t>(stop - room.data())) == text);
  }
}

}  // namespace
}  // namespace nuncio::test::h2
