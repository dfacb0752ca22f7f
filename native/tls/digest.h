// Digests by the OpenSSL that Node carries, for names and fingerprints. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nuncio::tls {

using Md5 = std::array<uint8_t, 16>;
using Sha256 = std::array<uint8_t, 32>;

Md5 md5(std::string_view bytes);
Sha256 sha256(std::string_view bytes);

}  // namespace nuncio::tls
