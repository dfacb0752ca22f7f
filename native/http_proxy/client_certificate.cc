#include "http_proxy/client_certificate.h"

#include <algorithm>
#include <string_view>

#include "generated/plan.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using Mode = plan::HttpConnectionManager::ClientCert;
using San = net::TlsInfo::San;
using Side = net::TlsInfo::Side;

namespace {

/** Writes the pieces of one element, or only counts their bytes: `out` null. */
class ElementText {
 public:
  explicit ElementText(char* out) : out_(out) {}
  size_t size() const { return size_; }

  void plain(std::string_view key, std::string_view value) {
    begin(key);
    write(value);
  }
  void quoted(std::string_view key, std::string_view value) {
    begin(key);
    write("\"");
    write(value);
    write("\"");
  }

 private:
  void begin(std::string_view key) {
    if (size_ != 0) write(";");
    write(key);
    write("=");
  }
  void write(std::string_view text) {
    if (out_ != nullptr) std::copy(text.begin(), text.end(), out_ + size_);
    size_ += text.size();
  }

  char* out_;
  size_t size_ = 0;
};

// The order is Envoy's.
void writeElement(const net::TlsInfo& tls, const ClientCertificateDetails& details, ElementText& out) {
  for (const std::string& uri : tls.sans(Side::kLocal, San::kUri)) out.plain("By", uri);
  const std::string_view hash = tls.fingerprint(Side::kPeer, net::TlsInfo::Digest::kSha256);
  if (!hash.empty()) out.plain("Hash", hash);
  if (details.cert && !tls.urlEncodedPem(Side::kPeer).empty()) out.quoted("Cert", tls.urlEncodedPem(Side::kPeer));
  if (details.chain && !tls.urlEncodedPemChain().empty()) out.quoted("Chain", tls.urlEncodedPemChain());
  if (details.subject) out.quoted("Subject", tls.subject(Side::kPeer));
  if (details.uri) {
    const auto uris = tls.sans(Side::kPeer, San::kUri);
    for (const std::string& uri : uris) out.plain("URI", uri);
    if (uris.empty()) out.plain("URI", "");
  }
  if (details.dns) {
    for (const std::string& name : tls.sans(Side::kPeer, San::kDns)) out.plain("DNS", name);
  }
}

std::string_view elementOf(http::HeaderMap& headers, const net::TlsInfo& tls, const ClientCertificateDetails& details) {
  ElementText counted(nullptr);
  writeElement(tls, details, counted);
  char* text = headers.arena().array<char>(std::max<size_t>(counted.size(), 1));
  ElementText written(text);
  writeElement(tls, details, written);
  return {text, written.size()};
}

}  // namespace

ClientCertificateDetails::ClientCertificateDetails(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    cert = cert || name == "cert";
    chain = chain || name == "chain";
    subject = subject || name == "subject";
    uri = uri || name == "uri";
    dns = dns || name == "dns";
  }
}

void forwardClientCertificate(http::HeaderMap& headers, const net::TlsInfo* tls, Mode mode,
                              const ClientCertificateDetails& details) {
  if (mode == Mode::ALWAYS_FORWARD_ONLY) return;
  const bool presented = tls != nullptr && tls->peerCertificatePresented();
  if (mode == Mode::SANITIZE || !presented) {
    headers.remove(HeaderId::kXForwardedClientCert);
    return;
  }
  if (mode == Mode::APPEND_FORWARD) return headers.append(HeaderId::kXForwardedClientCert, elementOf(headers, *tls, details));
  if (mode == Mode::SANITIZE_SET) headers.set(HeaderId::kXForwardedClientCert, elementOf(headers, *tls, details));
}

}  // namespace nuncio::http_proxy
