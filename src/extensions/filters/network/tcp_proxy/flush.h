// Flush: lets an upstream connection send its last bytes after the client has gone, at most until nothing moved for the
// idle timeout. Owns itself; freed at the end of the turn in which the upstream ended. Worker thread only.
#pragma once

#include <cstdint>

#include "src/extensions/filters/network/tcp_proxy/bulk.h"
#include "src/extensions/filters/network/tcp_proxy/runtime.h"
#include "upstream/tcp_upstream.h"

namespace nuncio::ext::tcp {

class Flush final : public net::DeferredFree, private upstream::TcpUpstreamCallbacks {
 public:
  /** Takes over an upstream that has something queued. */
  static void begin(upstream::TcpUpstream& upstream, const BooksRef& books, const base::LocalRef<Bulk>& bulk,
                    uint32_t idle_timeout_ms);

 private:
  Flush(upstream::TcpUpstream& upstream, const BooksRef& books, const base::LocalRef<Bulk>& bulk,
        uint32_t idle_timeout_ms);
  void onIdle();
  void ended();

  // upstream::TcpUpstreamCallbacks
  void onUpstreamConnected() override {}
  void onUpstreamFailed(int, std::string_view) override {}
  size_t onUpstreamInput(std::string_view bytes) override { return bytes.size(); }
  void onUpstreamEndOfInput() override {}
  void onUpstreamAboveHighWatermark() override {}
  void onUpstreamBelowLowWatermark() override {}
  void onUpstreamClosed(net::CloseCause) override { ended(); }

  upstream::TcpUpstream& upstream_;
  const BooksRef books_;
  const base::LocalRef<Bulk> bulk_;  // the upstream's transport, when it has one of its own
  const uint32_t idle_timeout_ms_;
  uint64_t sent_;
  loop::MemberTimer<&Flush::onIdle> idle_timer_{this};
};

}  // namespace nuncio::ext::tcp
