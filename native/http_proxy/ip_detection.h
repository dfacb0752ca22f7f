// Who the client is, when extensions of the connection manager say so (Envoy: original IP detection): a header of one's
// own, or x-forwarded-for with settings of its own. Immutable, part of a ManagerConfig.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/header_map.h"
#include "net/address.h"
#include "plan/plan_types.h"

namespace nuncio::http_proxy {

struct DetectedClient {
  const net::Address* address = nullptr;  // in the request's arena, or the peer's; null: not found
  bool single = false;         // x-forwarded-for held exactly one address, or the header is trusted: it may be internal
  bool append = false;         // the peer's address is added to x-forwarded-for
  uint16_t reject_status = 0;  // not 0: the request is refused
};

/** The address `back` places from the right of x-forwarded-for (0: the last one). */
DetectedClient clientFromXff(http::HeaderMap& headers, uint32_t back);

class IpDetections {
 public:
  IpDetections() = default;
  static base::Result<IpDetections, std::string> make(const std::vector<plan::IpDetection>& plans);

  bool empty() const { return list_.empty(); }
  /** What the first that finds an address says. */
  DetectedClient detect(http::HeaderMap& headers, const net::Address& peer) const;

 private:
  struct Detection {
    std::string header;  // empty: x-forwarded-for
    bool trusted;
    bool append;
    uint16_t reject_status;
    uint32_t hops;
    std::vector<std::pair<net::Address, uint32_t>> networks;  // trusted; not empty: in place of `hops`
    bool trusts(const net::Address& address) const;
    DetectedClient throughNetworks(http::HeaderMap& headers, const net::Address& peer) const;
    DetectedClient detect(http::HeaderMap& headers, const net::Address& peer) const;
  };

  std::vector<Detection> list_;
};

}  // namespace nuncio::http_proxy
