// Settings: what a TLS context is told about versions, cipher suites, groups, signature algorithms and ALPN, checked and in
// OpenSSL's terms. Made when a plan is decoded; immutable, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan_types.h"
#include "tls/openssl.h"

namespace nuncio::tls {

enum class Role : uint8_t { kServer, kClient };

class Settings {
 public:
  /** The error names what OpenSSL or Envoy does not take. */
  static base::Result<Settings, std::string> make(const plan::TlsCommon& common, Role role);

  /** A context with all of this and nothing else: whatever a system-wide configuration put there is undone. */
  SslCtxPtr newContext() const;

  /** Protocols by preference in the form ALPN wants (length, name); empty: no ALPN. */
  const std::string& alpn() const { return alpn_; }
  int maxVersion() const { return max_version_; }

 private:
  std::string apply(SSL_CTX* context) const;  // the error, or nothing

  Role role_ = Role::kServer;
  int min_version_ = TLS1_2_VERSION;
  int max_version_ = TLS1_3_VERSION;
  std::string configured_ciphers_;  // as they stand in the configuration, for messages
  std::string ciphers_;
  bool has_equal_ciphers_ = false;  // a group with ChaCha20 among its equals
  std::string groups_;
  std::string signature_algorithms_;
  std::string alpn_;
};

/** Names as ALPN sends them: one byte of length before each. Those that are empty or too long are left out. */
template <class Names>
std::string alpnWire(const Names& names) {
  std::string out;
  for (const auto& name : names) {
    if (name.empty() || name.size() > 255) continue;
    out += static_cast<char>(name.size());
    out += name;
  }
  return out;
}

/**
 * A cipher list in BoringSSL's syntax as OpenSSL wants it: "[A|B]:C" → "A:B:C", standard names → OpenSSL's.
 * `has_equal_chacha`: a group has ChaCha20 among its equals.
 */
std::string opensslCipherList(std::string_view boringssl, bool& has_equal_chacha);

}  // namespace nuncio::tls
