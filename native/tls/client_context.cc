#include "tls/client_context.h"

#include <utility>

#include "tls/certificate.h"
#include "tls/transport.h"

namespace nuncio::tls {

base::LocalRef<ClientContext> ClientContext::make(WorkerTls& worker, const UpstreamConfigPtr& config, const TlsStatsRef& stats) {
  base::LocalRef<ClientContext> context(new ClientContext(worker, config, stats));
  const bool built = context->build();
  ERR_clear_error();
  return built ? context : base::LocalRef<ClientContext>();
}

bool ClientContext::build() {
  const plan::TlsCommon& common = *config_->plan.common;
  bool complete = true;
  std::shared_ptr<const SecretPart> own;
  for (const uint32_t slot : common.certificate_slots) {
    own = use(slot);
    complete = complete && own != nullptr && own->plan.certificate;
  }
  if (common.validation_slot) {
    validation_ = use(*common.validation_slot);
    complete = complete && validation_ != nullptr && validation_->validation != nullptr;
  }
  if (!complete) return false;
  ssl_ctx_ = config_->settings.newContext();
  if (ssl_ctx_ == nullptr) return false;
  SSL_CTX* context = ssl_ctx_.get();
  setUp(context);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);  // what is asked of the peer is our callback's affair
  if (config_->plan.allow_renegotiation) SSL_CTX_clear_options(context, SSL_OP_NO_RENEGOTIATION);
  if (own != nullptr) {
    const auto certificate = Certificate::make(*own->plan.certificate);
    if (!certificate.ok() || !setCertificate(context, certificate.value())) return false;
  }
  if (config_->plan.max_session_keys > 0) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, onNewSession);
  } else {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  return true;
}

int ClientContext::onNewSession(SSL* ssl, SSL_SESSION* session) {
  TlsTransport* transport = TlsTransport::of(ssl);
  if (transport == nullptr) return 0;
  transport->keepSession(SessionPtr(session));
  return 1;  // the reference is ours
}

void ClientContext::keepSession(uint64_t options, SessionPtr session) {
  sessions_.push_front({options, std::move(session)});
  while (sessions_.size() > config_->plan.max_session_keys) sessions_.pop_back();
}

// RFC 8446 C.4: a ticket of TLS 1.3 is used once.
void ClientContext::resume(SSL* ssl, uint64_t options) {
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (at->options != options) continue;
    SSL_set_session(ssl, at->session.get());
    if (SSL_SESSION_get_protocol_version(at->session.get()) >= TLS1_3_VERSION) sessions_.erase(at);
    return;
  }
}

}  // namespace nuncio::tls
