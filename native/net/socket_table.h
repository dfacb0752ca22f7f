// SocketTable: the process's listen sockets: one fd for each address and worker (SO_REUSEPORT), or one for all where the
// kernel cannot share (unix sockets, reuse_port off). Opened by main; workers are handed them at adoption, and the last to let go closes them.
// Sockets outlive listeners' versions: a new version with the same address gets the same sockets, so nothing queued is lost.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "plan/plan_types.h"

namespace nuncio::net {

/** Connections accepted at one address, by worker; for exact balance. Outlives the socket in its connections. */
struct WorkerCounts {
  explicit WorkerCounts(size_t workers) : of(workers) {}
  std::vector<std::atomic<uint32_t>> of;
};

/** One bound address. Closes its sockets when the last user lets go. */
struct BoundSocket {
  std::string key;              // address asked for and the options that matter for sharing
  Address address;              // as bound, port filled in
  std::vector<int> fds;         // [worker]; all the same fd when shared
  bool shared = false;
  bool listening = false;       // main only
  std::shared_ptr<WorkerCounts> active;
  /** Of one internal connection: namespaces of metadata that came along, and their objects as JSON. */
  std::vector<std::pair<std::string, std::string>> metadata;

  explicit BoundSocket(size_t workers) : fds(workers, -1), active(std::make_shared<WorkerCounts>(workers)) {}
  ~BoundSocket();
};
using BoundSocketPtr = std::shared_ptr<BoundSocket>;

class SocketTable {
 public:
  explicit SocketTable(size_t workers) : workers_(workers) {}

  /** Main: binds (or finds) the sockets of a listener. The error is a sentence. */
  base::Result<std::vector<BoundSocketPtr>, std::string> open(const plan::Listener& listener);
  /** Main, at commit: the sockets start to queue connections. The error is a sentence. */
  static std::string listen(const plan::Listener& listener, const std::vector<BoundSocketPtr>& sockets);

 private:
  base::Result<BoundSocketPtr, std::string> openOne(const plan::Listener& listener, const plan::Address& address);

  const size_t workers_;
  std::unordered_map<std::string, std::weak_ptr<BoundSocket>> by_key_;
};

}  // namespace nuncio::net
