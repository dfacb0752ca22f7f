// HttpPool: the HTTP connections of one worker to one host, for one PoolKey. The one used last is used next; requests wait
// in a bounded queue while connections are made.
//
//   newStream ─▶ a connection with room? attach ─▶ else queue (breaker: pending) ─▶ connect when those on their way have
//                too little room ─▶ connected, or a response complete ─▶ waiting requests ─▶ idle ─▶ idle timeout closes
#pragma once

#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "upstream/connect.h"
#include "upstream/http_connection.h"
#include "upstream/pool_key.h"

namespace nuncio::upstream {

/** kPendingOverflow: nothing more may wait; kOverflow: a connection is there, but no further request may be under way. */
enum class PoolFailure : uint8_t { kPendingOverflow, kOverflow, kConnectFailed, kConnectTimeout };

/**
 * A request that wants a connection, then has one and reads the response. Owned by the attempt; leaves the queue when
 * destroyed. Exactly one of the two calls.
 */
class PoolStream : public http::ResponseDecoder, public base::ListNode<> {
 public:
  virtual void onPoolReady(HttpConnection& connection) = 0;
  /** `reason`: what the transport said, e.g. "delayed connect error: Connection refused"; may be empty. */
  virtual void onPoolFailure(PoolFailure failure, std::string_view reason) = 0;
  bool waiting() const { return pool_ != nullptr; }
  void cancelWaiting();
  /** Hears no more of its connection. */
  void leaveConnection() {
    if (pool_ == nullptr) base::ListNode<>::unlink();
  }

 protected:
  ~PoolStream() { cancelWaiting(); }

 private:
  friend class HttpPool;
  HttpPool* pool_ = nullptr;
};

class HttpPool final : public net::DeferredFree {
 public:
  /** `options`: what `key.transport` is the hash of. */
  HttpPool(ClusterRuntime& cluster, HostRuntime& host, const PoolKey& key, const TransportOptions& options);
  ~HttpPool() override;
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  /** Calls back at once when a connection has room or nothing can be had, else later. */
  void newStream(PoolStream& stream);
  void drain();
  /** The connections of now end after what they carry; later requests get new ones. */
  void renew();
  const PoolKey& key() const { return key_; }
  /** Made for this key, and not merely for the same hash? */
  bool serves(const PoolKey& key, const TransportOptions& options) const;
  WorkerServices& services() { return cluster_->services(); }
  /** Has it connections or requests that wait for one? */
  bool inUse() const { return counted_; }
  size_t size() const { return counts_[0] + counts_[1] + counts_[2]; }

 private:
  friend class HttpConnection;
  friend class PoolStream;
  using Place = HttpConnection::Place;

  void attach(HttpConnection& connection, PoolStream& stream);
  void connectAsNeeded();
  bool connectOne();
  void onConnectionReady(HttpConnection& connection);
  /** A request of it ended, or its limit grew. */
  void onRoom(HttpConnection& connection);
  void serve(HttpConnection& connection);
  void move(HttpConnection& connection, Place place);
  void onConnectFailed(PoolFailure failure, std::string_view reason);
  void onConnectionGone(HttpConnection& connection);
  void failAll(PoolFailure failure, std::string_view reason);
  void leftQueue();
  void countPool();
  size_t count(Place place) const { return counts_[static_cast<size_t>(place)]; }
  /** How many waiting requests a connection on its way will take. */
  uint32_t expectedRoom() const;
  CircuitBreaker& breaker() { return cluster_->breaker(key_.priority); }
  const plan::Thresholds& limits() const { return cluster_->limitsOf(key_.priority); }

  ClusterRuntime* const cluster_;  // alive as long as a connection or the cluster itself is
  HostRuntime& host_;
  const PoolKey key_;
  const OwnedTransportOptions transport_;
  bool draining_ = false;
  bool counted_ = false;      // among the breaker's pools
  bool multiplexes_ = false;  // by what the last handshake chose
  base::IntrusiveList<HttpConnection> lists_[3];  // by Place; the one used last in front
  size_t counts_[3] = {};
  base::IntrusiveList<PoolStream> pending_;
  size_t pending_count_ = 0;
};

}  // namespace nuncio::upstream
