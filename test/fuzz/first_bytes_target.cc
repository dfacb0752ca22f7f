// What listener filters read first: PROXY headers, TLS ClientHellos, first lines of HTTP. Whatever comes in: nothing is
// read beyond it, a prefix never says more than the whole, and a header that was written is read back as it was.
#include <algorithm>
#include <cstring>
#include <memory>

#include "base/arena.h"
#include "base/check.h"
#include "net/proxy_protocol.h"
#include "src/extensions/filters/listener/http_inspector/first_line.h"
#include "src/extensions/filters/listener/proxy_protocol/tlv_text.h"
#include "src/extensions/filters/listener/tls_inspector/client_hello.h"
#include "src/extensions/filters/listener/tls_inspector/fingerprint.h"
#include "test/fuzz/target.h"

namespace nuncio::fuzz {
namespace {

using namespace std::string_view_literals;
using ext::listener::ClientHello;
using ext::listener::HelloParse;
using net::ProxyParse;

/** A copy with nothing behind it, so that a sanitizer sees each byte too many. */
class Exact {
 public:
  explicit Exact(std::string_view bytes) : size_(bytes.size()) {
    exact_.reset(new char[size_ == 0 ? 1 : size_]);
    if (size_ != 0) std::memcpy(exact_.get(), bytes.data(), size_);
  }
  std::string_view view() const { return {exact_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> exact_;
};

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void checkWritten(const net::ProxyHeader& header, base::Arena& arena) {
  if (header.local) return;
  size_t dropped = 0;
  const std::string_view second = net::writeProxyV2(header.source, header.destination, header.tlvs, arena, dropped);
  net::ProxyHeader again;
  const net::ProxyParseResult result = net::parseProxyHeader(second, arena, again);
  CHECK(result.status == ProxyParse::kDone && result.size == second.size() && dropped == 0);
  CHECK(again.source == header.source && again.destination == header.destination);
  CHECK(again.tlvs.size() == header.tlvs.size());
  for (size_t i = 0; i < again.tlvs.size(); ++i) {
    CHECK(again.tlvs[i].type == header.tlvs[i].type && again.tlvs[i].value == header.tlvs[i].value);
  }
  const std::string_view first = net::writeProxyV1(header.source, header.destination, arena);
  CHECK(first.size() <= net::kMaxProxyV1);
  const net::ProxyParseResult of_first = net::parseProxyHeader(first, arena, again);
  CHECK(of_first.status == ProxyParse::kDone && of_first.size == first.size());
  CHECK(again.source == header.source && again.destination == header.destination);
}

void runProxy(std::string_view input) {
  const Exact copy(input);
  const std::string_view bytes = copy.view();
  base::ChunkPool pool;
  base::Arena arena(pool);
  net::ProxyHeader header;
  const net::ProxyParseResult result = net::parseProxyHeader(bytes, arena, header);
  CHECK(result.version <= 2);
  if (result.status == ProxyParse::kDone) {
    CHECK(result.size <= bytes.size() && header.version == result.version);
    for (const net::ProxyTlv& tlv : header.tlvs) {
      CHECK(inside(tlv.value, bytes));
      base::TextBuffer text;
      ext::listener::appendSanitized(tlv.value, text);
      CHECK(text.size() == tlv.value.size());
      ext::listener::appendBase64(tlv.value, text);
    }
    checkWritten(header, arena);
    net::ProxyHeader again;
    CHECK(net::parseProxyHeader(bytes.substr(0, result.size), arena, again).status == ProxyParse::kDone);
  }
  if (result.status == ProxyParse::kNeedMore) {
    CHECK(net::maybeProxyV1(bytes) || net::maybeProxyV2(bytes) || bytes.starts_with("PROXY"));
    CHECK(result.size <= net::kMaxProxyV2);
  }
  // Once it is something, more bytes change nothing.
  net::ProxyHeader before;
  const net::ProxyParseResult half = net::parseProxyHeader(bytes.substr(0, bytes.size() / 2), arena, before);
  if (half.status == ProxyParse::kDone) CHECK(result.status == ProxyParse::kDone && result.size == half.size);
  if (half.status == ProxyParse::kNotProxy) CHECK(result.status == ProxyParse::kNotProxy);
}

void runHello(std::string_view input) {
  constexpr size_t kMost = 16 * 1024;
  const Exact copy(input);
  const std::string_view bytes = copy.view();
  base::ChunkPool pool;
  base::Arena arena(pool);
  ClientHello hello;
  const auto result = ext::listener::parseClientHello(bytes, kMost, arena, hello);
  CHECK(result.status == HelloParse::kNeedMore || result.size <= bytes.size());
  if (result.status == HelloParse::kDone || result.status == HelloParse::kVersionRefused) {
    CHECK(hello.server_name.size() <= 255 && hello.server_name.find('\0') == std::string_view::npos);
    for (const std::string_view protocol : hello.protocols) CHECK(!protocol.empty() && protocol.size() <= 255);
    CHECK(ext::listener::ja3(hello, arena).size() == 32);
    CHECK(ext::listener::ja4(hello, arena).size() == 36);
    ClientHello again;
    CHECK(ext::listener::parseClientHello(bytes.substr(0, result.size), kMost, arena, again).status == result.status);
    CHECK(again.server_name == hello.server_name);
  }
  ClientHello before;
  const auto half = ext::listener::parseClientHello(bytes.substr(0, bytes.size() / 2), kMost, arena, before);
  if (half.status != HelloParse::kNeedMore) CHECK(result.status == half.status);
}

void runLine(std::string_view input) {
  using ext::listener::Detected;
  const Exact copy(input);
  const Detected whole = ext::listener::detect(copy.view());
  const Detected half = ext::listener::detect(copy.view().substr(0, copy.view().size() / 2));
  if (half != Detected::kNeedMore) CHECK(whole == half);
}

std::vector<std::string> proxySeeds() {
  const std::string v2("\r\n\r\n\0\r\nQUIT\n", 12);
  const std::string v4("\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\4\x57\x08\xae", 16);
  const std::string tlvs("\x21\x11\0\x12\1\2\3\4\5\6\7\x08\4\x57\x08\xae\xea\0\3abc", 22);
  const std::string v6 = std::string("\x21\x21\0\x24", 4) + std::string(31, '\x20') + "abcde";
  return {"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "PROXY TCP6 fe80::1 2001::2 1111 2222\r\nx", "PROXY UNKNOWN\r\n",
          v2 + v4, v2 + tlvs, v2 + v6, v2 + std::string("\x20\0\0\0", 4)};
}

std::string helloSeed(std::string_view extensions) {
  const auto number = [](size_t value) { return std::string{static_cast<char>(value >> 8), static_cast<char>(value & 255)}; };
  std::string body = std::string("\3\3", 2) + std::string(32, 'R') + std::string("\0\0\4\x13\1\xc0\x2f\1\0", 9);
  body += number(extensions.size()) + std::string(extensions);
  const std::string message = std::string("\1\0", 2) + number(body.size()) + body;
  return std::string("\x16\3\1", 3) + number(message.size()) + message;
}

std::vector<std::string> helloSeeds() {
  const std::string name("\0\0\0\x0e\0\x0c\0\0\x09" "a.example", 18);
  const std::string alpn("\0\x10\0\x0e\0\x0c\2h2\x08http/1.1", 18);
  const std::string versions("\0\x2b\0\5\4\x3a\x3a\3\4", 9);
  const std::string groups("\0\x0a\0\6\0\4\0\x1d\0\x17", 10);
  const std::string whole = helloSeed(name + alpn + versions + groups);
  const std::string message = whole.substr(5);
  const auto record = [](const std::string& piece) {
    return std::string("\x16\3\1", 3) + std::string{static_cast<char>(piece.size() >> 8), static_cast<char>(piece.size() & 255)} + piece;
  };
  return {whole, helloSeed(""), helloSeed(versions), record(message.substr(0, 20)) + record(message.substr(20)), "\x16\3\1"};
}

std::vector<std::string> lineSeeds() {
  return {"GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET http://a/ HTTP/1.0\r\n", "CONNECT a:1 HTTP/1.1\n", "POST /x\r\n"};
}

const std::vector<std::string_view> kProxyWords = {"PROXY ", "TCP4", "TCP6", "UNKNOWN", "\r\n", " 1.2.3.4", " ::1", "\x21\x11"sv,
                                                   "\x20\0"sv, "\xea\0\1"sv};
const std::vector<std::string_view> kHelloWords = {"\x16\3\1"sv, "\0\0"sv, "\0\x10"sv, "\0\x2b"sv, "\x0a\x0a", "\3\4", "h2"};
const std::vector<std::string_view> kLineWords = {"GET ", "PRI * HTTP/2.0\r\n", "HTTP/1.1", "\r\n", " ", "/", "*", "://", "CONNECT"};

FUZZ_TARGET("proxy_header", runProxy, proxySeeds, kProxyWords);
FUZZ_TARGET("client_hello", runHello, helloSeeds, kHelloWords);
FUZZ_TARGET("first_line", runLine, lineSeeds, kLineWords);

}  // namespace
}  // namespace nuncio::fuzz
