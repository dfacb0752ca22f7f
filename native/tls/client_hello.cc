#include "tls/client_hello.h"

#include <algorithm>

#include "base/ascii.h"

namespace nuncio::tls {
namespace {

/** Reads big-endian numbers and vectors with a length before them; once something is short, all that follows is. */
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  uint16_t number8() { return take(1).empty() ? 0 : last_[0]; }
  uint16_t number16() { return take(2).empty() ? 0 : static_cast<uint16_t>(last_[0] << 8 | last_[1]); }
  std::span<const uint8_t> vector8() { return take(number8()); }
  std::span<const uint8_t> vector16() { return take(number16()); }

 private:
  std::span<const uint8_t> take(size_t size) {
    if (bytes_.size() < size) {
      bytes_ = {};
      return last_ = {};
    }
    last_ = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return last_;
  }
  std::span<const uint8_t> bytes_, last_;
};

template <class Each>
void forEach16(std::span<const uint8_t> list, const Each& each) {
  for (size_t i = 0; i + 1 < list.size(); i += 2) each(static_cast<uint16_t>(list[i] << 8 | list[i + 1]));
}

// RFC 6066 section 3.
std::string serverName(std::span<const uint8_t> extension) {
  Reader list(Reader(extension).vector16());
  while (!list.empty()) {
    const uint16_t type = list.number8();
    const std::span<const uint8_t> name = list.vector16();
    if (type != 0) continue;
    std::string out(reinterpret_cast<const char*>(name.data()), name.size());
    if (out.size() > 255 || out.find('\0') != std::string::npos) return {};
    for (char& c : out) c = base::toLower(c);
    return out;
  }
  return {};
}

// ECDHE with ECDSA for TLS 1.2 and before: the numbers of RFC 4492, 5289, 7251 and 7905.
bool isEcdsaSuite(uint16_t suite) {
  static constexpr uint16_t kSuites[] = {0xc006, 0xc007, 0xc008, 0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b,
                                         0xc02c, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xcca9};
  return std::find(std::begin(kSuites), std::end(kSuites), suite) != std::end(kSuites);
}

}  // namespace

ClientHello ClientHello::parse(const HelloBytes& bytes) {
  constexpr uint16_t kTls13 = 0x0304;
  constexpr uint16_t kP256 = 23, kP384 = 24, kP521 = 25;                            // RFC 8422
  constexpr uint16_t kP256Sha256 = 0x0403, kP384Sha384 = 0x0503, kP521Sha512 = 0x0603;  // RFC 8446
  ClientHello hello;
  hello.server_name = serverName(bytes.server_name);
  hello.wants_ocsp = bytes.has_status_request;
  forEach16(Reader(bytes.supported_versions).vector8(), [&](uint16_t version) { hello.offers_tls13 |= version == kTls13; });
  if (hello.offers_tls13) {
    forEach16(Reader(bytes.signature_algorithms).vector16(), [&](uint16_t algorithm) {
      hello.ecdsa_p256 |= algorithm == kP256Sha256;
      hello.ecdsa_p384 |= algorithm == kP384Sha384;
      hello.ecdsa_p521 |= algorithm == kP521Sha512;
    });
    return hello;
  }
  bool has_suite = false;
  forEach16(bytes.cipher_suites, [&](uint16_t suite) { has_suite |= isEcdsaSuite(suite); });
  if (!has_suite) return hello;
  forEach16(Reader(bytes.supported_groups).vector16(), [&](uint16_t group) {
    hello.ecdsa_p256 |= group == kP256;
    hello.ecdsa_p384 |= group == kP384;
    hello.ecdsa_p521 |= group == kP521;
  });
  return hello;
}

}  // namespace nuncio::tls
