// Which names and values HTTP/2 fields may have (RFC 9113 section 8.2, and what Envoy adds). Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::http::h2 {

/** What is known about a field's text, so that it is looked at once and not each time the field comes out of a table. */
enum FieldFact : uint8_t {
  kNameValid = 1,          // lower-case token, or such a one behind a colon
  kValueValid = 2,
  kNameHasUnderscore = 4,
};

uint8_t nameFacts(std::string_view name);
/** kValueValid or 0: no control character but the tab. */
uint8_t valueFacts(std::string_view value);

/** Of ":path": visible characters and those above ASCII, at least one. */
bool isPathText(std::string_view text);
/** Of ":method". */
bool isMethodText(std::string_view text);
/** Of ":scheme" (RFC 3986 section 3.1). */
bool isSchemeText(std::string_view text);

}  // namespace nuncio::http::h2
