// The part of Node's own llhttp we use. The node binary exports llhttp_* but ships no header, and the layout of its
// structures changes between releases; so nothing here knows a layout: the parser is a block of bytes that is large
// enough, and the places of the two callbacks in the settings are found at load by parsing a known message.
//
// What we take from llhttp is the tokenizer of header lines. Its state just behind a canonical start line is made once
// and copied for each block of lines, so a block costs no start line, and an idle connection has no parser.
// Immutable after load, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nuncio::node_abi {

/**
 * Receives the header lines of one block. Derive, then give to tokenizeHeaderLines. `name` and `value` are whole and lie
 * inside the block; the value has no white space in front, but may have some behind.
 */
struct HeaderLines {
  static constexpr size_t kParserSize = 256;
  alignas(16) unsigned char parser[kParserSize];
  const char* name = nullptr;      // the line being read
  size_t name_size = 0;
  bool (*onLine)(HeaderLines& lines, const char* name, size_t name_size, const char* value, size_t value_size);
};

/**
 * Tokenizes complete lines ("name: value\r\n", no empty line at the end). Returns null, or the static text of what
 * llhttp found wrong. `onLine` returning false ends it early ("stopped").
 */
const char* tokenizeHeaderLines(HeaderLines& lines, const char* block, size_t size);

/** Checks the running node's llhttp against a known message; null when it is as expected. */
const char* selfTestLlhttp();

}  // namespace nuncio::node_abi
