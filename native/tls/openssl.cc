#include "tls/openssl.h"

#include "base/check.h"

namespace nuncio::tls {

OSSL_LIB_CTX* libraryContext() {
  static OSSL_LIB_CTX* const kContext = OSSL_LIB_CTX_new();
  CHECK(kContext != nullptr);
  return kContext;
}

BioPtr bioOf(std::string_view bytes) { return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

std::string hex(const uint8_t* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(size * 2, '\0');
  for (size_t i = 0; i < size; ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return out;
}

}  // namespace nuncio::tls
