#include "worker/process.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "script/script_part.h"
#include "tls/secret.h"
#include "upstream/host_tunnel.h"
#include "worker/extension_tables.h"
#include "worker/listener_part.h"

namespace nuncio {

using snapshot::Kind;
using snapshot::PartPtr;
using Decoded = base::Result<PartPtr, std::string>;

namespace {

constexpr uint32_t kInbound = 1;  // envoy.config.core.v3.TrafficDirection

std::unique_ptr<Process>& holder() {
  static std::unique_ptr<Process> process;
  return process;
}

Decoded decodeListenerPart(std::string_view name, std::span<const uint8_t> bytes) {
  http_proxy::DecodeContext context{currentProcess()->writers(), httpFilters()};
  return decodeListener(name, bytes, context);
}

Decoded decodeRouteTable(std::string_view name, std::span<const uint8_t> bytes) {
  plan::RouteTable plan;
  if (!plan::decode(bytes, plan)) return "malformed route table plan '" + std::string(name) + "'";
  http_proxy::DecodeContext context{currentProcess()->writers(), httpFilters()};
  const auto settings = [&](const plan::Extension& extension) { return http_proxy::makeRouteSettings(extension, context); };
  auto table = routing::RouteTable::make(plan, settings);
  if (!table.ok()) return std::move(table.error());
  auto part = std::make_shared<RouteTablePart>();
  part->table = std::move(table.value());
  return PartPtr(std::move(part));
}

Decoded decodeCluster(std::string_view name, std::span<const uint8_t> bytes) {
  http_proxy::DecodeContext context{currentProcess()->writers(), httpFilters()};
  const auto make_filters = [&](const std::vector<plan::Extension>& filters) {
    return http_proxy::makeClusterFilters(filters, context);
  };
  return currentProcess()->clusters().decodeCluster(name, bytes, upstream::MakeClusterFilters(make_filters));
}

Decoded decodeEndpoints(std::string_view name, std::span<const uint8_t> bytes) {
  return currentProcess()->clusters().decodeEndpoints(name, bytes);
}

Decoded decodeRuntime(std::string_view, std::span<const uint8_t> bytes) {
  plan::Runtime plan;
  if (!plan::decode(bytes, plan) || plan.keys.size() != plan.values.size()) return std::string("malformed runtime plan");
  auto part = std::make_shared<RuntimePart>();
  for (size_t i = 0; i < plan.keys.size(); ++i) part->values[plan.keys[i]] = plan.values[i];
  return PartPtr(std::move(part));
}

Decoded decodeSecret(std::string_view name, std::span<const uint8_t> bytes) { return tls::SecretPart::decode(name, bytes); }

Decoded decodeScript(std::string_view name, std::span<const uint8_t> bytes) { return script::ScriptPart::decode(name, bytes); }

Decoded decodeRouteScopes(std::string_view name, std::span<const uint8_t> bytes) {
  plan::RouteScopes plan;
  if (!plan::decode(bytes, plan)) return "malformed plan of the scoped routes '" + std::string(name) + "'";
  auto scopes = routing::RouteScopes::make(plan);
  if (!scopes.ok()) return std::move(scopes.error());
  auto part = std::make_shared<RouteScopesPart>();
  part->scopes = std::move(scopes.value());
  return PartPtr(std::move(part));
}

Decoded decodeExtensionConfigPart(std::string_view name, std::span<const uint8_t> bytes) {
  http_proxy::DecodeContext context{currentProcess()->writers(), httpFilters()};
  return decodeExtensionConfig(name, bytes, context);
}

constexpr snapshot::Decode kDecoders[snapshot::kKindCount] = {decodeListenerPart, decodeRouteTable, decodeCluster,
                                                              decodeEndpoints, decodeRuntime, decodeSecret, decodeScript,
                                                              decodeRouteScopes, decodeExtensionConfigPart};

}  // namespace

Process* currentProcess() { return holder().get(); }
void setCurrentProcess(std::unique_ptr<Process> process) { holder() = std::move(process); }

Process::Process(const ProcessOptions& options, stats::Registry& statistics)
    : options_(options),
      statistics_(statistics),
      writers_(options.writer),
      clusters_(options.workers),
      store_(kDecoders),
      sockets_(options.workers),
      drain_(options_.drain) {
  for (size_t i = 0; i < options.workers; ++i) workers_.push_back(std::make_unique<Worker>(*this, i));
}

std::string Process::putPlan(Kind kind, std::string_view name, const std::string& id, std::span<const uint8_t> bytes) {
  return store_.put(kind, name, id, bytes);
}

base::Result<std::vector<net::BoundSocketPtr>, std::string> Process::openListener(uint32_t slot, const std::string& id) {
  auto part = std::static_pointer_cast<const ListenerPart>(store_.find(Kind::kListener, id));
  if (part == nullptr) return "no listener plan with id " + id;
  if (isStopped(part->plan)) {
    // As Envoy: what was told to stop does not come back with a new configuration.
    opened_.erase(slot);
    return std::vector<net::BoundSocketPtr>();
  }
  auto sockets = sockets_.open(part->plan);
  if (!sockets.ok()) return std::move(sockets.error());
  opened_[slot] = sockets.value();
  opening_[slot] = part;
  return sockets;
}

void Process::abandonListeners() {
  opened_.clear();
  opening_.clear();
}

std::string Process::commit(const std::vector<snapshot::Change>& changes) {
  for (const auto& [slot, sockets] : opened_) {
    if (std::string error = net::SocketTable::listen(opening_[slot]->plan, sockets); !error.empty()) return error;
  }
  {
    std::lock_guard lock(mutex_);
    for (const snapshot::Change& change : changes) {
      if (change.kind != Kind::kListener) continue;
      const auto opened = opened_.find(change.slot);
      if (change.id.empty()) {
        slots_.erase(change.slot);
      } else if (opened != opened_.end()) {
        slots_[change.slot] = opened->second;
      }
    }
  }
  abandonListeners();
  if (std::string error = store_.commit(changes); !error.empty()) return error;
  tellWorkers([](Worker& worker, uint64_t) { worker.adopt(); }, 0);
  return {};
}

std::vector<net::BoundSocketPtr> Process::socketsOf(uint32_t slot) const {
  std::lock_guard lock(mutex_);
  const auto found = slots_.find(slot);
  return found == slots_.end() ? std::vector<net::BoundSocketPtr>() : found->second;
}

void Process::tellWorkers(void (*call)(Worker&, uint64_t), uint64_t argument) {
  for (const auto& worker : workers_) {
    Worker* target = worker.get();
    target->mailbox().post(loop::mailFrom([target, call, argument] { call(*target, argument); }));
  }
}

void Process::setDemandHandler(DemandHandler handler) {
  std::lock_guard lock(mutex_);
  demand_handler_ = std::move(handler);
}

void Process::setHostNewsHandler(HostNewsHandler handler) {
  std::lock_guard lock(mutex_);
  host_news_handler_ = std::move(handler);
}

bool Process::tellOfHost(upstream::HostNews news, std::string_view cluster, const upstream::Host& host) {
  std::lock_guard lock(mutex_);
  return host_news_handler_ != nullptr && host_news_handler_(news, cluster, host);
}

namespace {

/** The worker's end of a tunnel on its way there; closed where it does not arrive. */
class TunnelMail final : public loop::Mail {
 public:
  TunnelMail(Worker& worker, upstream::TunnelTarget target, int fd) : worker_(worker), target_(std::move(target)), fd_(fd) {}
  ~TunnelMail() override {
    if (fd_ >= 0) close(fd_);
  }
  void deliver() override {
    upstream::HostTunnel::open(worker_.context().clusters.candidate(target_.slot, target_.cluster), target_, std::exchange(fd_, -1));
  }

 private:
  Worker& worker_;
  const upstream::TunnelTarget target_;
  int fd_;
};

}  // namespace

int Process::openTunnel(const upstream::TunnelTarget& target) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  Worker& worker = *workers_[next_tunnel_++ % workers_.size()];
  if (worker.mailbox().post(std::make_unique<TunnelMail>(worker, target, ends[1]))) return ends[0];
  close(ends[0]);
  return -1;
}

bool Process::demand(const http_proxy::DemandKey& key) {
  std::lock_guard lock(mutex_);
  return demand_handler_ != nullptr && demand_handler_(key);
}

void Process::settleDemand(const http_proxy::DemandKey& key, http_proxy::DemandEnd end) {
  for (const auto& worker : workers_) {
    Worker* target = worker.get();
    target->mailbox().post(loop::mailFrom([target, key, end] { target->context().on_demand.settle(key, end); }));
  }
}

bool Process::handOver(size_t worker, const std::string& listener, int fd, const net::Address& remote,
                       const net::BoundSocketPtr& socket) {
  Worker* target = workers_[worker].get();
  return target->mailbox().post(
      loop::mailFrom([target, listener, fd, remote, socket] { target->adoptConnection(listener, fd, remote, socket); }));
}

std::shared_ptr<std::atomic<uint64_t>> Process::connectionsOf(const std::string& listener) {
  std::lock_guard lock(mutex_);
  auto& known = counts_[listener];
  auto count = known.lock();
  if (count == nullptr) known = count = std::make_shared<std::atomic<uint64_t>>(0);
  return count;
}

bool Process::isStopped(const plan::Listener& plan) const {
  return stopped_ == Stopped::kAll || (stopped_ == Stopped::kInbound && plan.traffic_direction == kInbound);
}

size_t Process::stopListeners(bool inbound_only) {
  if (stopped_ != Stopped::kAll) stopped_ = inbound_only ? Stopped::kInbound : Stopped::kAll;
  const snapshot::SnapshotPtr snapshot = store_.current();
  size_t stopped = 0;
  {
    std::lock_guard lock(mutex_);
    stopped = std::erase_if(slots_, [&](const auto& slot) {
      const auto part = std::static_pointer_cast<const ListenerPart>(snapshot->at(Kind::kListener, slot.first));
      return !inbound_only || (part != nullptr && part->plan.traffic_direction == kInbound);
    });
  }
  tellWorkers([](Worker& worker, uint64_t inbound) { worker.stopListeners(inbound != 0); }, inbound_only ? 1 : 0);
  return stopped;
}

void Process::drainListeners(bool inbound_only) {
  tellWorkers([](Worker& worker, uint64_t inbound) { worker.drainListeners(inbound != 0); }, inbound_only ? 1 : 0);
}

}  // namespace nuncio
