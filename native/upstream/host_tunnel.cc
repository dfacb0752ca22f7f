#include "upstream/host_tunnel.h"

#include <unistd.h>

#include <utility>

#include "upstream/connect.h"

namespace nuncio::upstream {

void HostTunnel::open(ClusterRef cluster, const TunnelTarget& target, int fd) {
  const ConnectResult connect = connectTo(*cluster, target.address, nullptr);
  if (connect.fd < 0) {
    ::close(fd);
    return;
  }
  tls::UpstreamTls* tls = cluster->tls(target.transport_socket);
  auto* tunnel = new HostTunnel(std::move(cluster), target.announces, fd, connect.fd);
  if (tls != nullptr) {
    const std::vector<std::string_view> alpn(target.alpn.begin(), target.alpn.end());
    const TransportOptions options{.sni = {}, .verify_sans = {}, .alpn = alpn, .alpn_fallback = {}, .preamble = {}, .preamble_key = {}};
    tunnel->upstream_.connection.secure(tls->newTransport(target.address, {.sni = {},
                                                                           .verify_sans = {},
                                                                           .alpn = alpn,
                                                                           .alpn_fallback = {},
                                                                           .host_name = target.hostname,
                                                                           .hash = options.empty() ? 0 : options.hash()}));
  }
  tunnel->local_.connection.pauseReading(true);  // until there is somewhere to go
  tunnel->local_.connection.start(false);
  tunnel->upstream_.connection.start(true);
}

HostTunnel::HostTunnel(ClusterRef cluster, bool announces, int local, int upstream)
    : cluster_(std::move(cluster)),
      announces_(announces),
      local_(*this, cluster_->services().io, local),
      upstream_(*this, cluster_->services().io, upstream) {}

void HostTunnel::onConnected() {
  if (announces_) local_.connection.write("+");
  local_.connection.pauseReading(false);
}

size_t HostTunnel::End::onInput(std::string_view bytes) {
  tunnel_.other(*this).connection.write(bytes);
  return bytes.size();
}

void HostTunnel::onEnd(End& end) {
  if (std::exchange(over_, true)) return;
  End& peer = other(end);
  end.connection.close();
  constexpr uint64_t kPatienceMs = 1000;  // the other side gets what is queued for it
  if (&end == &upstream_ && peer.connection.queued() > 0) {
    over_ = false;
    return peer.connection.closeAfterFlush(kPatienceMs, false);
  }
  peer.connection.close();
  cluster_->services().io.freeLater(this);
}

}  // namespace nuncio::upstream
