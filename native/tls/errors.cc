#include "tls/errors.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/ascii.h"

namespace nuncio::tls {
namespace {

struct Reason {
  int openssl;
  int boringssl;
  std::string_view name;
};

#define SAME(name, number) {SSL_R_##name, number, #name}
constexpr Reason kReasons[] = {
    SAME(APP_DATA_IN_HANDSHAKE, 100), SAME(ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT, 101),
    SAME(BAD_CHANGE_CIPHER_SPEC, 103), SAME(BAD_DIGEST_LENGTH, 106), SAME(BAD_ECPOINT, 108), SAME(BAD_LENGTH, 111),
    SAME(BAD_PACKET_LENGTH, 112), SAME(BAD_SIGNATURE, 114), SAME(CCS_RECEIVED_EARLY, 124),
    SAME(CERTIFICATE_VERIFY_FAILED, 125), SAME(CERT_CB_ERROR, 126), SAME(CERT_LENGTH_MISMATCH, 127),
    SAME(CLIENTHELLO_TLSEXT, 132), SAME(DATA_LENGTH_TOO_LONG, 136), SAME(DECRYPTION_FAILED, 138),
    SAME(DECRYPTION_FAILED_OR_BAD_RECORD_MAC, 139), SAME(DIGEST_CHECK_FAILED, 142), SAME(ECC_CERT_NOT_FOR_SIGNING, 144),
    SAME(ENCRYPTED_LENGTH_TOO_LONG, 146), SAME(ERROR_IN_RECEIVED_CIPHER_LIST, 148), SAME(EXCESSIVE_MESSAGE_SIZE, 150),
    SAME(HTTPS_PROXY_REQUEST, 155), SAME(HTTP_REQUEST, 156), SAME(INAPPROPRIATE_FALLBACK, 157), SAME(LENGTH_MISMATCH, 162),
    SAME(MISSING_RSA_CERTIFICATE, 165), SAME(NO_CERTIFICATES_RETURNED, 172), SAME(NO_CERTIFICATE_ASSIGNED, 173),
    SAME(NO_CERTIFICATE_SET, 174), SAME(NO_CIPHERS_AVAILABLE, 175), SAME(NO_RENEGOTIATION, 182),
    SAME(NO_REQUIRED_DIGEST, 183), SAME(NO_SHARED_CIPHER, 184), SAME(OLD_SESSION_CIPHER_NOT_RETURNED, 187),
    SAME(PARSE_TLSEXT, 190), SAME(PEER_DID_NOT_RETURN_A_CERTIFICATE, 192), SAME(PROTOCOL_IS_SHUTDOWN, 194),
    SAME(RECORD_LENGTH_MISMATCH, 199), SAME(RENEGOTIATION_ENCODING_ERR, 201), SAME(RENEGOTIATION_MISMATCH, 202),
    SAME(REQUIRED_CIPHER_MISSING, 203), SAME(SCSV_RECEIVED_WHEN_RENEGOTIATING, 206), SAME(SERVERHELLO_TLSEXT, 207),
    SAME(SESSION_ID_CONTEXT_UNINITIALIZED, 208), SAME(SSL3_EXT_INVALID_SERVERNAME, 213), SAME(SSL_HANDSHAKE_FAILURE, 215),
    {SSL_R_TOO_MANY_WARN_ALERTS, 220, "TOO_MANY_WARNING_ALERTS"}, SAME(UNABLE_TO_FIND_ECDH_PARAMETERS, 221),
    SAME(UNEXPECTED_MESSAGE, 223), SAME(UNEXPECTED_RECORD, 225), SAME(UNINITIALIZED, 226), SAME(UNKNOWN_ALERT_TYPE, 227),
    SAME(UNKNOWN_CERTIFICATE_TYPE, 228), SAME(UNKNOWN_CIPHER_RETURNED, 229), SAME(UNKNOWN_DIGEST, 231),
    SAME(UNKNOWN_PROTOCOL, 233), SAME(UNKNOWN_SSL_VERSION, 234), SAME(UNSAFE_LEGACY_RENEGOTIATION_DISABLED, 236),
    SAME(UNSUPPORTED_COMPRESSION_ALGORITHM, 238), SAME(UNSUPPORTED_ELLIPTIC_CURVE, 239), SAME(UNSUPPORTED_PROTOCOL, 240),
    SAME(WRONG_CERTIFICATE_TYPE, 241), SAME(WRONG_CIPHER_RETURNED, 242), SAME(WRONG_CURVE, 243),
    SAME(WRONG_SIGNATURE_TYPE, 245), SAME(WRONG_SSL_VERSION, 246), SAME(WRONG_VERSION_NUMBER, 247), SAME(X509_LIB, 248),
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, 253, "NO_COMMON_SIGNATURE_ALGORITHMS"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, 253, "NO_COMMON_SIGNATURE_ALGORITHMS"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, 266, "NO_SHARED_GROUP"}, {SSL_R_NO_SHARED_GROUPS, 266, "NO_SHARED_GROUP"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, 280, "NO_SUPPORTED_VERSIONS_ENABLED"}, SAME(NO_APPLICATION_PROTOCOL, 307),
    // alerts that the peer sent: 1000 and the alert's number
    {1010, 1010, "SSLV3_ALERT_UNEXPECTED_MESSAGE"}, {1020, 1020, "SSLV3_ALERT_BAD_RECORD_MAC"},
    {1021, 1021, "TLSV1_ALERT_DECRYPTION_FAILED"}, {1022, 1022, "TLSV1_ALERT_RECORD_OVERFLOW"},
    {1030, 1030, "SSLV3_ALERT_DECOMPRESSION_FAILURE"}, {1040, 1040, "SSLV3_ALERT_HANDSHAKE_FAILURE"},
    {1041, 1041, "SSLV3_ALERT_NO_CERTIFICATE"}, {1042, 1042, "SSLV3_ALERT_BAD_CERTIFICATE"},
    {1043, 1043, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"}, {1044, 1044, "SSLV3_ALERT_CERTIFICATE_REVOKED"},
    {1045, 1045, "SSLV3_ALERT_CERTIFICATE_EXPIRED"}, {1046, 1046, "SSLV3_ALERT_CERTIFICATE_UNKNOWN"},
    {1047, 1047, "SSLV3_ALERT_ILLEGAL_PARAMETER"}, {1048, 1048, "TLSV1_ALERT_UNKNOWN_CA"},
    {1049, 1049, "TLSV1_ALERT_ACCESS_DENIED"}, {1050, 1050, "TLSV1_ALERT_DECODE_ERROR"},
    {1051, 1051, "TLSV1_ALERT_DECRYPT_ERROR"}, {1060, 1060, "TLSV1_ALERT_EXPORT_RESTRICTION"},
    {1070, 1070, "TLSV1_ALERT_PROTOCOL_VERSION"}, {1071, 1071, "TLSV1_ALERT_INSUFFICIENT_SECURITY"},
    {1080, 1080, "TLSV1_ALERT_INTERNAL_ERROR"}, {1086, 1086, "TLSV1_ALERT_INAPPROPRIATE_FALLBACK"},
    {1090, 1090, "TLSV1_ALERT_USER_CANCELLED"}, {1100, 1100, "TLSV1_ALERT_NO_RENEGOTIATION"},
    {1110, 1110, "TLSV1_ALERT_UNSUPPORTED_EXTENSION"}, {1111, 1111, "TLSV1_ALERT_CERTIFICATE_UNOBTAINABLE"},
    {1112, 1112, "TLSV1_ALERT_UNRECOGNIZED_NAME"}, {1113, 1113, "TLSV1_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE"},
    {1114, 1114, "TLSV1_ALERT_BAD_CERTIFICATE_HASH_VALUE"}, {1115, 1115, "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY"},
    {1116, 1116, "TLSV1_ALERT_CERTIFICATE_REQUIRED"}, {1120, 1120, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"},
};
#undef SAME

constexpr uint32_t kBoringSslLibrary = 16u << 24;  // how BoringSSL packs an error of its TLS part

void appendSsl(std::string& out, int reason) {
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons), [&](const Reason& one) { return one.openssl == reason; });
  out += '|';
  if (found != std::end(kReasons)) {
    out += std::to_string(kBoringSslLibrary + static_cast<uint32_t>(found->boringssl));
    out.append(":SSL routines:OPENSSL_internal:").append(found->name);
    return;
  }
  const unsigned long error = ERR_PACK(ERR_LIB_SSL, 0, reason);
  out += std::to_string(kBoringSslLibrary + static_cast<uint32_t>(reason));
  out += ":SSL routines:OPENSSL_internal:";
  const char* text = ERR_reason_error_string(error);
  for (const char* at = text == nullptr ? "unknown" : text; *at != '\0'; ++at) out += *at == ' ' ? '_' : base::toUpper(*at);
}

void appendOther(std::string& out, unsigned long error) {
  const char* library = ERR_lib_error_string(error);
  const char* text = ERR_reason_error_string(error);
  out.append("|").append(std::to_string(error)).append(":").append(library == nullptr ? "unknown" : library);
  out.append(":OPENSSL_internal:").append(text == nullptr ? "unknown" : text);
}

}  // namespace

ErrorSummary takeErrors() {
  ErrorSummary summary;
  std::string others;
  while (const unsigned long error = ERR_get_error()) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
      appendOther(others, error);
      continue;
    }
    const int reason = ERR_GET_REASON(error);
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) summary.no_certificate = true;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) summary.verify_failed = true;
    if (summary.reason == 0) summary.reason = reason;
    appendSsl(summary.text, reason);
  }
  if (summary.text.empty()) summary.text = std::move(others);
  if (!summary.text.empty()) summary.text.insert(0, "TLS_error:");
  return summary;
}

ErrorSummary socketError(int error) {
  constexpr uint32_t kSystemLibrary = 2u << 24;  // as BoringSSL packs it
  ErrorSummary summary;
  if (error == 0) return summary;
  char text[128];
  summary.text = "TLS_error:|" + std::to_string(kSystemLibrary + static_cast<uint32_t>(error)) + ":system library:OPENSSL_internal:";
  summary.text += strerror_r(error, text, sizeof(text));
  return summary;
}

std::string failureText(const ErrorSummary& errors, std::string_view detail) {
  if (errors.text.empty()) return {};
  std::string out = errors.text;
  if (errors.no_certificate && detail.empty()) detail = "peer did not provide required client certificate";
  if (!detail.empty()) out.append(":").append(detail);
  out += ":TLS_error_end";
  std::replace(out.begin(), out.end(), ' ', '_');
  return out;
}

std::string lastError() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* text = error == 0 ? nullptr : ERR_reason_error_string(error);
  return text == nullptr ? "unknown error" : text;
}

std::string_view advice(const ErrorSummary& errors, bool upstream) {
  if (errors.no_certificate) return "the client sent no certificate: give it one, or set require_client_certificate to false";
  switch (errors.reason) {
    case SSL_R_HTTP_REQUEST:
      return "the client speaks clear HTTP to a TLS port: use https://";
    case SSL_R_WRONG_VERSION_NUMBER:
      return upstream ? "the host does not speak TLS on this port: check its port, or remove the cluster's transport_socket"
                      : "the client does not speak TLS: check what it connects with";
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return "the peer's certificate was refused: compare it with the validation_context";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "no TLS version in common: see tls_minimum_protocol_version and tls_maximum_protocol_version";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
      return "no cipher suite in common: see tls_params.cipher_suites, and whether the certificate's key fits them";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return upstream ? "the host does not trust our certificate's issuer" : "the client does not trust our certificate's issuer: is the chain complete?";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      return "the peer refused our certificate: check its names and its dates";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return upstream ? "the host refused the handshake: it may want a client certificate, another version or other ciphers" : "";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the host wants a client certificate: set tls_certificates of the cluster's transport_socket";
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
      return "the host knows no such name: check sni";
    default:
      return {};
  }
}

}  // namespace nuncio::tls
