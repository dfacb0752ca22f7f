// ClientHello: the first message of TLS (RFC 8446 section 4.1.2), read without answering it. It may come in several
// records. Views into the bytes, or into the arena when records had to be joined. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"

namespace nuncio::ext::listener {

struct HelloExtension {
  uint16_t type;
  std::string_view body;
};

struct ClientHello {
  uint16_t version = 0;                 // legacy_version
  std::string_view ciphers;             // pairs of bytes
  std::span<const HelloExtension> extensions;
  std::string_view server_name;         // as sent; empty: none
  std::span<const std::string_view> protocols;  // ALPN, in the client's order; empty: none, or malformed

  /** Null: the hello has no such extension. */
  const HelloExtension* find(uint16_t type) const;
};

enum class HelloParse : uint8_t {
  kNeedMore,
  kNotTls,           // no ClientHello begins like this, or it is broken
  kVersionRefused,   // well formed, but no version of TLS that anybody speaks
  kDone,
};

struct HelloResult {
  HelloParse status;
  size_t size;  // bytes looked at: whole records
};

/** More than `max_message` bytes of message: kNotTls. */
HelloResult parseClientHello(std::string_view bytes, size_t max_message, base::Arena& arena, ClientHello& out);

/** GREASE (RFC 8701): values clients make up so that nobody relies on knowing all. */
inline bool isGrease(uint16_t value) { return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff); }
inline uint16_t big16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}

namespace hello_type {
constexpr uint16_t kServerName = 0, kGroups = 10, kPointFormats = 11, kSignatures = 13, kAlpn = 16, kVersions = 43;
}

}  // namespace nuncio::ext::listener
