// Context: one SSL_CTX with what belongs to it in one worker: the secrets it was made of, the peer's validation, statistics,
// the key log. Made at first use, replaced when one of its secrets is another; connections keep the one they began with.
// ServerContext and ClientContext derive from it. Counted by reference; worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/local_ref.h"
#include "net/address.h"
#include "tls/key_log.h"
#include "tls/settings.h"
#include "tls/stats.h"
#include "tls/worker_tls.h"

namespace nuncio::tls {

class TlsTransport;
struct Certificate;

class Context : public base::LocalCounted {
 public:
  virtual ~Context();

  Role role() const { return role_; }
  WorkerTls& worker() { return worker_; }
  TlsStats& stats() { return *stats_; }
  SSL_CTX* sslCtx() { return ssl_ctx_.get(); }
  /** Null: nothing is asked of the peer's certificate. */
  const Validation* validation() const { return validation_ == nullptr ? nullptr : validation_->validation.get(); }
  const KeyLog* keyLog() const { return key_log_; }
  /** The secrets in the slots are still those this context was made of. */
  bool isCurrent() const;

  /** A client's new session, to be resumed by a later connection that wants the same. */
  virtual void keepSession(uint64_t /*options*/, SessionPtr /*session*/) {}

 protected:
  Context(WorkerTls& worker, Role role, TlsStatsRef stats, const KeyLog* key_log)
      : role_(role), worker_(worker), stats_(std::move(stats)), key_log_(key_log) {}
  /** Takes the secret in a slot into use; null: it is not there. */
  std::shared_ptr<const SecretPart> use(uint32_t slot);
  /** Certificate, key and chain for `context`. */
  static bool setCertificate(SSL_CTX* context, const Certificate& certificate);
  /** Buffers, verification, key log: the same for both sides. */
  void setUp(SSL_CTX* context);

  const Role role_;
  WorkerTls& worker_;
  TlsStatsRef stats_;
  const KeyLog* key_log_;
  SslCtxPtr ssl_ctx_;
  std::shared_ptr<const SecretPart> validation_;

 private:
  struct Used {
    uint32_t slot;
    std::shared_ptr<const SecretPart> part;
  };
  static int onVerify(X509_STORE_CTX* store, void* context);
  static void onKeyLog(const SSL* ssl, const char* line);

  std::vector<Used> used_;
};
using ContextRef = base::LocalRef<Context>;

}  // namespace nuncio::tls
