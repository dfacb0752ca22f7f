#include "http/substitution/tls_operators.h"

#include <span>
#include <string>

namespace nuncio::http::substitution {

using net::TlsInfo;
using Digest = TlsInfo::Digest;
using San = TlsInfo::San;
using Side = TlsInfo::Side;

enum class TlsFact : uint32_t {
  kVersion, kCipher, kSessionId,
  kPeerSubject, kPeerIssuer, kPeerSerial, kPeerSha256, kPeerSha1, kPeerCert, kPeerFrom, kPeerUntil,
  kPeerUri, kPeerDns, kPeerIp, kPeerEmail, kPeerOther,
  kPeerIssuerSha256, kPeerIssuerSerial, kPeerChainSha256, kPeerChainSha1, kPeerChainSerials,
  kLocalSubject, kLocalUri, kLocalDns, kLocalIp, kLocalEmail, kLocalOther,
  kHelloFingerprint,
};

namespace {

struct FactName {
  std::string_view name;
  TlsFact fact;
};
constexpr FactName kFacts[] = {
    {"TLS_VERSION", TlsFact::kVersion},
    {"TLS_CIPHER", TlsFact::kCipher},
    {"TLS_SESSION_ID", TlsFact::kSessionId},
    {"PEER_SUBJECT", TlsFact::kPeerSubject},
    {"PEER_ISSUER", TlsFact::kPeerIssuer},
    {"PEER_SERIAL", TlsFact::kPeerSerial},
    {"PEER_FINGERPRINT_256", TlsFact::kPeerSha256},
    {"PEER_FINGERPRINT_1", TlsFact::kPeerSha1},
    {"PEER_CERT", TlsFact::kPeerCert},
    {"PEER_CERT_V_START", TlsFact::kPeerFrom},
    {"PEER_CERT_V_END", TlsFact::kPeerUntil},
    {"PEER_URI_SAN", TlsFact::kPeerUri},
    {"PEER_DNS_SAN", TlsFact::kPeerDns},
    {"PEER_IP_SAN", TlsFact::kPeerIp},
    {"PEER_EMAIL_SAN", TlsFact::kPeerEmail},
    {"PEER_OTHERNAME_SAN", TlsFact::kPeerOther},
    {"PEER_ISSUER_FINGERPRINT_256", TlsFact::kPeerIssuerSha256},
    {"PEER_ISSUER_SERIAL", TlsFact::kPeerIssuerSerial},
    {"PEER_CHAIN_FINGERPRINTS_256", TlsFact::kPeerChainSha256},
    {"PEER_CHAIN_FINGERPRINTS_1", TlsFact::kPeerChainSha1},
    {"PEER_CHAIN_SERIALS", TlsFact::kPeerChainSerials},
    {"LOCAL_SUBJECT", TlsFact::kLocalSubject},
    {"LOCAL_URI_SAN", TlsFact::kLocalUri},
    {"LOCAL_DNS_SAN", TlsFact::kLocalDns},
    {"LOCAL_IP_SAN", TlsFact::kLocalIp},
    {"LOCAL_EMAIL_SAN", TlsFact::kLocalEmail},
    {"LOCAL_OTHERNAME_SAN", TlsFact::kLocalOther},
    {"TLS_JA3_FINGERPRINT", TlsFact::kHelloFingerprint},
    {"TLS_JA4_FINGERPRINT", TlsFact::kHelloFingerprint},
};

ValueKind factText(std::string_view value, base::TextBuffer& out) {
  if (value.empty()) return ValueKind::kNull;
  out.append(value);
  return ValueKind::kString;
}

ValueKind factList(std::span<const std::string> values, base::TextBuffer& out) {
  if (values.empty()) return ValueKind::kNull;
  bool first = true;
  for (const std::string& value : values) {
    if (!first) out.append(',');
    first = false;
    out.append(value);
  }
  return ValueKind::kString;
}

ValueKind factTime(const Piece& piece, std::optional<int64_t> seconds, base::TextBuffer& out) {
  if (!seconds.has_value()) return ValueKind::kNull;
  piece.time.append(*seconds * 1'000'000'000, out);
  return ValueKind::kString;
}

}  // namespace

std::optional<uint32_t> tlsFactNumber(std::string_view operator_name) {
  for (const std::string_view side : {"DOWNSTREAM_", "UPSTREAM_"}) {
    if (operator_name.starts_with(side)) operator_name.remove_prefix(side.size());
  }
  for (const FactName& each : kFacts) {
    if (each.name == operator_name) return static_cast<uint32_t>(each.fact);
  }
  return std::nullopt;
}

bool isHelloFingerprint(const Piece& piece) { return piece.option == static_cast<uint32_t>(TlsFact::kHelloFingerprint); }

ValueKind appendTlsFact(const Piece& piece, const TlsInfo* tls, base::TextBuffer& out) {
  if (tls == nullptr) return ValueKind::kNull;
  switch (static_cast<TlsFact>(piece.option)) {
    case TlsFact::kVersion: return factText(tls->version(), out);
    case TlsFact::kCipher: return factText(tls->cipher(), out);
    case TlsFact::kSessionId: return factText(tls->sessionId(), out);
    case TlsFact::kPeerSubject: return factText(tls->subject(Side::kPeer), out);
    case TlsFact::kPeerIssuer: return factText(tls->issuer(Side::kPeer), out);
    case TlsFact::kPeerSerial: return factText(tls->serial(Side::kPeer), out);
    case TlsFact::kPeerSha256: return factText(tls->fingerprint(Side::kPeer, Digest::kSha256), out);
    case TlsFact::kPeerSha1: return factText(tls->fingerprint(Side::kPeer, Digest::kSha1), out);
    case TlsFact::kPeerCert: return factText(tls->urlEncodedPem(Side::kPeer), out);
    case TlsFact::kPeerFrom: return factTime(piece, tls->validFrom(Side::kPeer), out);
    case TlsFact::kPeerUntil: return factTime(piece, tls->expiration(Side::kPeer), out);
    case TlsFact::kPeerUri: return factList(tls->sans(Side::kPeer, San::kUri), out);
    case TlsFact::kPeerDns: return factList(tls->sans(Side::kPeer, San::kDns), out);
    case TlsFact::kPeerIp: return factList(tls->sans(Side::kPeer, San::kIp), out);
    case TlsFact::kPeerEmail: return factList(tls->sans(Side::kPeer, San::kEmail), out);
    case TlsFact::kPeerOther: return factList(tls->sans(Side::kPeer, San::kOtherName), out);
    case TlsFact::kPeerIssuerSha256: return factText(tls->peerIssuerFingerprint(), out);
    case TlsFact::kPeerIssuerSerial: return factText(tls->peerIssuerSerial(), out);
    case TlsFact::kPeerChainSha256: return factList(tls->chainFingerprints(Digest::kSha256), out);
    case TlsFact::kPeerChainSha1: return factList(tls->chainFingerprints(Digest::kSha1), out);
    case TlsFact::kPeerChainSerials: return factList(tls->chainSerials(), out);
    case TlsFact::kLocalSubject: return factText(tls->subject(Side::kLocal), out);
    case TlsFact::kLocalUri: return factList(tls->sans(Side::kLocal, San::kUri), out);
    case TlsFact::kLocalDns: return factList(tls->sans(Side::kLocal, San::kDns), out);
    case TlsFact::kLocalIp: return factList(tls->sans(Side::kLocal, San::kIp), out);
    case TlsFact::kLocalEmail: return factList(tls->sans(Side::kLocal, San::kEmail), out);
    case TlsFact::kLocalOther: return factList(tls->sans(Side::kLocal, San::kOtherName), out);
    case TlsFact::kHelloFingerprint: return ValueKind::kNull;
  }
  return ValueKind::kNull;
}

}  // namespace nuncio::http::substitution
