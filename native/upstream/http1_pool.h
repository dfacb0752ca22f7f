// Http1Pool: the HTTP/1 connections of one worker to one host, for one priority: one request at a time on each, the one
// used last is used next, requests wait in a bounded queue while connections are made.
//
//   newStream ─▶ an idle connection? attach ─▶ else queue (breaker: pending) ─▶ connect when fewer are on their way than wait
//   response complete ─▶ reusable? ─▶ first waiting request, else idle ─▶ idle timeout closes
#pragma once

#include <memory>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "net/connection.h"
#include "upstream/connection_account.h"

namespace nuncio::upstream {

class Http1Pool;
class Http1Connection;

/** kPendingOverflow: nothing more may wait; kOverflow: a connection is there, but no further request may be under way. */
enum class PoolFailure : uint8_t { kPendingOverflow, kOverflow, kConnectFailed, kConnectTimeout };

/** A request that wants a connection. Owned by the attempt; unlinks itself when destroyed. Exactly one call, then none. */
class PendingStream : public base::ListNode<> {
 public:
  virtual void onPoolReady(Http1Connection& connection) = 0;
  /** `reason`: what the transport said, e.g. "delayed connect error: Connection refused"; may be empty. */
  virtual void onPoolFailure(PoolFailure failure, std::string_view reason) = 0;
  bool waiting() const { return pool_ != nullptr; }
  void cancelWaiting();

 protected:
  ~PendingStream() { cancelWaiting(); }

 private:
  friend class Http1Pool;
  Http1Pool* pool_ = nullptr;
};

class Http1Connection final : public net::DeferredFree,
                              public net::ConnectionEvents,
                              public http::ClientCallbacks,
                              public base::ListNode<> {
 public:
  Http1Connection(Http1Pool& pool, ClusterRuntime& cluster, HostRuntime& host, Priority priority, int fd);
  ~Http1Connection() override;

  /** Starts the one request; the decoder learns of its end through its own callbacks. */
  http::RequestEncoder& newStream(http::ResponseDecoder& decoder);
  /** Its request is given up: the connection with it. The decoder hears nothing more. */
  void abandonStream();
  net::Connection& connection() { return connection_; }
  ConnectionAccount& account() { return account_; }
  void start(bool in_progress);
  /** Counted: the response under way is held back, down to the peer's socket. */
  void pauseReading(bool pause);
  /** No further request; closes now when idle. */
  void drain();
  bool idle() const { return !streaming_; }
  void close(net::CloseCause cause);

  // net::ConnectionEvents
  void onConnected() override;
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override;
  void onAboveHighWatermark() override;
  void onBelowLowWatermark() override;
  void onWritten() override { account_.countBytes(connection_); }
  void onClosed(net::CloseCause cause) override;
  // http::ClientCallbacks
  void onStreamComplete(bool reusable) override;
  void onCloseAnnounced() override { account_.cluster().stats().inc(stats::ClusterStat::upstream_cx_close_notify); }
  void onGoAway() override {}
  void onMaxStreams(uint32_t) override {}

 private:
  friend class Http1Pool;
  void onTimeout();
  void onMaxDuration();
  void fail(http::ResetReason reason, std::string_view details, net::CloseCause cause);
  void releaseStream();
  void becameIdle();
  void finished(net::CloseCause cause);

  Http1Pool* pool_;  // null: the pool has gone, or gave the connection up
  ConnectionAccount account_;
  net::Connection connection_;
  std::unique_ptr<http::ClientCodec> codec_;
  http::ResponseDecoder* decoder_ = nullptr;
  bool busy_ = false;      // in the pool's busy list
  bool streaming_ = false; // a request is under way
  bool remote_gone_ = false;
  bool draining_ = false;
  bool closed_ = false;
  loop::MemberTimer<&Http1Connection::onTimeout> timer_{this};  // connect timeout, then idle timeout
  loop::MemberTimer<&Http1Connection::onMaxDuration> max_duration_{this};
};

class Http1Pool {
 public:
  Http1Pool(ClusterRuntime& cluster, HostRuntime& host, Priority priority);
  ~Http1Pool();
  Http1Pool(const Http1Pool&) = delete;
  Http1Pool& operator=(const Http1Pool&) = delete;

  /** Calls back at once when a connection is idle or nothing can be had, else later. */
  void newStream(PendingStream& stream);
  void drain();
  size_t size() const { return idle_count_ + busy_count_ + connecting_count_; }

 private:
  friend class Http1Connection;
  friend class PendingStream;
  void attach(Http1Connection& connection, PendingStream& stream);
  void connectAsNeeded();
  bool connectOne();
  void onConnectionReady(Http1Connection& connection);
  void onConnectionIdle(Http1Connection& connection);
  void toIdle(Http1Connection& connection);
  void onConnectFailed(Http1Connection& connection, PoolFailure failure, std::string_view reason);
  void onConnectionGone(Http1Connection& connection);
  void failAll(PoolFailure failure, std::string_view reason);
  void leftQueue();
  void countPool();
  CircuitBreaker& breaker() { return cluster_->breaker(priority_); }
  const plan::Thresholds& limits() const { return cluster_->part().limitsOf(priority_); }

  ClusterRuntime* const cluster_;  // alive as long as a connection or the cluster itself is
  HostRuntime& host_;
  const Priority priority_;
  bool draining_ = false;
  bool counted_ = false;  // among the breaker's pools
  base::IntrusiveList<Http1Connection> idle_;
  base::IntrusiveList<Http1Connection> busy_;
  base::IntrusiveList<Http1Connection> connecting_;
  base::IntrusiveList<PendingStream> pending_;
  size_t idle_count_ = 0, busy_count_ = 0, connecting_count_ = 0, pending_count_ = 0;
};

}  // namespace nuncio::upstream
