// Certificates for tests: an authority of its own, made on the spot.
#pragma once

#include <cstdint>
#include <string>

#include "tls/openssl.h"

namespace nuncio::test {

struct Wanted {
  std::string name = {}; // common name and DNS name
  std::string uri = {};  // a URI beside it
  bool is_ecdsa = false;
  int from_days = -1;
  int days = 30;
};

struct Issued {
  std::string certificate, key;  // PEM
};

class Authority {
 public:
  Authority() : key_(newKey(true)), certificate_(make({.name = "authority"}, key_.get(), key_.get(), nullptr)) {}

  std::string pem() const { return pemOf(certificate_.get()); }

  Issued issue(const Wanted& wanted) {
    const tls::KeyPtr key = newKey(wanted.is_ecdsa);
    const tls::X509Ptr certificate = make(wanted, key.get(), key_.get(), certificate_.get());
    const tls::BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {pemOf(certificate.get()), textOf(bio.get())};
  }

 private:
  static tls::KeyPtr newKey(bool is_ecdsa) { return tls::KeyPtr(is_ecdsa ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048)); }

  static std::string textOf(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<size_t>(size)};
  }

  static std::string pemOf(X509* certificate) {
    const tls::BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return textOf(bio.get());
  }

  static void extend(X509* certificate, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  tls::X509Ptr make(const Wanted& wanted, EVP_PKEY* key, EVP_PKEY* signer, X509* issuer) {
    tls::X509Ptr out(X509_new());
    X509_set_version(out.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), 86'400L * wanted.from_days);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), 86'400L * wanted.days);
    X509_set_pubkey(out.get(), key);
    X509_NAME* name = X509_get_subject_name(out.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(wanted.name.c_str()), -1, -1, 0);
    X509_set_issuer_name(out.get(), issuer == nullptr ? name : X509_get_subject_name(issuer));
    if (issuer == nullptr) {
      extend(out.get(), NID_basic_constraints, "critical,CA:TRUE");
    } else {
      extend(out.get(), NID_subject_alt_name, "DNS:" + wanted.name + (wanted.uri.empty() ? "" : ",URI:" + wanted.uri));
    }
    X509_sign(out.get(), signer, EVP_sha256());
    return out;
  }

  long serial_ = 0;
  tls::KeyPtr key_;
  tls::X509Ptr certificate_;
};

}  // namespace nuncio::test
