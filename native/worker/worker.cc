#include "worker/worker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "worker/process.h"

namespace nuncio {

using snapshot::Kind;

Worker::Worker(Process& process, size_t index)
    : process_(process), context_(index, loop_, io_, process.statistics()) {
  context_.scripts = &scripts_;
  context_.on_demand.ask = [](const http_proxy::DemandKey& key) { return currentProcess()->demand(key); };
  context_.services.tell = [](upstream::HostNews news, std::string_view cluster, const upstream::Host& host) {
    return currentProcess()->tellOfHost(news, cluster, host);
  };
  context_.services.connect_internal = [](size_t worker, upstream::InternalTarget target) {
    return currentProcess()->worker(worker).connectInternal(std::move(target));
  };
  context_.log.entries = &scripts_.logBatches();
}

Worker::~Worker() = default;

// Make before break: clusters, endpoints and routes first, then listeners; what was replaced or removed drains.
void Worker::adopt() {
  const snapshot::SnapshotPtr snapshot = process_.store().current();
  if (snapshot->version == adopted_.load(std::memory_order_relaxed)) return;
  scripts_.adopt(*snapshot_, *snapshot);
  const auto& listeners = snapshot->of(Kind::kListener);
  listeners.forEachChange(snapshot_->of(Kind::kListener), [&](uint32_t slot, const snapshot::PartPtr&) {
    if (slot < listeners_.size() && listeners_[slot]) listeners_[slot]->keepForSessions();
  });
  context_.adopt(snapshot);
  listeners.forEachChange(snapshot_->of(Kind::kListener), [&](uint32_t slot, const snapshot::PartPtr& part) {
    if (listeners_.size() <= slot) listeners_.resize(slot + 1);
    replace(slot, part);
  });
  snapshot_ = snapshot;
  adopted_.store(snapshot->version, std::memory_order_release);
}

void Worker::replace(uint32_t slot, const snapshot::PartPtr& part) {
  ListenerRef old = std::exchange(listeners_[slot], ListenerRef());
  if (old) old->stopAccepting();
  if (part != nullptr) {
    auto listener = std::static_pointer_cast<const ListenerPart>(part);
    listeners_[slot] = base::makeLocal<ListenerRuntime>(process_, context_, listener, process_.socketsOf(slot));
    listeners_[slot]->startAccepting();
  }
  if (!old) return;
  if (listeners_[slot] && listeners_[slot]->replacesInPlace(*old)) return listeners_[slot]->succeed(std::move(old));
  old->retire();
}

void Worker::stopListeners(bool inbound_only) {
  constexpr uint32_t kInbound = 1;
  for (const ListenerRef& listener : listeners_) {
    if (listener && (!inbound_only || listener->part().plan.traffic_direction == kInbound)) listener->stopAccepting();
  }
}

void Worker::drainListeners(bool inbound_only) {
  constexpr uint32_t kInbound = 1;
  for (const ListenerRef& listener : listeners_) {
    if (listener && (!inbound_only || listener->part().plan.traffic_direction == kInbound)) listener->drain();
  }
}

ListenerRuntime* Worker::listenerAt(const net::Address& address) {
  for (const bool any_ip : {false, true}) {
    for (const ListenerRef& listener : listeners_) {
      if (listener && listener->isAt(address, any_ip)) return listener.get();
    }
  }
  return nullptr;
}

// ---------------------------------------------------------------- internal listeners

ListenerRuntime* Worker::internalListener(std::string_view name) {
  for (const ListenerRef& listener : listeners_) {
    if (listener && listener->takesInternal() && listener->part().plan.name == name) return listener.get();
  }
  return nullptr;
}

/**
 * Both ends are this worker's own: a pair of local sockets joins them, so that each has its own buffers and watermarks, and
 * whatever a connection can do an internal one can. The listener gets its end in another turn: who connects is in the middle
 * of something, and a listener may lead to itself.
 */
int Worker::connectInternal(upstream::InternalTarget target) {
  int ends[2];
  if (internalListener(target.address.listenerName()) == nullptr) return -1;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  auto socket = std::make_shared<net::BoundSocket>(process_.workerCount());
  socket->address = target.address;
  socket->metadata = std::move(target.metadata);
  const int fd = ends[1];
  if (mailbox_.post(loop::mailFrom([this, fd, socket] { deliverInternal(fd, socket); }))) return ends[0];
  close(ends[0]);
  close(fd);
  return -1;
}

void Worker::deliverInternal(int fd, const net::BoundSocketPtr& socket) {
  ListenerRuntime* listener = internalListener(socket->address.listenerName());
  if (listener == nullptr) {
    close(fd);
    return;
  }
  socket->active = listener->ownCounts();
  listener->accepted(fd, net::Address::internal("internal_client_address", {}), socket);
}

void Worker::adoptConnection(const std::string& name, int fd, const net::Address& remote,
                             const net::BoundSocketPtr& socket) {
  for (const ListenerRef& listener : listeners_) {
    if (listener && listener->part().plan.name == name) return listener->adoptConnection(fd, remote, socket);
  }
  close(fd);
}

}  // namespace nuncio
