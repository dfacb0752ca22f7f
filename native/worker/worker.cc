#include "worker/worker.h"

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

void Worker::adoptConnection(const std::string& name, int fd, const net::Address& remote,
                             const net::BoundSocketPtr& socket) {
  for (const ListenerRef& listener : listeners_) {
    if (listener && listener->part().plan.name == name) return listener->adoptConnection(fd, remote, socket);
  }
  close(fd);
}

}  // namespace nuncio
