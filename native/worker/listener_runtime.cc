#include "worker/listener_runtime.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "http/connection_inputs.h"
#include "net/socket_options.h"
#include "worker/process.h"

namespace nuncio {

using stats::ListenerHistogram;
using stats::ListenerStat;
using stats::ListenerWorkerStat;

constexpr uint32_t kOutbound = 2;  // envoy.config.core.v3.TrafficDirection

std::string statNameOf(const plan::Listener& plan, const std::vector<net::BoundSocketPtr>& sockets) {
  if (!plan.stat_name.empty()) return plan.stat_name;
  if (plan.internal) return stats::sanitizeName("envoy_internal_" + plan.name);
  std::string name = plan.name;
  if (!sockets.empty()) {
    name = sockets.front()->address.text();
  } else if (!plan.addresses.empty()) {  // bind_to_port: false
    if (auto address = upstream::toAddress(plan.addresses.front()); address.ok()) name = address.value().text();
  }
  // The address as configured: a port that the kernel chose is no part of the name.
  const bool any_port = !plan.addresses.empty() && plan.addresses.front().pipe.empty() && plan.addresses.front().port == 0;
  if (any_port && !sockets.empty()) name.replace(name.rfind(':') + 1, std::string::npos, "0");
  return stats::sanitizeName(name);
}

ListenerRuntime::ListenerRuntime(Process& process, WorkerContext& worker, std::shared_ptr<const ListenerPart> part,
                                 std::vector<net::BoundSocketPtr> sockets)
    : process_(process),
      worker_(worker),
      part_(std::move(part)),
      stat_name_(statNameOf(part_->plan, sockets)),
      drain_(process.drainTiming(), part_->plan.drain_modify_only ? nullptr : &process.drain()),
      facts_{part_->plan.name, stat_name_, part_->plan.buffer_limit, drain_, part_->plan.traffic_direction == kOutbound},
      stats_(worker.stats.scope<stats::Listener>(stat_name_)),
      extension_stats_(worker.stats.scope<stats::ListenerExtension>(stat_name_)),
      worker_stats_(worker.stats.scope<stats::ListenerWorker>(stat_name_ + ".worker_" + std::to_string(worker.services.index))),
      connections_(process.connectionsOf(part_->plan.name)),
      listener_filters_(worker, part_->listener_filters) {
  origin_.listener_name = facts_.name;
  origin_.listener_metadata_json = part_->plan.metadata_json;
  chains_.reserve(part_->chains.size() + 1);
  for (const FilterChainPart& chain : part_->chains) {
    chains_.push_back(std::make_unique<Chain>(*this, chain));
    if (chain.filter != nullptr && chain.filter->eager()) chainRuntime(*chains_.back());
  }
  if (part_->default_chain) chains_.push_back(std::make_unique<Chain>(*this, *part_->default_chain));
  for (const plan::Address& address : part_->plan.addresses) {
    if (auto made = upstream::toAddress(address); made.ok()) addresses_.push_back(made.value());
  }
  for (net::BoundSocketPtr& socket : sockets) acceptors_.push_back(std::make_unique<Acceptor>(*this, std::move(socket)));
}

ListenerRuntime::Chain::Chain(ListenerRuntime& listener, const FilterChainPart& filter_chain)
    : owner(listener),
      part(filter_chain),
      drain(listener.process_.drainTiming(), &listener.drain_),
      facts{listener.facts_.name, listener.facts_.stat_name, listener.facts_.buffer_limit, drain, listener.facts_.outbound},
      origin(listener.origin_) {
  origin.filter_chain_name = part.name;
  origin.filter_chain_metadata_json = part.metadata_json;
  if (part.tls == nullptr) return;
  WorkerContext& worker = listener.worker_;
  tls::TlsStatsRef& stats = listener.tls_stats_;
  if (!stats) stats = base::makeLocal<tls::TlsStats>(worker.stats, "listener." + listener.stat_name_ + ".", "server_ssl_socket_factory");
  tls = std::make_unique<tls::DownstreamTls>(worker.services.tls, part.tls, stats);
}

ListenerRuntime::~ListenerRuntime() {
  stopAccepting();
  worker_.stats.release(stats_);
  worker_.stats.release(extension_stats_);
  worker_.stats.release(worker_stats_);
}

void ListenerRuntime::startAccepting() {
  accepting_ = true;
  for (const auto& acceptor : acceptors_) {
    if (acceptor->registered) continue;
    acceptor->registered = true;
    const uint32_t events = acceptor->socket()->shared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN;
    worker_.services.loop.add(acceptor->socket()->fds[worker_.services.index], events, *acceptor);
  }
}

void ListenerRuntime::stopAccepting() {
  accepting_ = false;
  for (const auto& acceptor : acceptors_) {
    if (!std::exchange(acceptor->registered, false)) continue;
    worker_.services.loop.remove(acceptor->socket()->fds[worker_.services.index], *acceptor);
  }
  retired_.insert(retired_.end(), std::make_move_iterator(acceptors_.begin()), std::make_move_iterator(acceptors_.end()));
  acceptors_.clear();
  for (const auto& acceptor : retired_) acceptor->release();
}

void ListenerRuntime::drain() {
  drain_.begin(worker_.services.loop.now());
  const ListenerRef keep(this);
  sessions_.forEach([](Session& session) { session.drain(); });
  for (const ListenerRef& before : earlier_) before->drain();
}

// ---------------------------------------------------------------- versions after this one

void ListenerRuntime::keepForSessions() {
  for (const auto& chain : chains_) {
    if (chain->runtime != nullptr) chain->runtime->retire();
  }
}

void ListenerRuntime::retire() {
  const ListenerRef keep(this);
  drain();
  const auto close_later = [](ListenerRuntime& listener) {
    if (listener.isIdle()) return;
    const auto delay = static_cast<uint64_t>(listener.process_.drainTiming().drain_ms);
    listener.drained_timer_.arm(listener.worker_.services.loop.timers(), delay);
  };
  close_later(*this);
  for (const ListenerRef& before : earlier_) close_later(*before);
  earlier_.clear();
}

void ListenerRuntime::succeed(ListenerRef before) {
  std::unordered_set<std::string_view> kept;
  for (const auto& chain : chains_) kept.insert(chain->part.id);
  earlier_ = std::exchange(before->earlier_, {});
  earlier_.push_back(std::move(before));
  std::erase_if(earlier_, [](const ListenerRef& one) { return one->isIdle(); });
  for (const ListenerRef& one : earlier_) one->drainAllBut(kept);
}

void ListenerRuntime::drainAllBut(const std::unordered_set<std::string_view>& kept) {
  const ListenerRef keep(this);
  loop::Loop& loop = worker_.services.loop;
  for (const auto& chain : chains_) {
    if (chain->drain.begun() || kept.contains(chain->part.id)) continue;
    chain->drain.begin(loop.now());
    chain->drained.arm(loop.timers(), static_cast<uint64_t>(process_.drainTiming().drain_ms));
    sessions_.forEach([&](Session& session) {
      if (chains_[session.chainIndex()] == chain) session.drain();
    });
  }
}

void ListenerRuntime::closeSessions(const Chain* chain) {
  const ListenerRef keep(this);
  sessions_.forEach([&](Session& session) {
    if (chain == nullptr || chains_[session.chainIndex()].get() == chain) session.shutDown();
  });
}

/** What an internal connection brought along becomes metadata of the connection. */
static void takeMetadata(const net::BoundSocket& socket, http::ConnectionFacts& facts) {
  for (const auto& [name, json] : socket.metadata) {
    http::MetadataValue object;
    if (!http::parseMetadata(json, facts.arena, object)) continue;
    for (const http::MetadataMember* member = object.first; member != nullptr; member = member->next) {
      facts.metadata.set(name, member->key, member->value);
    }
  }
}

// ---------------------------------------------------------------- accepting

void ListenerRuntime::Acceptor::onEvents(uint32_t) {
  constexpr uint32_t kDefaultBatch = 64;
  const ListenerRef keep(&listener_);
  const net::BoundSocketPtr socket = socket_;
  const int fd = socket->fds[listener_.worker_.services.index];
  const uint32_t configured = listener_.part_->plan.max_accepts_per_event;
  const uint32_t batch = configured == 0 ? kDefaultBatch : configured;
  uint32_t count = 0;
  while (count < batch && registered) {
    sockaddr_storage storage;
    socklen_t size = sizeof(storage);
    const int accepted = accept4(fd, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      break;  // EAGAIN, or out of files: level-triggered, it comes back
    }
    ++count;
    listener_.accepted(accepted, net::Address::from(reinterpret_cast<sockaddr*>(&storage), size), socket);
  }
  if (count != 0) listener_.stats_.record(ListenerHistogram::connections_accepted_per_socket_event, count);
}

void ListenerRuntime::accepted(int fd, const net::Address& remote, const net::BoundSocketPtr& socket) {
  if (process_.isFull() && !part_->plan.ignore_global_conn_limit) [[unlikely]] {
    stats_.inc(ListenerStat::downstream_global_cx_overflow);
    close(fd);
    return;
  }
  if (overLimit()) {
    stats_.inc(ListenerStat::downstream_cx_overflow);
    close(fd);
    return;
  }
  // At a socket they share, the worker that slept last is always the first to wake: it must not keep them all.
  if (!part_->plan.exact_balance && !socket->shared) return adoptConnection(fd, remote, socket);
  size_t least = worker_.services.index;
  const auto& active = socket->active->of;
  for (size_t i = 0; i < active.size(); ++i) {
    if (active[i].load(std::memory_order_relaxed) < active[least].load(std::memory_order_relaxed)) least = i;
  }
  if (least == worker_.services.index || !process_.handOver(least, part_->plan.name, fd, remote, socket)) {
    return adoptConnection(fd, remote, socket);
  }
}

bool ListenerRuntime::overLimit() {
  const auto limit = part_->plan.connection_limit;
  if (!limit) return false;
  return connections_->load(std::memory_order_relaxed) >= *limit;
}

void ListenerRuntime::adoptConnection(int fd, const net::Address& remote, const net::BoundSocketPtr& socket) {
  net::Address local = socket->address;
  if (local.isAnyAddress()) {
    sockaddr_storage storage;
    socklen_t size = sizeof(storage);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
      local = net::Address::from(reinterpret_cast<sockaddr*>(&storage), size);
    }
  }
  // A unix client has no name of its own as a rule; it goes by the one it connected to.
  const net::Address& peer = remote.text().empty() ? local : remote;
  stats_.inc(ListenerStat::downstream_pre_cx_active);
  countIn(*socket);
  if (!listener_filters_.empty()) [[unlikely]] return inspect(fd, local, peer, socket);
  stats_.dec(ListenerStat::downstream_pre_cx_active);
  enter({local, peer, peer}, fd, socket, nullptr);
}

/** The place of the chain that the matcher tree names, or -1. */
int ListenerRuntime::chooseByTree(const net::MatchFacts& facts, Inspection* inspection) const {
  const http::ConnectionInputs inputs{.local = facts.local,
                                      .remote = facts.remote,
                                      .direct_remote = facts.direct_remote,
                                      .server_name = facts.server_name,
                                      .transport = inspection == nullptr ? std::string_view() : facts.transport,
                                      .application_protocols = facts.application_protocols,
                                      .facts = inspection == nullptr ? nullptr : inspection->info().facts.get()};
  base::TextBuffer& scratch = worker_.scratch;
  const auto value = [&](const plan::MatchInput& wanted) { return inputs.value(wanted, scratch); };
  const auto chain = part_->chain_tree->match(http::MatchTree::Lookup(value));
  return chain && *chain < part_->chains.size() ? static_cast<int>(*chain) : -1;
}

/** The connection gets its filter chain, or none takes it. */
void ListenerRuntime::enter(const net::MatchFacts& facts, int fd, const net::BoundSocketPtr& socket, Inspection* inspection) {
  const int matched = part_->chain_tree ? chooseByTree(facts, inspection) : part_->matcher.choose(facts);
  const size_t index = matched >= 0 ? static_cast<size_t>(matched) : part_->chains.size();
  if (matched < 0 && !part_->default_chain) {
    countOut(*socket->active);
    if (inspection != nullptr) return refuseUnmatched(fd, inspection->info(), inspection->beganNs());
    http::ConnectionInfo connection;
    connection.local = facts.local;
    connection.remote = facts.remote;
    connection.origin = &origin();
    return refuseUnmatched(fd, connection, worker_.services.loop.now());
  }
  if (socket->address.isIp()) net::setNoDelay(fd);
  if (part_->plan.tcp_keepalive) net::applyKeepalive(fd, *part_->plan.tcp_keepalive);
  stats_.inc(ListenerStat::downstream_cx_total);
  stats_.inc(ListenerStat::downstream_cx_active);
  worker_stats_.inc(ListenerWorkerStat::downstream_cx_total);
  worker_stats_.inc(ListenerWorkerStat::downstream_cx_active);
  auto* session = new Session(*this, fd, facts.local, facts.remote, keptCounts(*socket));
  if (inspection != nullptr) {
    session->inspected(std::move(inspection->info().facts), inspection->beganNs());
  } else if (!socket->metadata.empty()) {
    auto found = std::make_unique<http::ConnectionFacts>(worker_.services.io.chunks());
    found->direct_local = facts.local;
    found->direct_remote = facts.remote;
    takeMetadata(*socket, *found);
    session->inspected(std::move(found), worker_.services.loop.now());
  }
  sessions_.pushBack(session);
  Chain& chain = *chains_[index];
  if (chain.part.filter == nullptr || !chainRuntime(chain).complete()) {
    session->info().makeEnd().local_close_reason = "no_filters";
    extension_stats_.inc(stats::ListenerExtensionStat::network_extension_config_missing);
    return onSessionGone(*session);
  }
  auto transport = chain.tls == nullptr ? nullptr : chain.tls->newTransport(facts.local, facts.remote);
  session->start(index, std::move(transport), chain.part.handshake_timeout_ms);
}

net::WorkerCounts& ListenerRuntime::keptCounts(const net::BoundSocket& socket) {
  if (std::find(counts_.begin(), counts_.end(), socket.active) == counts_.end()) counts_.push_back(socket.active);
  return *socket.active;
}

void ListenerRuntime::countIn(const net::BoundSocket& socket) {
  socket.active->of[worker_.services.index].fetch_add(1, std::memory_order_relaxed);
  connections_->fetch_add(1, std::memory_order_relaxed);
  process_.countConnection(1);
}

void ListenerRuntime::countOut(net::WorkerCounts& counts) {
  counts.of[worker_.services.index].fetch_sub(1, std::memory_order_relaxed);
  connections_->fetch_sub(1, std::memory_order_relaxed);
  process_.countConnection(-1);
}

// ---------------------------------------------------------------- listener filters

void ListenerRuntime::inspect(int fd, const net::Address& local, const net::Address& peer, const net::BoundSocketPtr& socket) {
  auto* inspection = new Inspection(*this, fd, local, peer, socket);
  if (!socket->metadata.empty()) takeMetadata(*socket, *inspection->info().facts);
  inspections_.pushBack(inspection);
  inspection->start();
}

void ListenerRuntime::onInspected(Inspection& inspection, Inspection::End end) {
  using End = Inspection::End;
  const ListenerRef keep(this);
  inspection.base::ListNode<>::unlink();
  stats_.dec(ListenerStat::downstream_pre_cx_active);
  if (end == End::kTimedOut) stats_.inc(ListenerStat::downstream_pre_cx_timeout);
  if (end == End::kClientGone) stats_.inc(ListenerStat::downstream_listener_filter_remote_close);
  if (end == End::kConfigMissing) extension_stats_.inc(stats::ListenerExtensionStat::extension_config_missing);
  if (end == End::kBroken) stats_.inc(ListenerStat::downstream_listener_filter_error);
  const http::ConnectionInfo& info = inspection.info();
  if (end == End::kAccepted || (end == End::kTimedOut && part_->plan.continue_on_listener_filters_timeout)) {
    const http::ConnectionFacts& found = *info.facts;
    const std::string_view transport = found.transport_protocol.empty() ? "raw_buffer" : found.transport_protocol;
    ListenerRuntime* meant = nullptr;
    if (part_->plan.use_original_dst && found.local_restored) meant = process_.worker(worker_.services.index).listenerAt(info.local);
    if (meant != nullptr && meant != this) {
      countOut(*inspection.socket()->active);
      meant->takeOver(inspection);
    } else {
      enter({info.local, info.remote, found.direct_remote, found.server_name, transport, found.application_protocols},
            inspection.takeFd(), inspection.socket(), &inspection);
    }
  } else {
    logUnestablished(info, inspection.beganNs(), false);
    close(inspection.takeFd());
    countOut(*inspection.socket()->active);
  }
  worker_.services.io.freeLater(&inspection);
}

bool ListenerRuntime::isAt(const net::Address& address, bool any_ip) const {
  if (!accepting_) return false;
  for (const net::Address& own : addresses_) {
    if (any_ip ? own.isAnyAddress() && own.family() == address.family() && own.port() == address.port() : own == address) return true;
  }
  return false;
}

const std::shared_ptr<net::WorkerCounts>& ListenerRuntime::ownCounts() {
  if (own_counts_ == nullptr) own_counts_ = std::make_shared<net::WorkerCounts>(process_.workerCount());
  return own_counts_;
}

void ListenerRuntime::takeOver(Inspection& from) {
  const ListenerRef keep(this);
  http::ConnectionInfo& info = from.info();
  const int fd = from.takeFd();
  if (overLimit()) {
    stats_.inc(ListenerStat::downstream_cx_overflow);
    close(fd);
    return;
  }
  auto socket = std::make_shared<net::BoundSocket>(process_.workerCount());
  socket->address = info.local;
  socket->active = ownCounts();
  countIn(*socket);
  if (listener_filters_.empty()) {
    const http::ConnectionFacts& found = *info.facts;
    const std::string_view transport = found.transport_protocol.empty() ? "raw_buffer" : found.transport_protocol;
    return enter({info.local, info.remote, found.direct_remote, found.server_name, transport, found.application_protocols}, fd, socket, &from);
  }
  stats_.inc(ListenerStat::downstream_pre_cx_active);
  auto* inspection = new Inspection(*this, fd, info.local, info.remote, socket);
  inspection->inherit(std::move(info.facts));
  inspections_.pushBack(inspection);
  inspection->start();
}

tcp::NetworkFilterRuntime& ListenerRuntime::chainRuntime(Chain& chain) {
  if (chain.runtime == nullptr) chain.runtime = chain.part.filter->makeRuntime(worker_, chain.facts);
  return *chain.runtime;
}

// No connection of its own comes into being: only the counter and the log know of it.
void ListenerRuntime::refuseUnmatched(int fd, const http::ConnectionInfo& connection, int64_t began_ns) {
  stats_.inc(ListenerStat::no_filter_chain_match);
  logUnestablished(connection, began_ns, true);
  close(fd);
}

void ListenerRuntime::logUnestablished(const http::ConnectionInfo& connection, int64_t began_ns, bool unmatched) {
  if (part_->access_logs.empty()) return;
  loop::Loop& loop = worker_.services.loop;
  http::StreamInfo info;
  info.downstream = &connection;
  if (connection.facts != nullptr) info.dynamic_metadata = &connection.facts->metadata;
  info.at.start = began_ns;
  info.at.end = loop.now();
  info.start_wall_ns = loop.wall() - (loop.now() - began_ns);
  info.remote = connection.remote;
  if (unmatched) {
    info.flags.add(http::ResponseFlag::kNoRouteFound);
    info.response_code_details = "filter_chain_not_found";
  }
  info.log_type = http::AccessLogType::kNotSet;
  log(info);
}

void ListenerRuntime::log(const http::StreamInfo& info) {
  const http::FormatContext context{.info = info,
                                    .now_ns = worker_.services.loop.now(),
                                    .wall_now_ns = worker_.services.loop.wall(),
                                    .random = &worker_.random_source};
  for (const auto& logger : part_->access_logs) logger->log(context, worker_.log);
}

void ListenerRuntime::onSessionGone(Session& session) {
  const ListenerRef keep(this);
  session.base::ListNode<>::unlink();
  if (!part_->access_logs.empty()) {
    http::StreamInfo info;
    std::string text;
    session.describe(info, text);
    log(info);
  }
  stats_.dec(ListenerStat::downstream_cx_active);
  stats_.inc(ListenerStat::downstream_cx_destroy);
  worker_stats_.dec(ListenerWorkerStat::downstream_cx_active);
  countOut(session.counts());
  const int64_t age_ns = worker_.services.loop.now() - session.beganNs();
  stats_.record(ListenerHistogram::downstream_cx_length_ms, static_cast<uint64_t>(age_ns / 1'000'000));
  worker_.services.io.freeLater(&session);
}

}  // namespace nuncio
