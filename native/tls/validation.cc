#include "tls/validation.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "tls/certificate.h"
#include "tls/errors.h"
#include "tls/sans.h"

namespace nuncio::tls {
namespace {

void freeInfos(STACK_OF(X509_INFO) * infos) { sk_X509_INFO_pop_free(infos, X509_INFO_free); }
using InfoStackPtr = std::unique_ptr<STACK_OF(X509_INFO), FreeBy<freeInfos>>;

// Where Linux distributions keep their roots; the first that is there counts, as in Envoy.
constexpr const char* kSystemRoots[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

std::string readSystemRoots() {
  for (const char* path : kSystemRoots) {
    FILE* file = std::fopen(path, "re");
    if (file == nullptr) continue;
    std::string out;
    char part[16 * 1024];
    for (size_t got; (got = std::fread(part, 1, sizeof(part), file)) > 0;) out.append(part, got);
    std::fclose(file);
    if (!out.empty()) return out;
  }
  return {};
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/** 64 hex digits, or 32 pairs with colons. Empty: neither. */
std::string parseHash(std::string_view text) {
  std::string digits;
  const bool colons = text.size() == 95;
  for (size_t i = 0; i < text.size(); ++i) {
    if (colons && i % 3 == 2) {
      if (text[i] != ':') return {};
    } else {
      digits += text[i];
    }
  }
  if (digits.size() != 2 * SHA256_DIGEST_LENGTH) return {};
  std::string out;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string parseSpki(const std::string& text) {
  if (text.size() != 44 || text.back() != '=') return {};
  unsigned char out[36];
  const int size = EVP_DecodeBlock(out, reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  return size != 33 ? std::string() : std::string(reinterpret_cast<char*>(out), SHA256_DIGEST_LENGTH);
}

int ignoreDates(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  const int error = X509_STORE_CTX_get_error(store);
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ? 1 : 0;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out.append(out.size() > 1 ? ", " : "").append(text);
  return out += "]";
}

bool contains(const std::vector<std::string>& hashes, const unsigned char* hash) {
  const std::string_view wanted(reinterpret_cast<const char*>(hash), SHA256_DIGEST_LENGTH);
  return std::find(hashes.begin(), hashes.end(), wanted) != hashes.end();
}

net::TlsInfo::San sanKindOf(plan::SanMatcher::Type type) {
  switch (type) {
    case plan::SanMatcher::Type::EMAIL:
      return net::TlsInfo::San::kEmail;
    case plan::SanMatcher::Type::DNS:
      return net::TlsInfo::San::kDns;
    case plan::SanMatcher::Type::URI:
      return net::TlsInfo::San::kUri;
    case plan::SanMatcher::Type::IP_ADDRESS:
      return net::TlsInfo::San::kIp;
    case plan::SanMatcher::Type::OTHER_NAME:
      return net::TlsInfo::San::kOtherName;
  }
  return net::TlsInfo::San::kCount;
}

}  // namespace

base::Result<std::unique_ptr<const Validation>, std::string> Validation::make(const plan::CertificateValidation& plan) {
  auto out = std::make_unique<Validation>();
  out->plan_ = plan;
  out->trusted_ca_ = std::exchange(out->plan_.trusted_ca, {});
  if (out->trusted_ca_.empty() && plan.system_roots) out->trusted_ca_ = readSystemRoots();
  auto spiffe = SpiffeDomains::make(plan.spiffe_domains, plan.allow_expired);
  if (!spiffe.ok()) return std::move(spiffe.error());
  out->spiffe_ = std::move(spiffe.value());
  if (!out->spiffe_.empty()) {
    out->trusted_ca_.clear();  // for the names of issuers alone from here on
    for (const plan::SpiffeDomain& domain : plan.spiffe_domains) out->trusted_ca_ += domain.bundle + "\n";
  }
  const std::string source = plan.ca_source.empty() ? "<inline>" : plan.ca_source;
  out->has_ca_ = !out->trusted_ca_.empty() || !plan.trusted_ca.empty();
  if (out->has_ca_ && readCertificates(out->trusted_ca_).empty()) return "Failed to load trusted CA certificates from " + source;
  if (plan.system_roots && !out->has_ca_) return std::string("Failed to find the system's root certificates");
  if (!plan.crl.empty() && !out->has_ca_) return std::string("Failed to load CRL without trusted CA");
  if (!plan.sans.empty() && !out->has_ca_) {
    return std::string("SAN-based verification of peer certificates without trusted CA is insecure and not allowed");
  }
  for (const std::string& text : plan.certificate_hashes) {
    out->hashes_.push_back(parseHash(text));
    if (out->hashes_.back().empty()) return "Invalid hex-encoded SHA-256 " + text;
  }
  for (const std::string& text : plan.spki_hashes) {
    out->spki_hashes_.push_back(parseSpki(text));
    if (out->spki_hashes_.back().empty()) return "Invalid base64-encoded SHA-256 " + text;
  }
  for (const plan::SanMatcher& san : plan.sans) {
    const plan::StringMatcher string = san.matcher.value_or(plan::StringMatcher{});
    auto matcher = http::StringMatcher::make(string);
    if (!matcher.ok()) return std::move(matcher.error());
    const bool exact_dns = san.type == plan::SanMatcher::Type::DNS && string.kind == plan::StringMatcher::Kind::EXACT;
    out->sans_.push_back({san.type, san.oid, exact_dns ? string.value : std::string(),
                          std::make_unique<const http::StringMatcher>(std::move(matcher.value()))});
  }
  if (!plan.crl.empty() && out->newStore() == nullptr) return std::string("Failed to load CRL");
  return std::unique_ptr<const Validation>(std::move(out));
}

StorePtr Validation::newStore() const {
  StorePtr store(X509_STORE_new());
  if (store == nullptr) return nullptr;
  for (const X509Ptr& certificate : readCertificates(trusted_ca_)) X509_STORE_add_cert(store.get(), certificate.get());
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (!plan_.crl.empty()) {
    const BioPtr bio = bioOf(plan_.crl);
    const InfoStackPtr infos(PEM_X509_INFO_read_bio_ex(bio.get(), nullptr, nullptr, nullptr, libraryContext(), nullptr));
    int found = 0;
    for (int i = 0; infos != nullptr && i < sk_X509_INFO_num(infos.get()); ++i) {
      const X509_INFO* info = sk_X509_INFO_value(infos.get(), i);
      if (info->crl != nullptr && X509_STORE_add_crl(store.get(), info->crl) == 1) ++found;
    }
    ERR_clear_error();
    if (found == 0) return nullptr;
    flags |= X509_V_FLAG_CRL_CHECK;
    if (!plan_.only_verify_leaf_crl) flags |= X509_V_FLAG_CRL_CHECK_ALL;
  }
  X509_STORE_set_flags(store.get(), flags);
  if (plan_.allow_expired) X509_STORE_set_verify_cb(store.get(), ignoreDates);
  ERR_clear_error();
  return store;
}

void Validation::nameIssuers(SSL_CTX* context) const {
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  for (const X509Ptr& certificate : readCertificates(trusted_ca_)) {
    X509_NAME* name = X509_NAME_dup(X509_get_subject_name(certificate.get()));
    if (name != nullptr && sk_X509_NAME_push(names, name) == 0) X509_NAME_free(name);
  }
  SSL_CTX_set_client_CA_list(context, names);
}

Verdict Validation::verify(X509_STORE_CTX* store, const std::vector<std::string_view>& names) const {
  Verdict verdict;
  if (!spiffe_.empty()) {
    verdict.detail = spiffe_.verify(store);
    verdict.validated = verdict.detail.empty();
    if (!verdict.validated) {
      // Envoy's validator names no reason to the peer: certificate_unknown, whatever it was.
      X509_STORE_CTX_set_error(store, X509_V_ERR_SUBTREE_MINMAX);
      verdict.refusal = Refusal::kChain;
      return verdict;
    }
  } else if (has_ca_) {
    if (X509_verify_cert(store) != 1) {
      const int error = X509_STORE_CTX_get_error(store);
      if (plan_.accept_untrusted) {
        verdict.distrusted = true;
        return verdict;
      }
      // Decides about the alert alone: what is not valid yet counts as expired, as Envoy's library has it.
      if (error == X509_V_ERR_CERT_NOT_YET_VALID) X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_HAS_EXPIRED);
      verdict.refusal = Refusal::kChain;
      verdict.detail = "verify cert failed: X509_verify_cert: certificate verification error at depth " +
                       std::to_string(X509_STORE_CTX_get_error_depth(store)) + ": " + X509_verify_cert_error_string(error);
      return verdict;
    }
    verdict.validated = true;
  }
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  const auto refuse = [&](Refusal why, std::string detail) {
    verdict = {why, false, false, std::move(detail)};
    // Decides about the alert alone: certificate_unknown, as no other is meant by the first.
    X509_STORE_CTX_set_error(store, why == Refusal::kSan ? X509_V_ERR_SUBTREE_MINMAX : X509_V_ERR_CERT_REJECTED);
  };
  if (!names.empty() && !hasAnySan(leaf, names)) {
    refuse(Refusal::kSan, "verify cert failed: verify SAN list, expected SANs: " + joined({names.begin(), names.end()}) +
                              ", certificate SANs: " + joined(allSans(leaf)));
  } else if (!sans_.empty() && !sanMatches(leaf)) {
    refuse(Refusal::kSan, "verify cert failed: SAN matcher, certificate SANs are " + joined(allSans(leaf)));
  } else if (hashes_.empty() && spki_hashes_.empty()) {
    return verdict;
  } else if (!pinMatches(leaf)) {
    refuse(Refusal::kHash, "verify cert failed: cert hash and spki");
  } else {
    verdict.validated = true;
  }
  return verdict;
}

bool Validation::sanMatches(X509* certificate) const {
  return std::any_of(sans_.begin(), sans_.end(), [&](const San& san) {
    const std::vector<std::string> names = sansOf(certificate, sanKindOf(san.type), san.oid);
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return san.exact_dns.empty() ? san.matcher->matches(name) : dnsNameMatches(san.exact_dns, name);
    });
  });
}

bool Validation::pinMatches(X509* certificate) const {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  unsigned int size = 0;
  if (!hashes_.empty() && X509_digest(certificate, EVP_sha256(), hash, &size) == 1 && contains(hashes_, hash)) return true;
  if (spki_hashes_.empty()) return false;
  unsigned char* der = nullptr;
  const int der_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (der_size <= 0) return false;
  SHA256(der, static_cast<size_t>(der_size), hash);
  OPENSSL_free(der);
  return contains(spki_hashes_, hash);
}

}  // namespace nuncio::tls
