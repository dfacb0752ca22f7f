#include "tls/spiffe.h"

#include <memory>
#include <utility>

#include "tls/certificate.h"
#include "tls/sans.h"

namespace nuncio::tls {
namespace {

using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;

int passDates(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  const int error = X509_STORE_CTX_get_error(context);
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ? 1 : 0;
}

/** A workload's certificate signs nothing (X509-SVID section 4). */
bool isWorkload(X509* leaf) {
  if ((X509_get_extension_flags(leaf) & EXFLAG_CA) != 0) return false;
  const uint32_t usage = X509_get_key_usage(leaf);
  return usage == UINT32_MAX || (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) == 0;
}

std::string_view domainOf(std::string_view uri) {
  constexpr std::string_view kScheme = "spiffe://";
  if (!uri.starts_with(kScheme)) return {};
  uri.remove_prefix(kScheme.size());
  return uri.substr(0, uri.find('/'));
}

}  // namespace

base::Result<SpiffeDomains, std::string> SpiffeDomains::make(const std::vector<plan::SpiffeDomain>& domains, bool allow_expired) {
  SpiffeDomains out;
  for (const plan::SpiffeDomain& domain : domains) {
    const std::vector<X509Ptr> certificates = readCertificates(domain.bundle);
    if (certificates.empty()) return "Failed to load trusted CA certificate for " + domain.name;
    StorePtr store(X509_STORE_new());
    for (const X509Ptr& certificate : certificates) X509_STORE_add_cert(store.get(), certificate.get());
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    if (allow_expired) X509_STORE_set_verify_cb(store.get(), passDates);
    if (!out.stores_.emplace(domain.name, std::move(store)).second) {
      return "Multiple trust bundles are given for one trust domain for " + domain.name;
    }
  }
  return out;
}

std::string SpiffeDomains::verify(X509_STORE_CTX* context) const {
  X509* leaf = X509_STORE_CTX_get0_cert(context);
  if (!isWorkload(leaf)) return "verify cert failed: SPIFFE pre check";
  auto found = stores_.end();
  for (const std::string& uri : sansOf(leaf, net::TlsInfo::San::kUri)) {
    if (const std::string_view domain = domainOf(uri); !domain.empty()) {
      found = stores_.find(domain);
      break;
    }
  }
  if (found == stores_.end()) return "verify cert failed: no trust bundle store";
  const StoreContextPtr inner(X509_STORE_CTX_new_ex(libraryContext(), nullptr));
  if (inner == nullptr || X509_STORE_CTX_init(inner.get(), found->second.get(), leaf, X509_STORE_CTX_get0_untrusted(context)) != 1) {
    return "verify cert failed: out of memory";
  }
  if (X509_verify_cert(inner.get()) == 1) return {};
  return std::string("verify cert failed: SPIFFE: ") + X509_verify_cert_error_string(X509_STORE_CTX_get_error(inner.get()));
}

}  // namespace nuncio::tls
