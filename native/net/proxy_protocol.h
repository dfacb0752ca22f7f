// The PROXY protocol's header, versions 1 and 2 (haproxy.org/download/2.9/doc/proxy-protocol.txt): reading one from the
// first bytes of a connection, and writing one. No I/O, no allocation but the caller's arena. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "net/address.h"

namespace nuncio::net {

struct ProxyTlv {
  uint8_t type;
  std::string_view value;
};

/** Whom a connection is forwarded for. */
struct ProxyHeader {
  uint8_t version = 0;     // 1 or 2
  bool local = false;      // v2 LOCAL, v1 UNKNOWN: the sender speaks for itself, the addresses are the socket's
  Address source, destination;
  std::span<const ProxyTlv> tlvs;  // v2; views into the bytes that were read
};

enum class ProxyParse : uint8_t {
  kNeedMore,
  kNotProxy,   // these bytes begin no PROXY header
  kInvalid,    // they begin one, and it is wrong
  kDone,
};

struct ProxyParseResult {
  ProxyParse status;
  uint8_t version;     // 1 or 2 once the beginning tells, else 0
  size_t size;         // kDone: of the header; kNeedMore: how many bytes to look at next
};

constexpr size_t kMaxProxyV1 = 108;
constexpr size_t kProxyV2Prefix = 16;
constexpr size_t kMaxProxyV2 = kProxyV2Prefix + 65535;

/** Reads a header; TLVs are put into `arena`, their values stay views into `bytes`. */
ProxyParseResult parseProxyHeader(std::string_view bytes, base::Arena& arena, ProxyHeader& out);

/** Could these bytes be the beginning of a header of this version? */
bool maybeProxyV1(std::string_view bytes);
bool maybeProxyV2(std::string_view bytes);

/** "PROXY TCP4 …\r\n"; "PROXY UNKNOWN\r\n" when the addresses are of two families, or no IP addresses. In `arena`. */
std::string_view writeProxyV1(const Address& source, const Address& destination, base::Arena& arena);
/**
 * A version 2 header. LOCAL when the addresses are of two families or no IP addresses. TLVs that no longer fit into 65535
 * bytes are left out, the last first; `dropped` counts them. In `arena`.
 */
std::string_view writeProxyV2(const Address& source, const Address& destination, std::span<const ProxyTlv> tlvs,
                              base::Arena& arena, size_t& dropped);

}  // namespace nuncio::net
