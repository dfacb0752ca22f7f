#include "src/extensions/filters/listener/proxy_protocol/tlv_text.h"

#include <cstdint>

namespace nuncio::ext::listener {
namespace {

/** Length of the UTF-8 sequence that `bytes` begin with (RFC 3629); 0: none. */
size_t sequence(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (size == 0 || bytes.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
  const bool beyond = (first == 0xed && at(1) > 0x9f) || (first == 0xf4 && at(1) > 0x8f);
  return overlong || beyond ? 0 : size;
}

}  // namespace

void appendSanitized(std::string_view bytes, base::TextBuffer& out) {
  while (!bytes.empty()) {
    const size_t size = sequence(bytes);
    if (size == 0) {
      out.append('!');
    } else {
      out.append(bytes.substr(0, size));
    }
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
}

void appendBase64(std::string_view bytes, base::TextBuffer& out) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    uint32_t group = static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << 16;
    if (left > 1) group |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + 1])) << 8;
    if (left > 2) group |= static_cast<uint8_t>(bytes[i + 2]);
    out.append(kDigits[group >> 18]);
    out.append(kDigits[group >> 12 & 63]);
    out.append(left > 1 ? kDigits[group >> 6 & 63] : '=');
    out.append(left > 2 ? kDigits[group & 63] : '=');
  }
}

}  // namespace nuncio::ext::listener
