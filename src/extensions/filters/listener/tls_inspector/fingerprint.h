// JA3 and JA4: fingerprints of a TLS client, from what its hello offers. In the arena. Pure, any thread.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "src/extensions/filters/listener/tls_inspector/client_hello.h"

namespace nuncio::ext::listener {

/** 32 hex digits: MD5 over version, ciphers, extensions, groups and point formats. */
std::string_view ja3(const ClientHello& hello, base::Arena& arena);
/** "t13d1516h2_8daaf6152771_b186095e22b6" (github.com/FoxIO-LLC/ja4). */
std::string_view ja4(const ClientHello& hello, base::Arena& arena);

}  // namespace nuncio::ext::listener
