// What TLS reads by itself: the extensions of a ClientHello that choose a certificate, and cipher lists of a configuration.
// Whatever comes in: nothing is read beyond it, and a name is never longer than it may be.
//
// Input: five pieces, each with its length (two bytes) before it: server name, signature algorithms, groups, versions, suites.
#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "test/fuzz/target.h"
#include "tls/client_hello.h"
#include "tls/settings.h"

namespace nuncio::fuzz {
namespace {

using namespace std::string_view_literals;

/** A copy with nothing behind it, so that a sanitizer sees each byte too many. */
struct Piece {
  std::unique_ptr<uint8_t[]> bytes;
  size_t size = 0;
  std::span<const uint8_t> span() const { return {bytes.get(), size}; }
};

Piece take(std::string_view& input) {
  Piece piece;
  if (input.size() < 2) return piece;
  const size_t wanted = static_cast<uint8_t>(input[0]) << 8 | static_cast<uint8_t>(input[1]);
  input.remove_prefix(2);
  piece.size = std::min(wanted, input.size());
  piece.bytes.reset(new uint8_t[piece.size == 0 ? 1 : piece.size]);
  std::memcpy(piece.bytes.get(), input.data(), piece.size);
  input.remove_prefix(piece.size);
  return piece;
}

void runTls(std::string_view input) {
  std::string_view rest = input;
  const Piece name = take(rest), algorithms = take(rest), groups = take(rest), versions = take(rest), suites = take(rest);
  tls::HelloBytes bytes;
  bytes.server_name = name.span();
  bytes.signature_algorithms = algorithms.span();
  bytes.supported_groups = groups.span();
  bytes.supported_versions = versions.span();
  bytes.cipher_suites = suites.span();
  const tls::ClientHello hello = tls::ClientHello::parse(bytes);
  CHECK(hello.server_name.size() <= 255);
  CHECK(hello.server_name.find('\0') == std::string::npos);
  CHECK(hello.offers_tls13 ? versions.size >= 3 : true);
  int group = 0;
  for (const tls::CipherName& name : tls::cipherNames(input)) {
    CHECK(name.name.find_first_of("[]|, ") == std::string::npos);
    CHECK(name.group >= group);
    group = name.group;
  }
}

std::vector<std::string> tlsSeeds() {
  return {std::string("\0\x0e\0\x0c\0\0\x09" "a.example\0\x04\0\x02\x04\x03\0\x04\0\x02\0\x17\0\x03\x02\x03\x04\0\x02\x13\x01"sv),
          "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:-ALL"};
}

const std::vector<std::string_view> kTlsWords = {"\x03\x04"sv, "\x04\x03"sv, "\0\x17"sv, "\xc0\x2b"sv, "CHACHA20"sv, "TLS_"sv};

FUZZ_TARGET("tls", runTls, tlsSeeds, kTlsWords);

}  // namespace
}  // namespace nuncio::fuzz
