// Settings: what a TLS context is told about versions, cipher suites, groups, signature algorithms and ALPN, checked and in
// OpenSSL's terms. Made when a plan is decoded; immutable, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan_types.h"
#include "tls/openssl.h"

namespace nuncio::tls {

enum class Role : uint8_t { kServer, kClient };

struct CipherName;

class Settings {
 public:
  /** The error names what OpenSSL or Envoy does not take. */
  static base::Result<Settings, std::string> make(const plan::TlsCommon& common, Role role);

  /** A context with all of this and nothing else: whatever a system-wide configuration put there is undone. */
  SslCtxPtr newContext() const;

  /** Protocols by preference in the form ALPN wants (length, name); empty: no ALPN. */
  const std::string& alpn() const { return alpn_; }
  /**
   * The cipher list when the client's order counts among equals ("[A|B]"); empty: the list as it is. `offered`: the suites of
   * a ClientHello, two bytes each.
   */
  std::string ciphersFor(std::span<const uint8_t> offered) const;
  bool hasEqualCiphers() const { return !suites_.empty(); }
  int maxVersion() const { return max_version_; }

 private:
  void keepEquals(const std::vector<CipherName>& names);
  std::string apply(SSL_CTX* context) const;  // the error, or nothing

  Role role_ = Role::kServer;
  int min_version_ = TLS1_2_VERSION;
  int max_version_ = TLS1_3_VERSION;
  std::string configured_ciphers_;  // as they stand in the configuration, for messages
  std::string ciphers_;
  struct Suite {
    std::string name;
    uint16_t number;
    int group;  // suites of the same one are equals
  };
  std::vector<Suite> suites_;  // by preference; empty: there are no equals
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

/** One name of a cipher list, as OpenSSL knows it. Those with the same `group` are equals. */
struct CipherName {
  std::string name;
  int group;
};

/** A cipher list in BoringSSL's syntax: "[A|B]:C" is A and B as equals, then C; standard names become OpenSSL's. */
std::vector<CipherName> cipherNames(std::string_view boringssl);

}  // namespace nuncio::tls
