// ORIGINAL_DST clusters: a request's destination is its host. OriginalDstHosts: the hosts that requests of one worker
// wanted lately; one that nobody wants for the cleanup interval goes. Owned by the cluster's runtime; worker thread.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "http/dynamic_metadata.h"
#include "http/header_map.h"
#include "http/stream_info.h"
#include "loop/timer_wheel.h"
#include "upstream/host_runtime.h"
#include "upstream/worker_services.h"

namespace nuncio::upstream {

/** What may name a destination. */
struct DestinationFacts {
  const http::HeaderMap* headers = nullptr;            // of the request; null: a TCP session
  const http::DynamicMetadata* metadata = nullptr;     // of the stream; null: none
  const http::ConnectionInfo* connection = nullptr;    // of the client; null: a request of the proxy's own
};

/**
 * Metadata goes before the header, that before the address the connection was for when a listener filter restored it.
 * `broken` is set when metadata or header hold no address.
 */
std::optional<net::Address> findDestination(const plan::OriginalDst& config, const DestinationFacts& facts, bool& broken);

class OriginalDstHosts {
 public:
  OriginalDstHosts(WorkerServices& services, const plan::OriginalDst& config, size_t workers);
  OriginalDstHosts(const OriginalDstHosts&) = delete;
  OriginalDstHosts& operator=(const OriginalDstHosts&) = delete;

  /** Null: there is no destination, or the table is full. */
  HostRuntime* choose(const net::Address* destination);
  void drain();

 private:
  static constexpr size_t kMostHosts = 16 * 1024;
  struct Entry {
    HostRef host;
    bool wanted;  // since the last cleanup
  };
  void onCleanup();

  WorkerServices& services_;
  const plan::OriginalDst& config_;
  const size_t workers_;
  std::unordered_map<std::string, Entry> hosts_;  // by address
  loop::MemberTimer<&OriginalDstHosts::onCleanup> cleanup_timer_{this};
};

}  // namespace nuncio::upstream
