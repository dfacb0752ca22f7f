#include "http/substitution/tls_operators.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nuncio::http::substitution {
namespace tls_text {
namespace {

using net::TlsInfo;
using Side = TlsInfo::Side;
using San = TlsInfo::San;
using Digest = TlsInfo::Digest;

ValueKind one(std::string_view value, base::TextBuffer& out) {
  if (value.empty()) return ValueKind::kNull;
  out.append(value);
  return ValueKind::kString;
}

ValueKind joined(std::span<const std::string> values, base::TextBuffer& out) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out.append(',');
    out.append(values[i]);
  }
  return values.empty() ? ValueKind::kNull : ValueKind::kString;
}

ValueKind moment(const Piece& piece, std::optional<int64_t> seconds, base::TextBuffer& out) {
  if (!seconds) return ValueKind::kNull;
  constexpr int64_t kNanos = 1'000'000'000;
  piece.time.append(*seconds * kNanos, out);
  return ValueKind::kString;
}

/** SANs of either side: "URI_SAN", "DNS_SAN" … */
ValueKind sans(std::string_view kind, Side side, const TlsInfo& tls, base::TextBuffer& out) {
  if (kind == "URI_SAN") return joined(tls.sans(side, San::kUri), out);
  if (kind == "DNS_SAN") return joined(tls.sans(side, San::kDns), out);
  if (kind == "IP_SAN") return joined(tls.sans(side, San::kIp), out);
  if (kind == "EMAIL_SAN") return joined(tls.sans(side, San::kEmail), out);
  if (kind == "OTHERNAME_SAN") return joined(tls.sans(side, San::kOtherName), out);
  return ValueKind::kNull;
}

ValueKind ofPeer(const Piece& piece, std::string_view name, const TlsInfo& tls, base::TextBuffer& out) {
  constexpr Side kPeer = Side::kPeer;
  if (name == "SUBJECT") return one(tls.subject(kPeer), out);
  if (name == "ISSUER") return one(tls.issuer(kPeer), out);
  if (name == "CERT") return one(tls.urlEncodedPem(kPeer), out);
  if (name == "CERT_V_START") return moment(piece, tls.validFrom(kPeer), out);
  if (name == "CERT_V_END") return moment(piece, tls.expiration(kPeer), out);
  if (name == "SERIAL") return one(tls.serial(kPeer), out);
  if (name == "FINGERPRINT_256") return one(tls.fingerprint(kPeer, Digest::kSha256), out);
  if (name == "FINGERPRINT_1") return one(tls.fingerprint(kPeer, Digest::kSha1), out);
  if (name == "ISSUER_FINGERPRINT_256") return one(tls.peerIssuerFingerprint(), out);
  if (name == "ISSUER_SERIAL") return one(tls.peerIssuerSerial(), out);
  if (name == "CHAIN_FINGERPRINTS_256") return joined(tls.chainFingerprints(Digest::kSha256), out);
  if (name == "CHAIN_FINGERPRINTS_1") return joined(tls.chainFingerprints(Digest::kSha1), out);
  if (name == "CHAIN_SERIALS") return joined(tls.chainSerials(), out);
  return sans(name, kPeer, tls, out);
}

}  // namespace
}  // namespace tls_text

ValueKind appendTls(const Piece& piece, const net::TlsInfo* tls, base::TextBuffer& out) {
  if (tls == nullptr) return ValueKind::kNull;
  std::string_view name = piece.text;
  name.remove_prefix(std::min(name.find('_') + 1, name.size()));  // DOWNSTREAM_, UPSTREAM_
  constexpr std::string_view kPeer = "PEER_", kLocal = "LOCAL_";
  if (name == "TLS_VERSION") return tls_text::one(tls->version(), out);
  if (name == "TLS_CIPHER") return tls_text::one(tls->cipher(), out);
  if (name == "TLS_SESSION_ID") return tls_text::one(tls->sessionId(), out);
  if (name == "LOCAL_SUBJECT") return tls_text::one(tls->subject(net::TlsInfo::Side::kLocal), out);
  if (name.starts_with(kPeer)) return tls_text::ofPeer(piece, name.substr(kPeer.size()), *tls, out);
  if (name.starts_with(kLocal)) return tls_text::sans(name.substr(kLocal.size()), net::TlsInfo::Side::kLocal, *tls, out);
  return ValueKind::kNull;
}

}  // namespace nuncio::http::substitution
