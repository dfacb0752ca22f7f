// Facts: net::TlsInfo out of OpenSSL's objects, whose owner it is. Texts are made when first asked for and kept. Held by its
// transport, and by whoever still tells of the connection when that is gone.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/tls_info.h"
#include "tls/openssl.h"

namespace nuncio::tls {

class Facts final : public net::TlsInfo {
 public:
  explicit Facts(SslPtr ssl);
  ~Facts() override;

  SSL* ssl() const { return ssl_; }
  void setValidated(bool validated) { validated_ = validated; }

  std::string_view version() const override;
  std::string_view cipher() const override;
  uint16_t cipherId() const override;
  std::string_view sessionId() const override;
  bool sessionReused() const override;
  std::string_view serverName() const override;
  std::string_view applicationProtocol() const override;
  bool peerCertificatePresented() const override { return certificate(Side::kPeer) != nullptr; }
  bool peerCertificateValidated() const override { return validated_; }
  std::string_view subject(Side side) const override;
  std::string_view issuer(Side side) const override;
  std::string_view serial(Side side) const override;
  std::span<const std::string> sans(Side side, San kind) const override;
  std::optional<int64_t> validFrom(Side side) const override;
  std::optional<int64_t> expiration(Side side) const override;
  std::string_view fingerprint(Side side, Digest digest) const override;
  std::string_view urlEncodedPem(Side side) const override;
  std::string_view der(Side side) const override;
  std::span<const std::string> chainFingerprints(Digest digest) const override;
  std::span<const std::string> chainSerials() const override;
  std::string_view urlEncodedPemChain() const override;
  std::string_view peerIssuerFingerprint() const override;
  std::string_view peerIssuerSerial() const override;

 private:
  struct Texts;
  struct Cache;
  X509* certificate(Side side) const;
  Cache& cache() const;
  Texts& texts(Side side) const;
  template <class Make>
  std::string_view kept(std::optional<std::string>& place, const Make& make) const;
  /** The certificate above the leaf: of the chain that was verified, else of what the peer sent. */
  X509* peerIssuer() const;
  /** What the peer sent, leaf first. */
  std::vector<X509*> chain() const;

  const SslPtr owned_;
  SSL* const ssl_;
  bool validated_ = false;
  mutable std::unique_ptr<Cache> cache_;
};

/** What a certificate's digest is as lower-case hex; empty when it cannot be made. */
std::string digestText(X509* certificate, const EVP_MD* digest);

}  // namespace nuncio::tls
