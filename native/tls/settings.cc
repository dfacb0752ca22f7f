#include "tls/settings.h"

#include <algorithm>
#include <utility>

#include "tls/errors.h"

namespace nuncio::tls {
namespace {

constexpr std::string_view kDefaultCiphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr std::string_view kFipsCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kFipsCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
// The hybrid group is there from OpenSSL 3.5 on.
constexpr std::string_view kGroupChoices[] = {"X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"};
constexpr std::string_view kFipsGroups = "P-256:P-384";
constexpr std::string_view kSignatureAlgorithms =
    "ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256:rsa_pkcs1_sha256:ecdsa_secp384r1_sha384:rsa_pss_rsae_sha384:rsa_pkcs1_sha384:"
    "ecdsa_secp521r1_sha512:rsa_pss_rsae_sha512:rsa_pkcs1_sha512:ed25519:rsa_pkcs1_sha1";
constexpr uint32_t kFips202205 = 1;

std::string join(const std::vector<std::string>& parts, char by) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += by;
    out += part;
  }
  return out;
}

int versionOf(plan::TlsCommon::Version version, int automatic) {
  switch (version) {
    case plan::TlsCommon::Version::TLS_1_0:
      return TLS1_VERSION;
    case plan::TlsCommon::Version::TLS_1_1:
      return TLS1_1_VERSION;
    case plan::TlsCommon::Version::TLS_1_2:
      return TLS1_2_VERSION;
    case plan::TlsCommon::Version::TLS_1_3:
      return TLS1_3_VERSION;
    default:
      return automatic;
  }
}

/** Whether OpenSSL knows one name of a list, and BoringSSL would: it has no finite-field Diffie-Hellman. */
bool isKnownCipher(SSL_CTX* context, std::string_view name) {
  std::string text(name);
  text.erase(0, text.find_first_not_of("-+!"));
  if (text.empty() || text[0] == '@') return true;
  if (SSL_CTX_set_cipher_list(context, text.c_str()) != 1) return false;
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
  bool any = false, only_dhe = true;
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
    if (SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any) continue;  // TLS 1.3
    any = true;
    if (SSL_CIPHER_get_kx_nid(cipher) != NID_kx_dhe) only_dhe = false;
  }
  return any && !only_dhe;
}

template <class Each>
void forEachCipher(std::string_view list, const Each& each) {
  while (!list.empty()) {
    const size_t end = list.find(':');
    if (end != 0) each(list.substr(0, end));
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
}

std::string refusedCiphers(std::string_view openssl_list) {
  SslCtxPtr scratch(SSL_CTX_new_ex(libraryContext(), nullptr, TLS_method()));
  std::string refused;
  forEachCipher(openssl_list, [&](std::string_view name) {
    if (isKnownCipher(scratch.get(), name)) return;
    if (!refused.empty()) refused += ", ";
    refused += name;
  });
  ERR_clear_error();
  return refused;
}

}  // namespace

std::vector<CipherName> cipherNames(std::string_view boringssl) {
  std::vector<CipherName> out;
  std::string name;
  int group = 0;
  bool in_group = false;
  const auto flush = [&] {
    if (name.empty()) return;
    const std::string_view openssl = name.starts_with("TLS_") ? OPENSSL_cipher_name(name.c_str()) : "(NONE)";
    out.push_back({openssl == "(NONE)" ? name : std::string(openssl), in_group ? group : ++group});
    name.clear();
  };
  for (const char c : boringssl) {
    if (c == '[') {
      flush();
      in_group = true;
      ++group;
    } else if (c == ']' || c == '|' || c == ':' || c == ',' || c == ' ') {
      flush();
      if (c == ']') in_group = false;
    } else {
      name += c;
    }
  }
  flush();
  return out;
}

std::string Settings::ciphersFor(std::span<const uint8_t> offered) const {
  const auto placeOf = [&](uint16_t number) {
    for (size_t i = 0; i + 1 < offered.size(); i += 2) {
      if (number == (offered[i] << 8 | offered[i + 1])) return i;
    }
    return offered.size();
  };
  std::vector<const Suite*> order;
  for (const Suite& suite : suites_) order.push_back(&suite);
  std::stable_sort(order.begin(), order.end(), [&](const Suite* a, const Suite* b) {
    return a->group != b->group ? a->group < b->group : placeOf(a->number) < placeOf(b->number);
  });
  bool changed = false;
  std::string list;
  for (size_t i = 0; i < order.size(); ++i) {
    changed |= order[i] != &suites_[i];
    if (i != 0) list += ':';
    list += order[i]->name;
  }
  return changed ? list : std::string();
}

/** Equals are kept as such where every name is one suite. */
void Settings::keepEquals(const std::vector<CipherName>& names) {
  const bool has_equals = std::adjacent_find(names.begin(), names.end(), [](const CipherName& a, const CipherName& b) {
                            return a.group == b.group;
                          }) != names.end();
  if (!has_equals || role_ == Role::kClient) return;
  const SslCtxPtr scratch(SSL_CTX_new_ex(libraryContext(), nullptr, TLS_method()));
  SSL_CTX_set_security_level(scratch.get(), 0);
  SSL_CTX_set_cipher_list(scratch.get(), "ALL:COMPLEMENTOFALL");
  const STACK_OF(SSL_CIPHER)* known = SSL_CTX_get_ciphers(scratch.get());
  std::vector<Suite> suites;
  for (const CipherName& name : names) {
    for (int i = 0; i < sk_SSL_CIPHER_num(known); ++i) {
      const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(known, i);
      if (name.name == SSL_CIPHER_get_name(cipher)) suites.push_back({name.name, SSL_CIPHER_get_protocol_id(cipher), name.group});
    }
  }
  if (suites.size() == names.size()) suites_ = std::move(suites);
}

base::Result<Settings, std::string> Settings::make(const plan::TlsCommon& common, Role role) {
  const bool fips = (common.compliance & kFips202205) != 0;
  Settings settings;
  settings.role_ = role;
  settings.min_version_ = versionOf(common.min_version, TLS1_2_VERSION);
  settings.max_version_ = versionOf(common.max_version, role == Role::kServer ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (fips) settings.min_version_ = std::max(settings.min_version_, TLS1_2_VERSION);
  settings.configured_ciphers_ = join(common.cipher_suites, ':');
  const std::string_view ciphers = common.cipher_suites.empty() ? (fips ? kFipsCiphers : kDefaultCiphers) : std::string_view(settings.configured_ciphers_);
  const std::vector<CipherName> names = cipherNames(ciphers);
  for (const CipherName& name : names) settings.ciphers_ += (settings.ciphers_.empty() ? "" : ":") + name.name;
  settings.keepEquals(names);
  if (!common.cipher_suites.empty()) {
    if (const std::string refused = refusedCiphers(settings.ciphers_); !refused.empty()) {
      return "Failed to initialize cipher suites " + settings.configured_ciphers_ +
             ". The following ciphers were rejected when tried individually: " + refused;
    }
  }
  settings.groups_ = join(common.ecdh_curves, ':');
  if (settings.groups_.empty() && fips) settings.groups_ = kFipsGroups;
  settings.signature_algorithms_ = common.signature_algorithms.empty() ? std::string(kSignatureAlgorithms) : join(common.signature_algorithms, ':');
  for (const std::string& protocol : common.alpn) {
    if (protocol.empty() || protocol.size() > 255) return std::string("Invalid ALPN protocol string");
  }
  settings.alpn_ = alpnWire(common.alpn);
  const SslCtxPtr trial(SSL_CTX_new_ex(libraryContext(), nullptr, TLS_method()));
  std::string error = settings.apply(trial.get());
  ERR_clear_error();
  if (!error.empty()) return error;
  return settings;
}

std::string Settings::apply(SSL_CTX* context) const {
  SSL_CTX_clear_options(context, SSL_CTX_get_options(context));
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_ANTI_REPLAY);
  SSL_CTX_clear_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);  // the BIO takes all there is
  // What is allowed is said by the lists; old versions, where they are asked for, need algorithms of level 0.
  SSL_CTX_set_security_level(context, min_version_ < TLS1_2_VERSION ? 0 : 1);
  SSL_CTX_set_min_proto_version(context, min_version_);
  SSL_CTX_set_max_proto_version(context, max_version_);
  if (SSL_CTX_set_cipher_list(context, ciphers_.c_str()) != 1) return "Failed to initialize cipher suites " + configured_ciphers_;
  const bool is_fips = ciphers_ == kFipsCiphers;
  SSL_CTX_set_ciphersuites(context, is_fips ? kFipsCiphers13 : kCiphers13);
  bool has_groups = false;
  if (groups_.empty()) {
    for (const std::string_view choice : kGroupChoices) {
      has_groups = SSL_CTX_set1_groups_list(context, choice.data()) == 1;
      if (has_groups) break;
    }
  } else {
    has_groups = SSL_CTX_set1_groups_list(context, groups_.c_str()) == 1;
  }
  if (!has_groups) return "Failed to initialize ECDH curves " + groups_;
  if (SSL_CTX_set1_sigalgs_list(context, signature_algorithms_.c_str()) != 1) {
    return "Failed to initialize TLS signature algorithms " + signature_algorithms_;
  }
  return {};
}

SslCtxPtr Settings::newContext() const {
  SslCtxPtr context(SSL_CTX_new_ex(libraryContext(), nullptr, role_ == Role::kServer ? TLS_server_method() : TLS_client_method()));
  if (context != nullptr) apply(context.get());
  ERR_clear_error();
  return context;
}

}  // namespace nuncio::tls
