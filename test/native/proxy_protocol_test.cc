#include "net/proxy_protocol.h"

#include <string>

#include "test/native/test.h"

namespace nuncio::net {
namespace {

Address addressOf(std::string_view ip, uint16_t port) {
  Address out;
  EXPECT(Address::parseIp(ip, port, out));
  return out;
}

TEST("PROXY protocol: version 1 as written") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  EXPECT_EQ(writeProxyV1(addressOf("1.2.3.4", 1), addressOf("5.6.7.8", 65535), arena), "PROXY TCP4 1.2.3.4 5.6.7.8 1 65535\r\n");
  EXPECT_EQ(writeProxyV1(addressOf("fe80::1", 1), addressOf("::1", 2), arena), "PROXY TCP6 fe80::1 ::1 1 2\r\n");
  EXPECT_EQ(writeProxyV1(addressOf("1.2.3.4", 1), addressOf("::1", 2), arena), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(writeProxyV1(Address::unixPath("/a"), Address::unixPath("/b"), arena), "PROXY UNKNOWN\r\n");
}

TEST("PROXY protocol: version 2 as written; TLVs that do not fit are left out") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  const std::string big(65'000, 'x');
  const ProxyTlv tlvs[] = {{1, "ab"}, {2, big}, {3, big}};
  size_t dropped = 0;
  const std::string_view whole = writeProxyV2(addressOf("1.2.3.4", 258), addressOf("5.6.7.8", 772), tlvs, arena, dropped);
  EXPECT_EQ(dropped, 1u);
  constexpr std::string_view kBegin("\r\n\r\n\0\r\nQUIT\n\x21\x11\xfe\x02\1\2\3\4\5\6\7\x08\1\2\3\4\1\0\2ab", 33);
  EXPECT_EQ(whole.substr(0, 14), kBegin.substr(0, 14));
  EXPECT_EQ(whole.substr(16, 17), kBegin.substr(16));
  EXPECT_EQ(whole.size(), 16u + 12 + 5 + 3 + 65'000);
  const std::string_view local = writeProxyV2(Address::unixPath("/a"), Address::unixPath("/b"), {}, arena, dropped);
  EXPECT_EQ(local, std::string_view("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
}

TEST("PROXY protocol: every prefix of a header wants more, and none is taken for another protocol") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  size_t dropped = 0;
  const ProxyTlv tlvs[] = {{0xea, "value"}};
  for (const std::string_view whole : {writeProxyV1(addressOf("1.2.3.4", 1), addressOf("5.6.7.8", 2), arena),
                                       writeProxyV2(addressOf("::1", 1), addressOf("::2", 2), tlvs, arena, dropped)}) {
    ProxyHeader header;
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(parseProxyHeader(whole.substr(0, size), arena, header).status, ProxyParse::kNeedMore);
    }
    EXPECT_EQ(parseProxyHeader(whole, arena, header).status, ProxyParse::kDone);
  }
}

}  // namespace
}  // namespace nuncio::net
