// TlsInfo: the facts of one TLS connection, for logs, headers (x-forwarded-client-cert), matchers and filters. Read-only;
// counted by reference: who keeps it longer than the connection (a stream's log) takes a `base::LocalRef<const TlsInfo>`.
// What must be dug out of a certificate is found when first asked for and kept. Names and forms are those of Envoy's command operators. Worker thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/local_ref.h"

namespace nuncio::net {

class TlsInfo : public base::LocalCounted {
 public:
  /** Whose certificate. */
  enum class Side : uint8_t { kPeer, kLocal };
  enum class San : uint8_t { kUri, kDns, kIp, kEmail, kOtherName, kCount };
  enum class Digest : uint8_t { kSha256, kSha1 };

  virtual ~TlsInfo() = default;

  /** "TLSv1.3". */
  virtual std::string_view version() const = 0;
  /** As OpenSSL names it, which is what Envoy prints: "ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256". */
  virtual std::string_view cipher() const = 0;
  /** The cipher suite's number of the TLS registry; 0: none. */
  virtual uint16_t cipherId() const = 0;
  /** Lower-case hex; empty: none. */
  virtual std::string_view sessionId() const = 0;
  virtual bool sessionReused() const = 0;
  /** The name the client asked for (SNI); empty: none. */
  virtual std::string_view serverName() const = 0;
  /** The protocol agreed on by ALPN; empty: none. */
  virtual std::string_view applicationProtocol() const = 0;

  virtual bool peerCertificatePresented() const = 0;
  /** Presented, and found good by the validation context. */
  virtual bool peerCertificateValidated() const = 0;

  // ---- one certificate; empty where there is none
  /** RFC 2253 text. */
  virtual std::string_view subject(Side side) const = 0;
  virtual std::string_view issuer(Side side) const = 0;
  /** Lower-case hex without leading zeros. */
  virtual std::string_view serial(Side side) const = 0;
  virtual std::span<const std::string> sans(Side side, San kind) const = 0;
  /** Seconds since the epoch. */
  virtual std::optional<int64_t> validFrom(Side side) const = 0;
  virtual std::optional<int64_t> expiration(Side side) const = 0;
  /** Lower-case hex over the DER form. */
  virtual std::string_view fingerprint(Side side, Digest digest) const = 0;
  /** PEM, URL-encoded as Envoy writes it. */
  virtual std::string_view urlEncodedPem(Side side) const = 0;
  /** The leaf alone in DER form. */
  virtual std::string_view der(Side side) const = 0;

  // ---- the chain the peer sent, leaf first
  virtual std::span<const std::string> chainFingerprints(Digest digest) const = 0;
  virtual std::span<const std::string> chainSerials() const = 0;
  virtual std::string_view urlEncodedPemChain() const = 0;
  /** Of the certificate above the leaf, in the verified chain or in what the peer sent; empty: none is known. */
  virtual std::string_view peerIssuerFingerprint() const = 0;
  virtual std::string_view peerIssuerSerial() const = 0;
};

}  // namespace nuncio::net
