#include "tls/server_context.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "tls/session_cache.h"
#include "tls/transport.h"

namespace nuncio::tls {

using stats::TlsStat;
using Policy = plan::DownstreamTls::OcspPolicy;

namespace {

std::span<const uint8_t> extensionOf(SSL* ssl, unsigned type) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &bytes, &size) != 1) return {};
  return {bytes, size};
}

ServerContext& of(void* context) { return *static_cast<ServerContext*>(static_cast<Context*>(context)); }

}  // namespace

base::LocalRef<ServerContext> ServerContext::make(WorkerTls& worker, const DownstreamConfigPtr& config, const TlsStatsRef& stats) {
  base::LocalRef<ServerContext> context(new ServerContext(worker, config, stats));
  const bool built = context->build();
  ERR_clear_error();
  return built ? context : base::LocalRef<ServerContext>();
}

// Every slot is looked at even when one is empty: a context that waits must see the missing secret come.
bool ServerContext::build() {
  const plan::DownstreamTls& plan = config_->plan;
  const plan::TlsCommon& common = *plan.common;
  bool complete = true;
  for (const uint32_t slot : common.certificate_slots) {
    const auto secret = use(slot);
    if (secret == nullptr || !secret->plan.certificate) {
      complete = false;
      continue;
    }
    auto certificate = Certificate::make(*secret->plan.certificate);
    if (!certificate.ok()) return false;
    leaves_.push_back({std::move(certificate.value()), nullptr});
  }
  if (common.validation_slot) {
    validation_ = use(*common.validation_slot);
    complete = complete && validation_ != nullptr && validation_->validation != nullptr;
  }
  if (plan.ticket_keys_slot) {
    ticket_keys_ = use(*plan.ticket_keys_slot);
    complete = complete && ticket_keys_ != nullptr && ticket_keys_->ticket_keys != nullptr;
  }
  if (!complete || leaves_.empty()) return false;
  ssl_ctx_ = config_->settings.newContext();
  if (ssl_ctx_ == nullptr || !setUpServer(ssl_ctx_.get())) return false;
  SSL_CTX_set_client_hello_cb(ssl_ctx_.get(), onClientHello, static_cast<Context*>(this));
  if (!setCertificate(ssl_ctx_.get(), leaves_.front().certificate)) return false;
  for (size_t i = 0; i < leaves_.size(); ++i) {
    Leaf& leaf = leaves_[i];
    for (const std::string& name : leaf.certificate.names) by_name_[name].push_back(i);
    if (leaves_.size() == 1) break;
    leaf.context = config_->settings.newContext();
    if (leaf.context == nullptr || !setUpServer(leaf.context.get())) return false;
    if (!setCertificate(leaf.context.get(), leaf.certificate)) return false;
  }
  return true;
}

bool ServerContext::setUpServer(SSL_CTX* context) {
  const plan::DownstreamTls& plan = config_->plan;
  setUp(context);
  if (!plan.prefer_client_ciphers) SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  const Validation* validation = this->validation();
  if (plan.require_client_certificate) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  } else if (validation != nullptr) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (validation != nullptr && validation->hasTrustedCa()) validation->nameIssuers(context);
  setSessionIdentity(context);
  if (plan.session_timeout_s) SSL_CTX_set_timeout(context, *plan.session_timeout_s);
  if (plan.disable_stateless_resumption) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  } else {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, onTicket);
  }
  if (plan.disable_stateful_resumption) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  } else {
    SessionCache::process().attach(context);
  }
  if (!config_->settings.alpn().empty()) SSL_CTX_set_alpn_select_cb(context, onAlpn, static_cast<Context*>(this));
  SSL_CTX_set_tlsext_status_cb(context, onStatus);
  return true;
}

/** Sessions are resumed among contexts that ask the same of their clients and show the same certificates. */
void ServerContext::setSessionIdentity(SSL_CTX* context) const {
  std::string facts(config_->plan.require_client_certificate ? "required" : "optional");
  if (validation_ != nullptr) facts += validation_->identity;
  for (const Leaf& leaf : leaves_) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned int size = 0;
    X509_digest(leaf.certificate.leaf.get(), EVP_sha256(), digest, &size);
    facts.append(reinterpret_cast<char*>(digest), size);
  }
  unsigned char identity[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(facts.data()), facts.size(), identity);
  SSL_CTX_set_session_id_context(context, identity, sizeof(identity));
}

// ---------------------------------------------------------------- which certificate

ServerContext::Staple ServerContext::stapleFor(const Leaf& leaf, bool asked) const {
  if (!asked) return Staple::kNotAsked;
  const Certificate& certificate = leaf.certificate;
  const int64_t now_s = worker_.loop().wall() / 1'000'000'000;
  const bool has = !certificate.ocsp.empty();
  const bool valid = has && !certificate.ocspExpired(now_s);
  const Policy policy = certificate.must_staple ? Policy::MUST_STAPLE : config_->plan.ocsp_staple_policy;
  switch (policy) {
    case Policy::STRICT_STAPLING:
      if (has && !valid) return Staple::kRefuse;
      break;
    case Policy::MUST_STAPLE:
      if (!valid) return Staple::kRefuse;
      break;
    default:
      break;
  }
  return valid ? Staple::kStaple : Staple::kNone;
}

/**
 * As Envoy chooses: the name as it stands, then its wildcard, then (no name, or `full_scan…`) any; among those that fit an
 * ECDSA certificate the client can verify, else RSA. Nothing fits: the first.
 */
ServerContext::Choice ServerContext::choose(const ClientHello& hello) const {
  Choice chosen, second;
  const auto consider = [&](const Leaf& leaf) {
    const Choice choice{&leaf, stapleFor(leaf, hello.wants_ocsp)};
    if (choice.staple == Staple::kRefuse) return;
    const Certificate& certificate = leaf.certificate;
    const bool verifiable = (certificate.curve == NID_X9_62_prime256v1 && hello.ecdsa_p256) ||
                            (certificate.curve == NID_secp384r1 && hello.ecdsa_p384) || (certificate.curve == NID_secp521r1 && hello.ecdsa_p521);
    if (certificate.is_ecdsa ? verifiable : !hello.canVerifyEcdsa()) {
      if (chosen.leaf == nullptr) chosen = choice;
    } else if (!certificate.is_ecdsa && second.leaf == nullptr) {
      second = choice;  // the client could have more
    }
  };
  const auto considerName = [&](std::string_view name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return;
    for (const size_t i : found->second) consider(leaves_[i]);
  };
  const std::string_view name = hello.server_name;
  if (!name.empty()) {
    considerName(name);
    const size_t dot = name.find('.', 1);
    if (chosen.leaf == nullptr && second.leaf == nullptr && dot != std::string_view::npos) considerName(name.substr(dot));
  }
  if (chosen.leaf == nullptr && second.leaf == nullptr && (name.empty() || config_->plan.full_scan_certs_on_sni_mismatch)) {
    for (const Leaf& leaf : leaves_) consider(leaf);
  }
  if (chosen.leaf == nullptr) chosen = second;
  if (chosen.leaf == nullptr) chosen = {&leaves_.front(), stapleFor(leaves_.front(), hello.wants_ocsp)};
  return chosen;
}

int ServerContext::onClientHello(SSL* ssl, int* alert, void* context) {
  ServerContext& self = of(context);
  HelloBytes bytes;
  bytes.server_name = extensionOf(ssl, TLSEXT_TYPE_server_name);
  bytes.supported_versions = extensionOf(ssl, TLSEXT_TYPE_supported_versions);
  bytes.has_status_request = extensionOf(ssl, TLSEXT_TYPE_status_request).data() != nullptr;
  const unsigned char* suites = nullptr;
  const size_t suites_size = SSL_client_hello_get0_ciphers(ssl, &suites);
  bytes.cipher_suites = {suites, suites_size};
  if (self.leaves_.size() > 1) {
    bytes.signature_algorithms = extensionOf(ssl, TLSEXT_TYPE_signature_algorithms);
    bytes.supported_groups = extensionOf(ssl, TLSEXT_TYPE_supported_groups);
  }
  const ClientHello hello = ClientHello::parse(bytes);
  // In TLS 1.3 the suites are equals to BoringSSL: the client's order counts.
  const Settings& settings = self.config_->settings;
  if (hello.offers_tls13 && settings.maxVersion() >= TLS1_3_VERSION) {
    SSL_clear_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
  } else if (settings.hasEqualCiphers() && !self.config_->plan.prefer_client_ciphers) {
    if (const std::string list = settings.ciphersFor(bytes.cipher_suites); !list.empty()) SSL_set_cipher_list(ssl, list.c_str());
  }
  if (self.config_->plan.require_sni && hello.server_name.empty()) {
    *alert = SSL_AD_MISSING_EXTENSION;
    return SSL_CLIENT_HELLO_ERROR;
  }
  const Choice choice = self.choose(hello);
  const auto& counters = self.stats().counters();
  if (choice.staple != Staple::kNotAsked) counters.inc(TlsStat::ocsp_staple_requests);
  switch (choice.staple) {
    case Staple::kNotAsked:
      break;
    case Staple::kNone:
      counters.inc(TlsStat::ocsp_staple_omitted);
      break;
    case Staple::kRefuse:
      counters.inc(TlsStat::ocsp_staple_failed);
      *alert = SSL_AD_HANDSHAKE_FAILURE;
      return SSL_CLIENT_HELLO_ERROR;
    case Staple::kStaple:
      counters.inc(TlsStat::ocsp_staple_responses);
      if (TlsTransport* transport = TlsTransport::of(ssl)) transport->staple(&choice.leaf->certificate.ocsp);
      break;
  }
  if (choice.leaf->context != nullptr) SSL_set_SSL_CTX(ssl, choice.leaf->context.get());
  return SSL_CLIENT_HELLO_SUCCESS;
}

// ---------------------------------------------------------------- other callbacks

int ServerContext::onAlpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned int in_size, void* context) {
  const std::string& ours = of(context).config_->settings.alpn();
  unsigned char* selected = nullptr;
  const int result = SSL_select_next_proto(&selected, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                           static_cast<unsigned>(ours.size()), in, in_size);
  *out = selected;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int ServerContext::onStatus(SSL* ssl, void*) {
  const TlsTransport* transport = TlsTransport::of(ssl);
  const std::string* response = transport == nullptr ? nullptr : transport->stapled();
  if (response == nullptr) return SSL_TLSEXT_ERR_NOACK;
  void* copy = OPENSSL_memdup(response->data(), response->size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, static_cast<unsigned char*>(copy), static_cast<long>(response->size()));
  return SSL_TLSEXT_ERR_OK;
}

int ServerContext::onTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  TlsTransport* transport = TlsTransport::of(ssl);
  if (transport == nullptr) return -1;
  auto& self = static_cast<ServerContext&>(transport->context());
  const TicketKeys& keys = self.ticket_keys_ != nullptr ? *self.ticket_keys_->ticket_keys : self.worker_.ticketKeys();
  constexpr int kRenew = 2;
  const int result = sealOrOpenTicket(keys, name, iv, cipher, mac, seal);
  // Clients of TLS 1.3 use a ticket once: each resumed connection gets a new one, or the next could not be resumed.
  return result == 1 && seal == 0 && SSL_version(ssl) == TLS1_3_VERSION ? kRenew : result;
}

}  // namespace nuncio::tls
