// What the first bytes of a clear-text connection say about the HTTP it speaks. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::ext::listener {

enum class Detected : uint8_t { kNeedMore, kNone, kHttp10, kHttp11, kHttp2 };

/** HTTP/2's preface, or a request line; a line without a version, or with another than 1.1, is an old one (kHttp10). */
Detected detect(std::string_view bytes);

}  // namespace nuncio::ext::listener
