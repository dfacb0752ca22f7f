// ClientContext: the SSL_CTX of an upstream TLS context in one worker, and the sessions it may resume. Worker thread only.
#pragma once

#include <deque>

#include "tls/upstream.h"

namespace nuncio::tls {

class ClientContext final : public Context {
 public:
  /** Null: a secret is missing, or the certificate no longer fits. */
  static base::LocalRef<ClientContext> make(WorkerTls& worker, const UpstreamConfigPtr& config, const TlsStatsRef& stats);
  SslPtr newSsl() { return SslPtr(SSL_new(sslCtx())); }

  void keepSession(uint64_t options, SessionPtr session) override;
  /** Offers the newest session that was kept under these options. */
  void resume(SSL* ssl, uint64_t options);

 private:
  struct Kept {
    uint64_t options;
    SessionPtr session;
  };
  ClientContext(WorkerTls& worker, UpstreamConfigPtr config, TlsStatsRef stats)
      : Context(worker, Role::kClient, std::move(stats), config->key_log.get()), config_(std::move(config)) {}
  bool build();
  static int onNewSession(SSL* ssl, SSL_SESSION* session);

  const UpstreamConfigPtr config_;
  std::deque<Kept> sessions_;  // newest first; at most max_session_keys
};

}  // namespace nuncio::tls
