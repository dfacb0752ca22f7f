// Worker: one thread's share of the proxy: loop, connections, listeners, cluster runtimes. Owned by the Process; run by
// one Node thread at a time, which is its guest (DESIGN chapter 4): connections outlive the thread's JavaScript.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "http_proxy/worker_context.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "net/io_context.h"
#include "script/script_set.h"
#include "upstream/connect.h"
#include "worker/listener_runtime.h"

namespace nuncio {

class Process;

class Worker {
 public:
  Worker(Process& process, size_t index);
  ~Worker();

  loop::Loop& loop() { return loop_; }
  loop::Mailbox& mailbox() { return mailbox_; }
  WorkerContext& context() { return context_; }
  script::ScriptSet& scripts() { return scripts_; }

  /** Follows the process's current snapshot. Worker thread. */
  void adopt();
  void stopListeners(bool inbound_only);
  void drainListeners(bool inbound_only);
  /** The listener whose address this is, or else one that takes all addresses at this port; null: none. */
  ListenerRuntime* listenerAt(const net::Address& address);
  /** See upstream::WorkerServices. */
  int connectInternal(upstream::InternalTarget target);
  void adoptConnection(const std::string& listener, int fd, const net::Address& remote,
                       const net::BoundSocketPtr& socket);
  /** The version adopted last. Any thread. */
  uint64_t adoptedVersion() const { return adopted_.load(std::memory_order_acquire); }

 private:
  void replace(uint32_t slot, const snapshot::PartPtr& part);
  ListenerRuntime* internalListener(std::string_view name);
  void deliverInternal(int fd, const net::BoundSocketPtr& socket);

  Process& process_;
  loop::Loop loop_;
  net::IoContext io_{loop_};
  loop::Mailbox mailbox_{loop_};
  script::ScriptSet scripts_{loop_};  // before what holds programs
  WorkerContext context_;
  snapshot::SnapshotPtr snapshot_ = std::make_shared<snapshot::Snapshot>();  // adopted
  std::vector<ListenerRef> listeners_;  // by slot
  std::atomic<uint64_t> adopted_{0};
};

}  // namespace nuncio
