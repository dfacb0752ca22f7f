// ConnectionFacts: what listener and network filters found out about, or wrote to, one downstream connection. Most
// connections have none: it is made when a filter first needs it, and lives as long as the connection, in whose
// ConnectionInfo it is. All texts are its arena's. Worker thread only.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "http/dynamic_metadata.h"
#include "net/address.h"
#include "net/proxy_protocol.h"

namespace nuncio::http {

struct ConnectionFacts {
  explicit ConnectionFacts(base::ChunkPool& pool) : arena(pool), metadata(arena), filter_state(arena) {}

  base::Arena arena;
  net::Address direct_local;   // of the socket, when listener filters may put others in their place; family kNone: there are none
  net::Address direct_remote;
  bool local_restored = false; // the local address is one a filter restored (PROXY protocol, original destination)
  std::string_view server_name;         // lower case
  std::string_view transport_protocol;  // "tls"; empty: nobody knows, and it counts as "raw_buffer"
  std::span<const std::string_view> application_protocols;
  std::string_view ja3_fingerprint, ja4_fingerprint;
  const net::ProxyHeader* proxy_header = nullptr;  // received, with the TLVs that may be passed on
  DynamicMetadata metadata;
  FilterState filter_state;

  /** What a filter keeps as long as the connection; `owner` is a number that no two of them share. */
  class Kept {
   public:
    virtual ~Kept() = default;

   private:
    friend struct ConnectionFacts;
    uint64_t owner_ = 0;
    std::unique_ptr<Kept> next_;
  };
  /** Null: nothing is kept under this number. */
  Kept* kept(uint64_t owner) const {
    Kept* one = kept_.get();
    while (one != nullptr && one->owner_ != owner) one = one->next_.get();
    return one;
  }
  Kept& keep(uint64_t owner, std::unique_ptr<Kept> value) {
    value->owner_ = owner;
    value->next_ = std::move(kept_);
    kept_ = std::move(value);
    return *kept_;
  }

 private:
  std::unique_ptr<Kept> kept_;
};

}  // namespace nuncio::http
