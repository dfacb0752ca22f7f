// The OpenSSL that the running Node carries, as this folder uses it: owners for its objects, and the library context that
// everything here lives in. That context is the process's own: neither an openssl.cnf nor OPENSSL_CONF, nor what Node's
// options ask of its default context, reach it. Any thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace nuncio::tls {

template <auto Free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeBy<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, FreeBy<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, FreeBy<X509_CRL_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using StorePtr = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;
using SslPtr = std::unique_ptr<SSL, FreeBy<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;

/** The context all objects of this folder are made in; made at first use, lives until exit. */
OSSL_LIB_CTX* libraryContext();

/** A memory BIO over bytes that outlive it. */
BioPtr bioOf(std::string_view bytes);

std::string hex(const uint8_t* bytes, size_t size);

}  // namespace nuncio::tls
