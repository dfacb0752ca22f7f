#include "tls/facts.h"

#include "tls/sans.h"

namespace nuncio::tls {
namespace {

using Side = net::TlsInfo::Side;

std::string urlEncodedPemOf(X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (out == nullptr || PEM_write_bio_X509(out.get(), certificate) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  std::string encoded;
  encoded.reserve(static_cast<size_t>(size) + static_cast<size_t>(size) / 16);
  for (long i = 0; i < size; ++i) {
    switch (text[i]) {
      case '\n':
        encoded += "%0A";
        break;
      case ' ':
        encoded += "%20";
        break;
      case '+':
        encoded += "%2B";
        break;
      case '/':
        encoded += "%2F";
        break;
      case '=':
        encoded += "%3D";
        break;
      default:
        encoded += text[i];
    }
  }
  return encoded;
}

const EVP_MD* methodOf(net::TlsInfo::Digest digest) { return digest == net::TlsInfo::Digest::kSha256 ? EVP_sha256() : EVP_sha1(); }

}  // namespace

struct Facts::Texts {
  X509Ptr certificate;
  std::optional<std::string> subject, issuer, serial, pem, der;
  std::optional<std::string> fingerprints[2];
  std::optional<std::vector<std::string>> sans[static_cast<size_t>(San::kCount)];
};

struct Facts::Cache {
  Texts texts[2];
  std::optional<std::string> session_id, pem_chain, issuer_fingerprint, issuer_serial;
  std::optional<std::vector<std::string>> chain_fingerprints[2], chain_serials;
};

Facts::Facts(SslPtr ssl) : owned_(std::move(ssl)), ssl_(owned_.get()) {}
Facts::~Facts() = default;

std::string digestText(X509* certificate, const EVP_MD* digest) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  return X509_digest(certificate, digest, out, &size) == 1 ? hex(out, size) : std::string();
}

Facts::Cache& Facts::cache() const {
  if (cache_ == nullptr) cache_ = std::make_unique<Cache>();
  return *cache_;
}

Facts::Texts& Facts::texts(Side side) const { return cache().texts[static_cast<size_t>(side)]; }

template <class Make>
std::string_view Facts::kept(std::optional<std::string>& place, const Make& make) const {
  if (!place) place = make();
  return *place;
}

X509* Facts::certificate(Side side) const { return side == Side::kPeer ? SSL_get0_peer_certificate(ssl_) : SSL_get_certificate(ssl_); }

std::string_view Facts::version() const { return SSL_get_version(ssl_); }

std::string_view Facts::cipher() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_);
  return cipher == nullptr ? std::string_view() : SSL_CIPHER_get_name(cipher);
}

uint16_t Facts::cipherId() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_);
  return cipher == nullptr ? 0 : SSL_CIPHER_get_protocol_id(cipher);
}

// In TLS 1.3 there is none that both sides know.
std::string_view Facts::sessionId() const {
  return kept(cache().session_id, [this]() -> std::string {
    const SSL_SESSION* session = SSL_get_session(ssl_);
    if (session == nullptr || SSL_version(ssl_) >= TLS1_3_VERSION) return {};
    unsigned int size = 0;
    const unsigned char* id = SSL_SESSION_get_id(session, &size);
    return hex(id, size);
  });
}

bool Facts::sessionReused() const { return SSL_session_reused(ssl_) == 1; }

std::string_view Facts::serverName() const {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view() : name;
}

std::string_view Facts::applicationProtocol() const {
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  return {reinterpret_cast<const char*>(protocol), size};
}

std::string_view Facts::subject(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  return kept(texts(side).subject, [&] { return nameText(X509_get_subject_name(one)); });
}

std::string_view Facts::issuer(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  return kept(texts(side).issuer, [&] { return nameText(X509_get_issuer_name(one)); });
}

std::string_view Facts::serial(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  return kept(texts(side).serial, [&] { return serialText(one); });
}

std::span<const std::string> Facts::sans(Side side, San kind) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  auto& place = texts(side).sans[static_cast<size_t>(kind)];
  if (!place) place = sansOf(one, kind);
  return *place;
}

std::optional<int64_t> Facts::validFrom(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return std::nullopt;
  return secondsOf(X509_get0_notBefore(one));
}

std::optional<int64_t> Facts::expiration(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return std::nullopt;
  return secondsOf(X509_get0_notAfter(one));
}

std::string_view Facts::fingerprint(Side side, Digest digest) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  return kept(texts(side).fingerprints[static_cast<size_t>(digest)], [&] { return digestText(one, methodOf(digest)); });
}

std::string_view Facts::urlEncodedPem(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  return kept(texts(side).pem, [&] { return urlEncodedPemOf(one); });
}

std::string_view Facts::der(Side side) const {
  X509* one = certificate(side);
  if (one == nullptr) return {};
  return kept(texts(side).der, [&]() -> std::string {
    unsigned char* der = nullptr;
    const int size = i2d_X509(one, &der);
    if (size <= 0) return {};
    std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    return out;
  });
}

std::vector<X509*> Facts::chain() const {
  std::vector<X509*> out;
  X509* leaf = certificate(Side::kPeer);
  if (leaf == nullptr) return out;
  out.push_back(leaf);
  const STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl_);
  // A client's view has the leaf in it, a server's has not.
  const int from = SSL_is_server(ssl_) == 1 ? 0 : 1;
  for (int i = from; sent != nullptr && i < sk_X509_num(sent); ++i) out.push_back(sk_X509_value(sent, i));
  return out;
}

std::span<const std::string> Facts::chainFingerprints(Digest digest) const {
  auto& place = cache().chain_fingerprints[static_cast<size_t>(digest)];
  if (!place) {
    place.emplace();
    for (X509* one : chain()) place->push_back(digestText(one, methodOf(digest)));
  }
  return *place;
}

std::span<const std::string> Facts::chainSerials() const {
  auto& place = cache().chain_serials;
  if (!place) {
    place.emplace();
    for (X509* one : chain()) place->push_back(serialText(one));
  }
  return *place;
}

std::string_view Facts::urlEncodedPemChain() const {
  return kept(cache().pem_chain, [this] {
    std::string out;
    for (X509* one : chain()) out += urlEncodedPemOf(one);
    return out;
  });
}

X509* Facts::peerIssuer() const {
  const STACK_OF(X509)* verified = SSL_get0_verified_chain(ssl_);
  if (verified != nullptr && sk_X509_num(verified) > 1) return sk_X509_value(verified, 1);
  const std::vector<X509*> sent = chain();
  return sent.size() < 2 ? nullptr : sent[1];
}

std::string_view Facts::peerIssuerFingerprint() const {
  return kept(cache().issuer_fingerprint, [this] {
    X509* issuer = peerIssuer();
    return issuer == nullptr ? std::string() : digestText(issuer, EVP_sha256());
  });
}

std::string_view Facts::peerIssuerSerial() const {
  return kept(cache().issuer_serial, [this] {
    X509* issuer = peerIssuer();
    return issuer == nullptr ? std::string() : serialText(issuer);
  });
}

}  // namespace nuncio::tls
