#include "src/extensions/filters/listener/tls_inspector/fingerprint.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/text_buffer.h"
#include "tls/digest.h"

namespace nuncio::ext::listener {
namespace {

constexpr char kHex[] = "0123456789abcdef";

std::vector<uint16_t> allNumbers(std::string_view pairs) {
  std::vector<uint16_t> out;
  out.reserve(pairs.size() / 2);
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) out.push_back(big16(pairs, i));
  return out;
}

/** Pairs of bytes as numbers, without GREASE. */
std::vector<uint16_t> numbers(std::string_view pairs) {
  std::vector<uint16_t> out = allNumbers(pairs);
  std::erase_if(out, isGrease);
  return out;
}

std::vector<uint16_t> extensionTypes(const ClientHello& hello) {
  std::vector<uint16_t> out;
  for (const HelloExtension& extension : hello.extensions) {
    if (!isGrease(extension.type)) out.push_back(extension.type);
  }
  return out;
}

/** What an extension's list holds, behind the list's length. */
std::string_view listOf(const ClientHello& hello, uint16_t type, size_t length_bytes) {
  const HelloExtension* extension = hello.find(type);
  if (extension == nullptr || extension->body.size() < length_bytes) return {};
  return extension->body.substr(length_bytes);
}

void appendDashed(const std::vector<uint16_t>& values, base::TextBuffer& out) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out.append('-');
    out.appendDecimal(uint64_t{values[i]});
  }
}

void appendHex4(const std::vector<uint16_t>& values, base::TextBuffer& out) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out.append(',');
    for (int shift = 12; shift >= 0; shift -= 4) out.append(kHex[values[i] >> shift & 15]);
  }
}

void appendDigest(std::span<const uint8_t> digest, base::TextBuffer& out) {
  for (const uint8_t byte : digest) {
    out.append(kHex[byte >> 4]);
    out.append(kHex[byte & 15]);
  }
}

// ---------------------------------------------------------------- the parts of JA4

constexpr size_t kShortDigest = 6;  // 12 hex digits

void appendShortDigest(std::string_view text, base::TextBuffer& out) {
  if (text.empty()) return out.append("000000000000");
  const tls::Sha256 digest = tls::sha256(text);
  appendDigest(std::span(digest).first(kShortDigest), out);
}

std::string_view versionName(const ClientHello& hello) {
  uint16_t version = hello.version;
  const std::vector<uint16_t> offered = numbers(listOf(hello, hello_type::kVersions, 1));
  if (!offered.empty()) version = *std::max_element(offered.begin(), offered.end());
  switch (version) {
    case 0x0304: return "13";
    case 0x0303: return "12";
    case 0x0302: return "11";
    case 0x0301: return "10";
    default: return "00";
  }
}

void appendCount(size_t count, base::TextBuffer& out) {
  constexpr size_t kMost = 99;
  count = std::min(count, kMost);
  out.append(static_cast<char>('0' + count / 10));
  out.append(static_cast<char>('0' + count % 10));
}

bool isAlphanumeric(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

/** First and last character of the first protocol; of its hex form when they are no letters or digits. */
void appendProtocol(const ClientHello& hello, base::TextBuffer& out) {
  if (hello.protocols.empty()) return out.append("00");
  const std::string_view name = hello.protocols.front();
  if (isAlphanumeric(name.front()) && isAlphanumeric(name.back())) {
    out.append(name.front());
    return out.append(name.back());
  }
  out.append(kHex[static_cast<uint8_t>(name.front()) >> 4]);
  out.append(kHex[static_cast<uint8_t>(name.back()) & 15]);
}

void appendSorted(std::vector<uint16_t> values, base::TextBuffer& out) {
  std::sort(values.begin(), values.end());
  appendHex4(values, out);
}

}  // namespace

std::string_view ja3(const ClientHello& hello, base::Arena& arena) {
  base::TextBuffer text;
  text.appendDecimal(uint64_t{hello.version});
  text.append(',');
  appendDashed(numbers(hello.ciphers), text);
  text.append(',');
  appendDashed(extensionTypes(hello), text);
  text.append(',');
  // Envoy leaves GREASE in here, and fingerprints are for comparing.
  appendDashed(allNumbers(listOf(hello, hello_type::kGroups, 2)), text);
  text.append(',');
  std::vector<uint16_t> formats;
  for (const char c : listOf(hello, hello_type::kPointFormats, 1)) formats.push_back(static_cast<uint8_t>(c));
  appendDashed(formats, text);
  base::TextBuffer out;
  const tls::Md5 digest = tls::md5(text.view());
  appendDigest(digest, out);
  return arena.copy(out.view());
}

std::string_view ja4(const ClientHello& hello, base::Arena& arena) {
  const std::vector<uint16_t> ciphers = numbers(hello.ciphers);
  std::vector<uint16_t> extensions = extensionTypes(hello);
  base::TextBuffer out;
  out.append('t');
  out.append(versionName(hello));
  out.append(hello.find(hello_type::kServerName) != nullptr ? 'd' : 'i');
  appendCount(ciphers.size(), out);
  appendCount(extensions.size(), out);
  appendProtocol(hello, out);
  out.append('_');
  base::TextBuffer text;
  appendSorted(ciphers, text);
  appendShortDigest(text.view(), out);
  out.append('_');
  std::erase_if(extensions, [](uint16_t type) { return type == hello_type::kServerName || type == hello_type::kAlpn; });
  text.clear();
  appendSorted(extensions, text);
  const std::vector<uint16_t> signatures = numbers(listOf(hello, hello_type::kSignatures, 2));
  if (!text.empty() && !signatures.empty()) {
    text.append('_');
    appendHex4(signatures, text);
  }
  appendShortDigest(text.view(), out);
  return arena.copy(out.view());
}

}  // namespace nuncio::ext::listener
