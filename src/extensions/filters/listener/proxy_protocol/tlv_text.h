// A TLV's bytes as text: valid UTF-8 as it is, with '!' for each byte that is none; or base64. Pure, any thread.
#pragma once

#include <string_view>

#include "base/text_buffer.h"

namespace nuncio::ext::listener {

void appendSanitized(std::string_view bytes, base::TextBuffer& out);
void appendBase64(std::string_view bytes, base::TextBuffer& out);

}  // namespace nuncio::ext::listener
