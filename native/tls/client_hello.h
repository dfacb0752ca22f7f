// ClientHello: the few facts of a client's first message that choose a certificate. Reads the extensions' own bytes, which
// come from the network: nothing in them is trusted. Values and views; valid while OpenSSL shows the message.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nuncio::tls {

/** The raw pieces, as OpenSSL hands them out; absent extensions are empty. */
struct HelloBytes {
  std::span<const uint8_t> server_name, signature_algorithms, supported_groups, supported_versions, cipher_suites;
  bool has_status_request = false;
};

struct ClientHello {
  std::string server_name;        // lower case; empty: none, or malformed
  bool wants_ocsp = false;
  bool offers_tls13 = false;
  bool ecdsa_p256 = false, ecdsa_p384 = false, ecdsa_p521 = false;  // curves it can verify signatures on

  static ClientHello parse(const HelloBytes& bytes);
  bool canVerifyEcdsa() const { return ecdsa_p256 || ecdsa_p384 || ecdsa_p521; }
};

}  // namespace nuncio::tls
