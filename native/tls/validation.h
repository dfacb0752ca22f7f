// Validation: what a peer's certificate must be. Made once from its plan, immutable, shared by all workers; each context
// takes a store of trusted certificates of its own from it. `Verdict` is what came out for one peer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/matcher.h"
#include "plan/plan_types.h"
#include "tls/openssl.h"
#include "tls/spiffe.h"

namespace nuncio::tls {

enum class Refusal : uint8_t { kNone, kChain, kSan, kHash };

struct Verdict {
  Refusal refusal = Refusal::kNone;
  bool validated = false;  // something was asked of the certificate, and it held
  bool distrusted = false; // its chain did not hold, which the configuration accepts
  std::string detail;      // "verify cert failed: …"
};

class Validation {
 public:
  static base::Result<std::unique_ptr<const Validation>, std::string> make(const plan::CertificateValidation& plan);

  /** Something is asked of certificates at all: a peer is made to show one. */
  bool asksForCertificate() const { return verifiesChain() || !hashes_.empty() || !spki_hashes_.empty(); }
  bool verifiesChain() const { return has_ca_ && !plan_.accept_untrusted; }
  bool hasTrustedCa() const { return has_ca_; }

  /** Trusted certificates, CRLs and the flags of verification. */
  StorePtr newStore() const;
  /** Sets the names of acceptable issuers that a server tells its clients. */
  void nameIssuers(SSL_CTX* context) const;
  int maxDepth() const { return plan_.max_verify_depth ? static_cast<int>(*plan_.max_verify_depth) : kDefaultDepth; }

  /** The whole examination of the chain in `store`, whose leaf must also have one of `names` (none: not asked). */
  Verdict verify(X509_STORE_CTX* store, const std::vector<std::string_view>& names) const;

 private:
  static constexpr int kDefaultDepth = 100;
  struct San {
    plan::SanMatcher::Type type;
    std::string oid;
    std::string exact_dns;  // set: the certificate's wildcards count
    std::unique_ptr<const http::StringMatcher> matcher;
  };
  bool sanMatches(X509* certificate) const;
  bool pinMatches(X509* certificate) const;

  plan::CertificateValidation plan_;
  std::string trusted_ca_;  // PEM; the machine's roots are read when the plan is
  bool has_ca_ = false;
  SpiffeDomains spiffe_;    // not empty: they decide about the chain
  std::vector<San> sans_;
  std::vector<std::string> hashes_;       // 32 bytes each
  std::vector<std::string> spki_hashes_;
};

}  // namespace nuncio::tls
