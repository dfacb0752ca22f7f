// ListenerRuntime: one version of a listener in one worker: accepts on the worker's sockets, chooses a filter chain, owns
// the sessions. A replaced or removed version stops accepting and lives on until its last session has gone.
//
//   socket readable ─▶ accept (bounded) ─▶ limits, balance ─▶ (listener filters: Inspection) ─▶ filter chain ─▶ Session
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/intrusive_list.h"
#include "base/local_ref.h"
#include "http_proxy/worker_context.h"
#include "loop/loop.h"
#include "loop/timer_wheel.h"
#include "net/drain.h"
#include "net/socket_table.h"
#include "worker/inspection.h"
#include "worker/listener_filter_list.h"
#include "worker/listener_part.h"
#include "worker/session.h"

namespace nuncio {

class Process;

class ListenerRuntime : public base::LocalCounted {
 public:
  ListenerRuntime(Process& process, WorkerContext& worker, std::shared_ptr<const ListenerPart> part,
                  std::vector<net::BoundSocketPtr> sockets);
  ~ListenerRuntime();

  const ListenerPart& part() const { return *part_; }
  /** Takes connections from now on. */
  void startAccepting();
  /** Takes none any more; the sockets close when no other version uses them. */
  void stopAccepting();
  /** Sessions are asked to go. */
  void drain();
  /** Another version comes, or none: what is there keeps what belonged to it. Before the worker takes what is new. */
  void keepForSessions();
  /** It was removed, or another version of other shape took its place: sessions are asked to go, and closed after the drain time. */
  void retire();
  /** Does this version differ from `before` in filter chains alone? */
  bool replacesInPlace(const ListenerRuntime& before) const {
    return !part_->plan.shape.empty() && part_->plan.shape == before.part_->plan.shape;
  }
  /** Takes the place of `before`: sessions whose filter chain is there no more drain, the others go on undisturbed. */
  void succeed(base::LocalRef<ListenerRuntime> before);
  /** A connection that was accepted here, by this worker or (exact balance) by another. */
  void adoptConnection(int fd, const net::Address& remote, const net::BoundSocketPtr& socket);
  /** A connection that came in here; one over the limits is closed. */
  void accepted(int fd, const net::Address& remote, const net::BoundSocketPtr& socket);
  /** Another listener hands a connection on whose address was restored to one of ours. */
  void takeOver(Inspection& from);
  /** One of its configured addresses, whether it has a socket there or not. `any_ip`: its port alone, where it takes all addresses. */
  bool isAt(const net::Address& address, bool any_ip) const;
  /** Of connections that came by none of its sockets. */
  const std::shared_ptr<net::WorkerCounts>& ownCounts();
  /** It is an internal listener, and has not stopped. */
  bool takesInternal() const { return part_->plan.internal && accepting_; }

  // ---- for sessions
  WorkerContext& worker() { return worker_; }
  const tcp::ListenerFacts& facts() const { return facts_; }
  /** Of a connection that has no filter chain (yet). */
  const http::ConnectionOrigin& origin() const { return origin_; }
  const http::ConnectionOrigin& originOf(size_t chain) const { return chains_[chain]->origin; }
  tcp::NetworkFilterRuntime& runtimeOf(size_t chain) { return *chains_[chain]->runtime; }
  void onSessionGone(Session& session);
  void onHandshakeTimeout() { stats_.inc(stats::ListenerStat::downstream_cx_transport_socket_connect_timeout); }

  // ---- for connections under inspection
  /** The filters that a connection to `local` meets, in order; nothing: the configuration of one is missing. */
  std::optional<ListenerFilterList::Filters> makeListenerFilters(const net::Address& local) { return listener_filters_.make(local); }
  void onInspected(Inspection& inspection, Inspection::End end);

 private:
  class Acceptor final : public loop::EventHandler {
   public:
    Acceptor(ListenerRuntime& listener, net::BoundSocketPtr socket) : listener_(listener), socket_(std::move(socket)) {}
    void onEvents(uint32_t events) override;
    const net::BoundSocketPtr& socket() const { return socket_; }
    void release() { socket_.reset(); }
    bool registered = false;

   private:
    ListenerRuntime& listener_;
    net::BoundSocketPtr socket_;
  };

  /** One filter chain; the default chain is last. */
  struct Chain {
    Chain(ListenerRuntime& listener, const FilterChainPart& part);
    void onDrained() { owner.closeSessions(this); }

    ListenerRuntime& owner;
    const FilterChainPart& part;
    net::DrainState drain;
    const tcp::ListenerFacts facts;
    http::ConnectionOrigin origin;
    std::unique_ptr<tls::DownstreamTls> tls;             // null: clear text
    std::unique_ptr<tcp::NetworkFilterRuntime> runtime;  // made with the first connection
    loop::MemberTimer<&Chain::onDrained> drained{this};
  };

  bool overLimit();
  void inspect(int fd, const net::Address& local, const net::Address& peer, const net::BoundSocketPtr& socket);
  int chooseByTree(const net::MatchFacts& facts, Inspection* inspection) const;
  void enter(const net::MatchFacts& facts, int fd, const net::BoundSocketPtr& socket, Inspection* inspection);
  void refuseUnmatched(int fd, const http::ConnectionInfo& connection, int64_t began_ns);
  void logUnestablished(const http::ConnectionInfo& connection, int64_t began_ns, bool unmatched);
  net::WorkerCounts& keptCounts(const net::BoundSocket& socket);
  void countIn(const net::BoundSocket& socket);
  void countOut(net::WorkerCounts& counts);
  void log(const http::StreamInfo& info);
  tcp::NetworkFilterRuntime& chainRuntime(Chain& chain);
  void drainAllBut(const std::unordered_set<std::string_view>& kept);
  /** Of one chain; null: of all. */
  void closeSessions(const Chain* chain);
  void onDrained() { closeSessions(nullptr); }
  bool isIdle() const { return sessions_.empty() && inspections_.empty(); }

  Process& process_;
  WorkerContext& worker_;
  const std::shared_ptr<const ListenerPart> part_;
  const std::string stat_name_;
  bool accepting_ = false;
  std::vector<net::Address> addresses_;  // as configured
  std::shared_ptr<net::WorkerCounts> own_counts_;
  net::DrainState drain_;
  const tcp::ListenerFacts facts_;
  http::ConnectionOrigin origin_;
  stats::ListenerScope stats_;
  stats::ScopeRef<stats::ListenerExtension> extension_stats_;
  stats::ListenerWorkerScope worker_stats_;
  const std::shared_ptr<std::atomic<uint64_t>> connections_;  // of all versions and workers
  std::vector<std::shared_ptr<net::WorkerCounts>> counts_;  // of the sockets that sessions came by
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::unique_ptr<Acceptor>> retired_;  // one of them may be accepting right now
  tls::TlsStatsRef tls_stats_;  // when a chain has TLS
  std::vector<std::unique_ptr<Chain>> chains_;
  ListenerFilterList listener_filters_;
  base::IntrusiveList<Session> sessions_;
  base::IntrusiveList<Inspection> inspections_;
  loop::MemberTimer<&ListenerRuntime::onDrained> drained_timer_{this};
  std::vector<base::LocalRef<ListenerRuntime>> earlier_;  // replaced in place; sessions of theirs go on
};
using ListenerRef = base::LocalRef<ListenerRuntime>;

/** "127.0.0.1_10000": how an address stands in a stat name. */
std::string statNameOf(const plan::Listener& plan, const std::vector<net::BoundSocketPtr>& sockets);

}  // namespace nuncio
