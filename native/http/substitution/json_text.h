// JSON text: writing strings with the escapes Envoy's logs have, and finding values in JSON that the compiler of the
// configuration wrote. No tree is built, nothing is allocated. Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/text_buffer.h"

namespace nuncio::http::substitution {

/** Escapes, in place, what stands in `out` from `start` on. Text that is not UTF-8 has its bytes above 7f as \u00XX. */
void escapeJsonTail(base::TextBuffer& out, size_t start);

/** Appends `text` escaped, without quotes. */
void appendJsonEscaped(std::string_view text, base::TextBuffer& out);

/** The text of the value at `path` in `json`; empty when there is none or `json` is malformed. */
std::string_view findJson(std::string_view json, std::span<const std::string> path);

/** Appends the text that a JSON string (with its quotes) stands for. */
void appendJsonString(std::string_view quoted, base::TextBuffer& out);

}  // namespace nuncio::http::substitution
