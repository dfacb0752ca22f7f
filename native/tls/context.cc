#include "tls/context.h"

#include <openssl/rand.h>

#include "tls/certificate.h"
#include "tls/transport.h"

namespace nuncio::tls {
namespace {

// Two full records a recv. OpenSSL's own size holds one, and asks for its head first.
constexpr size_t kReadBuffer = 2 * (SSL3_RT_MAX_ENCRYPTED_LENGTH + SSL3_RT_HEADER_LENGTH);

}  // namespace

Context::~Context() = default;

std::shared_ptr<const SecretPart> Context::use(uint32_t slot) {
  auto part = worker_.secret(slot);
  used_.push_back({slot, part});
  return part;
}

bool Context::isCurrent() const {
  for (const Used& used : used_) {
    if (worker_.secret(used.slot) != used.part) return false;
  }
  return true;
}

bool Context::setCertificate(SSL_CTX* context, const Certificate& certificate) {
  if (SSL_CTX_use_certificate(context, certificate.leaf.get()) != 1) return false;
  if (SSL_CTX_use_PrivateKey(context, certificate.key.get()) != 1) return false;
  SSL_CTX_clear_chain_certs(context);
  for (const X509Ptr& issuer : certificate.chain) {
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) return false;
  }
  return true;
}

void Context::setUp(SSL_CTX* context) {
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBuffer);
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_cert_verify_callback(context, onVerify, this);
  if (const Validation* validation = this->validation()) {
    if (StorePtr store = validation->newStore()) SSL_CTX_set_cert_store(context, store.release());
    SSL_CTX_set_verify_depth(context, validation->maxDepth());
  }
  if (key_log_ != nullptr) SSL_CTX_set_keylog_callback(context, onKeyLog);
}

int Context::onVerify(X509_STORE_CTX* store, void* context) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  TlsTransport* transport = TlsTransport::of(ssl);
  return transport == nullptr ? 0 : transport->verifyPeer(store, static_cast<Context*>(context)->validation());
}

void Context::onKeyLog(const SSL* ssl, const char* line) {
  if (const TlsTransport* transport = TlsTransport::of(ssl)) transport->logKey(line);
}

}  // namespace nuncio::tls
