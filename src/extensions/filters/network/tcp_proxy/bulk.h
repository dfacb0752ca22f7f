// Bulk: what a session has from its first large read on: a channel each way, and the decision, read by read, whether the
// next one goes through a pipe or is copied. Shared by the session and the flush of its upstream. Worker thread only.
#pragma once

#include <cstddef>

#include "base/local_ref.h"
#include "net/connection.h"
#include "net/splice.h"

namespace nuncio::ext::tcp {

class Bulk : public base::LocalCounted {
 public:
  // Measured on loopback: a pipe costs two more system calls, a copy some 50 µs a MiB each way.
  static constexpr size_t kSpliceFrom = 32 * 1024;
  static constexpr size_t kCopyBelow = 8 * 1024;

  /** Stands between both connections and their sockets from now on, and must outlive them. */
  Bulk(net::PipePool& pipes, net::Connection& downstream, net::Connection& upstream)
      : to_upstream_(pipes),
        to_downstream_(pipes),
        downstream_transport_(downstream.io().rawTransport(), to_upstream_, to_downstream_),
        upstream_transport_(upstream.io().rawTransport(), to_downstream_, to_upstream_) {
    downstream.setTransport(downstream_transport_);
    upstream.setTransport(upstream_transport_);
  }

  net::Channel& toUpstream() { return to_upstream_; }
  net::Channel& toDownstream() { return to_downstream_; }
  void steerDownstream(size_t read) { steer(downstream_transport_, read); }
  void steerUpstream(size_t read) { steer(upstream_transport_, read); }

 private:
  static void steer(net::SpliceTransport& transport, size_t read) {
    if (read >= kSpliceFrom) {
      transport.fill(true);
    } else if (read < kCopyBelow) {
      transport.fill(false);
    }
  }

  net::Channel to_upstream_;
  net::Channel to_downstream_;
  net::SpliceTransport downstream_transport_;
  net::SpliceTransport upstream_transport_;
};

}  // namespace nuncio::ext::tcp
