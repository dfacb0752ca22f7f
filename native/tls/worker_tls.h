// WorkerTls: what all TLS connections of one worker share: the socket BIO, the secrets of the worker's snapshot, the ticket
// keys of the moment, and the list of connections that hold OpenSSL's buffers. Owned by the WorkerContext; worker thread only.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "loop/loop.h"
#include "snapshot/snapshot.h"
#include "stats/registry.h"
#include "tls/secret.h"
#include "tls/socket_bio.h"
#include "tls/tickets.h"

namespace nuncio::tls {

class TlsTransport;
struct BuffersTag;

class WorkerTls {
 public:
  WorkerTls(loop::Loop& loop, stats::WorkerStats& stats);
  ~WorkerTls();
  WorkerTls(const WorkerTls&) = delete;
  WorkerTls& operator=(const WorkerTls&) = delete;

  /** Follows a new snapshot; contexts see at their next connection whether their secrets are others now. */
  void adopt(snapshot::SnapshotPtr snapshot) { snapshot_ = std::move(snapshot); }

  /** The secret in a slot; null: not there (yet). */
  std::shared_ptr<const SecretPart> secret(uint32_t slot) const;
  /** The process's ticket keys; asked anew once a minute. */
  const TicketKeys& ticketKeys();

  loop::Loop& loop() { return loop_; }
  stats::WorkerStats& stats() { return stats_; }
  SocketBio& socket() { return socket_; }
  /** `transport` was used just now: it keeps its buffers, and the one that was used longest ago may lose them. */
  void touchBuffers(TlsTransport& transport);
  void forgetBuffers(TlsTransport& transport);

 private:
  static constexpr int64_t kTicketCheckNs = 60'000'000'000;
  static constexpr size_t kMaxWithBuffers = 128;  // times some 80 KiB

  loop::Loop& loop_;
  stats::WorkerStats& stats_;
  snapshot::SnapshotPtr snapshot_;
  SocketBio socket_;
  TicketKeysPtr ticket_keys_;
  int64_t ticket_checked_ns_ = 0;
  base::IntrusiveList<TlsTransport, BuffersTag> with_buffers_;  // used last: back
  size_t with_buffers_count_ = 0;
};

}  // namespace nuncio::tls
