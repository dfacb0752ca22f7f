// The client side of TLS: UpstreamConfig is a cluster's transport socket as configured (immutable, shared); UpstreamTls
// makes transports from it in one worker, with a context that follows its secrets and keeps sessions to resume.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/transport.h"
#include "tls/common_config.h"
#include "tls/context.h"

namespace nuncio::tls {

struct UpstreamConfig : CommonConfig {
  plan::UpstreamTls plan;

  static base::Result<std::shared_ptr<const UpstreamConfig>, std::string> make(std::span<const uint8_t> plan);
};
using UpstreamConfigPtr = std::shared_ptr<const UpstreamConfig>;

/** What one connection wants beyond its cluster's configuration. Views are copied. */
struct UpstreamWishes {
  std::string_view sni = {};                            // instead of the configured one
  std::span<const std::string_view> verify_sans = {};
  std::span<const std::string_view> alpn = {};          // instead of the configured ones
  std::span<const std::string_view> alpn_fallback = {}; // when none are configured
  std::string_view host_name = {};                      // of the endpoint: what auto_host_sni sends
  uint64_t hash = 0;                               // of the first four: sessions are resumed among equals
};

class ClientContext;

class UpstreamTls {
 public:
  UpstreamTls(WorkerTls& worker, UpstreamConfigPtr config, TlsStatsRef stats);
  ~UpstreamTls();

  std::unique_ptr<net::Transport> newTransport(const net::Address& remote, const UpstreamWishes& wishes);

 private:
  WorkerTls& worker_;
  const UpstreamConfigPtr config_;
  const TlsStatsRef stats_;
  base::LocalRef<ClientContext> context_;
};

}  // namespace nuncio::tls
