// SPIFFE: peers known by the trust domain in their certificate's URI name ("spiffe://DOMAIN/path"), each domain with
// certificates of its own to trust (envoy.tls.cert_validator.spiffe). Made once from a plan, immutable, shared by all workers.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/plan_types.h"
#include "tls/openssl.h"

namespace nuncio::tls {

class SpiffeDomains {
 public:
  static base::Result<SpiffeDomains, std::string> make(const std::vector<plan::SpiffeDomain>& domains, bool allow_expired);

  bool empty() const { return stores_.empty(); }
  /** Nothing: the leaf of `context` is a workload of one of the domains; else why not ("verify cert failed: …"). */
  std::string verify(X509_STORE_CTX* context) const;

 private:
  std::map<std::string, StorePtr, std::less<>> stores_;
};

}  // namespace nuncio::tls
