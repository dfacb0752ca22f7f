// What a request says of its client's certificate: x-forwarded-client-cert, passed on, taken out, or written from the
// connection's facts. Free functions over the request's headers; worker thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "http/header_map.h"
#include "net/tls_info.h"
#include "plan/plan_types.h"

namespace nuncio::http_proxy {

/** Which facts `set_current_client_cert_details` asks for, besides By and Hash. */
struct ClientCertificateDetails {
  bool cert = false, chain = false, subject = false, uri = false, dns = false;

  explicit ClientCertificateDetails(const std::vector<std::string>& names);
  ClientCertificateDetails() = default;
};

/** `tls` null: clear text, over which nobody vouches for a certificate. */
void forwardClientCertificate(http::HeaderMap& headers, const net::TlsInfo* tls, plan::HttpConnectionManager::ClientCert mode,
                              const ClientCertificateDetails& details);

}  // namespace nuncio::http_proxy
