// Certificate: a chain with its private key and its OCSP response, read from what the configuration holds. Each worker's
// contexts read their own, so that no two threads touch one object's reference count. Immutable once made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan_types.h"
#include "tls/openssl.h"

namespace nuncio::tls {

struct Certificate {
  X509Ptr leaf;
  std::vector<X509Ptr> chain;      // issuers, as configured
  KeyPtr key;
  std::vector<std::string> names;  // lower case: DNS names, or the common name where there is none; "*.a.b" as ".a.b"
  bool is_ecdsa = false;
  int curve = 0;                   // NID of an ECDSA key's curve
  std::string ocsp;                // DER; empty: none
  int64_t ocsp_expires_s = 0;      // 0: never said
  bool must_staple = false;        // by the certificate's own word

  /** The error is Envoy's sentence where it has one. */
  static base::Result<Certificate, std::string> make(const plan::TlsCertificate& plan);

  bool ocspExpired(int64_t now_s) const { return ocsp_expires_s != 0 && ocsp_expires_s <= now_s; }
};

/** All certificates of a PEM text; empty when there is none. */
std::vector<X509Ptr> readCertificates(std::string_view pem);

}  // namespace nuncio::tls
