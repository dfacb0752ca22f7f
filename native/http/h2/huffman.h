// The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nuncio::http::h2 {

/** Bytes that `text` takes when coded. */
size_t huffmanSize(std::string_view text);

/** Writes huffmanSize(text) bytes at `out`; gives the end. */
char* huffmanEncode(std::string_view text, char* out);

/** Room that decoding `coded_size` bytes can need; the shortest code has five bits, and up to seven bytes are written over. */
constexpr size_t huffmanRoom(size_t coded_size) { return coded_size * 8 / 5 + 8; }

/** Decodes into `out`, which has huffmanRoom(coded.size()) bytes. Null when the code or its padding is wrong, else the end. */
char* huffmanDecode(std::string_view coded, char* out);

}  // namespace nuncio::http::h2
