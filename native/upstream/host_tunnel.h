// HostTunnel: carries bytes between a local socket and one host of a cluster, through everything the cluster says of its
// connections: local address, socket options, TLS. Main checks the health of hosts through it without a TLS of its own. A
// tunnel that fails just closes. Owns itself, freed at the end of the turn in which either side ended. Counts nothing but what the transport counts. Worker thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/connection.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::upstream {

struct TunnelTarget {
  uint32_t slot;  // of the cluster
  std::shared_ptr<const ClusterPart> cluster;
  net::Address address;
  std::string hostname;
  uint32_t transport_socket;       // as Member::transport_socket
  std::vector<std::string> alpn;   // offered instead of what is configured
  bool announces;                  // one byte goes to the local socket when the host is reached
};

class HostTunnel final : public net::DeferredFree {
 public:
  /** Takes over `fd`. */
  static void open(ClusterRef cluster, const TunnelTarget& target, int fd);

 private:
  class End final : public net::ConnectionEvents {
   public:
    End(HostTunnel& tunnel, net::IoContext& io, int fd) : connection(io, fd, *this), tunnel_(tunnel) {}
    void onConnected() override { tunnel_.onConnected(); }
    size_t onInput(std::string_view bytes) override;
    void onEndOfInput() override { tunnel_.onEnd(*this); }
    void onAboveHighWatermark() override { tunnel_.other(*this).connection.pauseReading(true); }
    void onBelowLowWatermark() override { tunnel_.other(*this).connection.pauseReading(false); }
    void onClosed(net::CloseCause) override { tunnel_.onEnd(*this); }

    net::Connection connection;

   private:
    HostTunnel& tunnel_;
  };

  HostTunnel(ClusterRef cluster, bool announces, int local, int upstream);
  ~HostTunnel() override = default;
  End& other(End& end) { return &end == &local_ ? upstream_ : local_; }
  void onConnected();
  void onEnd(End& end);

  const ClusterRef cluster_;
  const bool announces_;
  End local_, upstream_;
  bool over_ = false;
};

}  // namespace nuncio::upstream
