// ServerContext: the SSL_CTX of a downstream TLS context in one worker. With several certificates there is one SSL_CTX for
// each, and the ClientHello chooses: by name, by what the client can verify, by whether a valid OCSP response is at hand.
// Worker thread only.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/certificate.h"
#include "tls/client_hello.h"
#include "tls/downstream.h"

namespace nuncio::tls {

class ServerContext final : public Context {
 public:
  /** Null: a secret is missing, or the certificate no longer fits. */
  static base::LocalRef<ServerContext> make(WorkerTls& worker, const DownstreamConfigPtr& config, const TlsStatsRef& stats);
  /** For tests and for use after `make`. */
  SslPtr newSsl() { return SslPtr(SSL_new(sslCtx())); }

 private:
  enum class Staple : uint8_t { kNotAsked, kStaple, kNone, kRefuse };
  struct Leaf {
    Certificate certificate;
    SslCtxPtr context;  // null: the only one, whose certificate is in the context itself
  };
  struct Choice {
    const Leaf* leaf = nullptr;
    Staple staple = Staple::kNotAsked;
  };
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  ServerContext(WorkerTls& worker, DownstreamConfigPtr config, TlsStatsRef stats)
      : Context(worker, Role::kServer, std::move(stats), config->key_log.get()), config_(std::move(config)) {}
  bool build();
  bool setUpServer(SSL_CTX* context);
  void setSessionIdentity(SSL_CTX* context) const;
  Choice choose(const ClientHello& hello) const;
  Staple stapleFor(const Leaf& leaf, bool asked) const;

  static int onClientHello(SSL* ssl, int* alert, void* context);
  static int onAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned int in_size, void* context);
  static int onStatus(SSL* ssl, void* context);
  static int onTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal);

  const DownstreamConfigPtr config_;
  std::shared_ptr<const SecretPart> ticket_keys_;  // null: the process's
  std::vector<Leaf> leaves_;
  std::unordered_map<std::string, std::vector<size_t>, NameHash, std::equal_to<>> by_name_;
};

}  // namespace nuncio::tls
