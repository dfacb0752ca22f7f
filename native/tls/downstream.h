// The server side of TLS: DownstreamConfig is a filter chain's transport socket as configured (immutable, shared);
// DownstreamTls makes transports from it in one worker, with a context that follows its secrets.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "net/transport.h"
#include "tls/common_config.h"
#include "tls/context.h"

namespace nuncio::tls {

struct DownstreamConfig : CommonConfig {
  plan::DownstreamTls plan;

  static base::Result<std::shared_ptr<const DownstreamConfig>, std::string> make(std::span<const uint8_t> plan);
};
using DownstreamConfigPtr = std::shared_ptr<const DownstreamConfig>;

class ServerContext;

class DownstreamTls {
 public:
  /** `stats`: of the listener, shared by its chains. */
  DownstreamTls(WorkerTls& worker, DownstreamConfigPtr config, TlsStatsRef stats);
  ~DownstreamTls();

  /** For an accepted connection. When a secret is missing its handshake fails at once. */
  std::unique_ptr<net::Transport> newTransport(const net::Address& local, const net::Address& remote);

 private:
  WorkerTls& worker_;
  const DownstreamConfigPtr config_;
  const TlsStatsRef stats_;
  base::LocalRef<ServerContext> context_;
};

}  // namespace nuncio::tls
