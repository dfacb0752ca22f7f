#include "tls/digest.h"

#include <openssl/evp.h>

namespace nuncio::tls {

// A digest that this OpenSSL does not offer (MD5 in FIPS mode) is all zeros.
Md5 md5(std::string_view bytes) {
  Md5 out{};
  EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_md5(), nullptr);
  return out;
}

Sha256 sha256(std::string_view bytes) {
  Sha256 out{};
  EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  return out;
}

}  // namespace nuncio::tls
