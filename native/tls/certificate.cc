#include "tls/certificate.h"

#include <openssl/ec.h>
#include <openssl/pemerr.h>
#include <openssl/pkcs12.h>

#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "tls/errors.h"
#include "tls/sans.h"

namespace nuncio::tls {
namespace {

using Outcome = base::Result<Certificate, std::string>;
using Pkcs12Ptr = std::unique_ptr<PKCS12, FreeBy<PKCS12_free>>;
using OcspPtr = std::unique_ptr<OCSP_RESPONSE, FreeBy<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, FreeBy<OCSP_BASICRESP_free>>;
using FeaturePtr = std::unique_ptr<TLS_FEATURE, FreeBy<TLS_FEATURE_free>>;

constexpr int kMinRsaBits = 2048;
constexpr long kStatusRequest = 5;  // RFC 7633: the extension a must-staple certificate promises

int passwordOf(char* out, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<size_t>(size)) return -1;
  std::memcpy(out, text.data(), text.size());
  return static_cast<int>(text.size());
}

std::string_view sourceOf(const plan::TlsCertificate& plan) {
  return plan.chain_source.empty() ? "<inline>" : std::string_view(plan.chain_source);
}

std::string keyFailure(const plan::TlsCertificate& plan) {
  return "Failed to load private key from " + (plan.key_source.empty() ? "<inline>" : plan.key_source) + ", Cause: ";
}

std::string readFailure() {
  const unsigned long error = ERR_peek_error();
  const bool no_start = ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER || ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!no_start) return lastError();
  ERR_clear_error();
  return "error:0900006e:PEM routines:OPENSSL_internal:NO_START_LINE";
}

std::string readPem(const plan::TlsCertificate& plan, Certificate& out) {
  std::vector<X509Ptr> all = readCertificates(plan.chain);
  if (all.empty()) return "Failed to load certificate chain from " + std::string(sourceOf(plan));
  out.leaf = std::move(all.front());
  out.chain.assign(std::make_move_iterator(all.begin() + 1), std::make_move_iterator(all.end()));
  if (plan.private_key.empty()) return "Failed to load incomplete private key from path: " + plan.key_source;
  const BioPtr bio = bioOf(plan.private_key);
  auto* password = const_cast<std::string*>(&plan.password);
  out.key.reset(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, passwordOf, password, libraryContext(), nullptr));
  if (out.key == nullptr) return keyFailure(plan) + readFailure();
  return {};
}

std::string readPkcs12(const plan::TlsCertificate& plan, Certificate& out) {
  const BioPtr bio = bioOf(plan.pkcs12);
  Pkcs12Ptr pkcs12(PKCS12_init_ex(NID_pkcs7_data, libraryContext(), nullptr));
  PKCS12* raw = pkcs12.get();
  const std::string failed = "Failed to load pkcs12 from " + std::string(sourceOf(plan));
  if (raw == nullptr || d2i_PKCS12_bio(bio.get(), &raw) == nullptr) {
    if (raw == nullptr) pkcs12.release();  // freed with its content
    return failed + ", Cause: " + lastError();
  }
  EVP_PKEY* key = nullptr;
  X509* leaf = nullptr;
  STACK_OF(X509)* chain = nullptr;
  const char* password = plan.password.empty() ? nullptr : plan.password.c_str();
  if (PKCS12_parse(pkcs12.get(), password, &key, &leaf, &chain) != 1) return failed + ", Cause: " + lastError();
  out.key.reset(key);
  out.leaf.reset(leaf);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) out.chain.emplace_back(sk_X509_value(chain, i));
  sk_X509_free(chain);
  return out.key == nullptr || out.leaf == nullptr ? failed + ", Cause: no certificate with its key in it" : std::string();
}

std::string checkKey(const plan::TlsCertificate& plan, Certificate& out) {
  EVP_PKEY* public_key = X509_get0_pubkey(out.leaf.get());
  const std::string failed = "Failed to load certificate chain from " + std::string(sourceOf(plan));
  if (public_key == nullptr) return failed + ": its key is of no known kind";
  if (EVP_PKEY_eq(public_key, out.key.get()) != 1) {
    ERR_clear_error();
    return keyFailure(plan) + "error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH";
  }
  switch (EVP_PKEY_get_base_id(out.key.get())) {
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(out.key.get()) < kMinRsaBits) {
        return failed + ", only RSA certificates with 2048-bit or larger keys are supported";
      }
      return {};
    case EVP_PKEY_EC: {
      char group[64];
      size_t size = 0;
      out.is_ecdsa = true;
      if (EVP_PKEY_get_group_name(out.key.get(), group, sizeof(group), &size) == 1) out.curve = OBJ_sn2nid(group);
      if (out.curve == NID_undef) out.curve = EC_curve_nist2nid(group);
      if (out.curve == NID_X9_62_prime256v1 || out.curve == NID_secp384r1 || out.curve == NID_secp521r1) return {};
      return failed + ", only P-256, P-384 or P-521 ECDSA certificates are supported";
    }
    default:
      return {};
  }
}

void readNames(Certificate& out) {
  std::vector<std::string> names = sansOf(out.leaf.get(), net::TlsInfo::San::kDns);
  if (names.empty()) {
    char common_name[256];
    const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(out.leaf.get()), NID_commonName, common_name, sizeof(common_name));
    if (size > 0) names.emplace_back(common_name, static_cast<size_t>(size));
  }
  for (std::string& name : names) {
    for (char& c : name) c = base::toLower(c);
    if (name.starts_with("*.")) name.erase(0, 1);
  }
  out.names = std::move(names);
  const FeaturePtr features(static_cast<TLS_FEATURE*>(X509_get_ext_d2i(out.leaf.get(), NID_tlsfeature, nullptr, nullptr)));
  for (int i = 0; features != nullptr && i < sk_ASN1_INTEGER_num(features.get()); ++i) {
    if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == kStatusRequest) out.must_staple = true;
  }
}

std::string readOcsp(const plan::TlsCertificate& plan, Certificate& out) {
  if (plan.ocsp_staple.empty()) return {};
  const auto* at = reinterpret_cast<const unsigned char*>(plan.ocsp_staple.data());
  const auto* const end = at + plan.ocsp_staple.size();
  const OcspPtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(plan.ocsp_staple.size())));
  if (response == nullptr || at != end) {
    ERR_clear_error();
    return response == nullptr ? "OCSP response is malformed" : "Data contained more than a single OCSP response";
  }
  if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) return "OCSP response was unsuccessful";
  const BasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr || OCSP_resp_count(basic.get()) != 1) return "OCSP Response must be for one certificate only";
  OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), 0);
  ASN1_INTEGER* serial = nullptr;
  OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
  if (serial == nullptr || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(out.leaf.get())) != 0) {
    return "OCSP response does not match its TLS certificate";
  }
  ASN1_GENERALIZEDTIME* next = nullptr;
  OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next);
  if (next != nullptr) out.ocsp_expires_s = secondsOf(next);
  out.ocsp = plan.ocsp_staple;
  return {};
}

}  // namespace

std::vector<X509Ptr> readCertificates(std::string_view pem) {
  std::vector<X509Ptr> out;
  const BioPtr bio = bioOf(pem);
  for (;;) {
    X509* certificate = X509_new_ex(libraryContext(), nullptr);
    if (certificate == nullptr || PEM_read_bio_X509_AUX(bio.get(), &certificate, nullptr, nullptr) == nullptr) {
      X509_free(certificate);
      break;
    }
    out.emplace_back(certificate);
  }
  ERR_clear_error();
  return out;
}

Outcome Certificate::make(const plan::TlsCertificate& plan) {
  Certificate out;
  std::string error = plan.pkcs12.empty() ? readPem(plan, out) : readPkcs12(plan, out);
  if (error.empty()) error = checkKey(plan, out);
  if (error.empty()) readNames(out);
  if (error.empty()) error = readOcsp(plan, out);
  ERR_clear_error();
  if (!error.empty()) return error;
  return out;
}

}  // namespace nuncio::tls
