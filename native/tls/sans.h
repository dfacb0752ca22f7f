// Subject alternative names as text, in Envoy's forms, and the rule by which a name fits one in a certificate. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/tls_info.h"
#include "tls/openssl.h"

namespace nuncio::tls {

/** The names of one kind. `oid`: of OTHER_NAME only that type; empty: all. */
std::vector<std::string> sansOf(X509* certificate, net::TlsInfo::San kind, std::string_view oid = {});

/** Every name of any kind as text. */
std::vector<std::string> allSans(X509* certificate);

/** `pattern` (from the certificate, "*.b.c" allowed) covers the DNS name `name`. Case does not count. */
bool dnsNameMatches(std::string_view name, std::string_view pattern);

/** The certificate has one of `names`: DNS names by the rule above, others letter by letter. */
bool hasAnySan(X509* certificate, const std::vector<std::string_view>& names);

/** Distinguished name in RFC 2253 form. */
std::string nameText(const X509_NAME* name);
/** Lower-case hex without leading zeros. */
std::string serialText(X509* certificate);
/** Seconds since the epoch. */
int64_t secondsOf(const ASN1_TIME* time);

}  // namespace nuncio::tls
