#include "net/socket_table.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/socket_options.h"

namespace nuncio::net {
namespace {

constexpr int kDefaultBacklog = 4096;  // the kernel caps it at net.core.somaxconn

void setFlag(int fd, int level, int name) {
  const int one = 1;
  setsockopt(fd, level, name, &one, sizeof(one));
}

std::string sentence(std::string_view what, const Address& address, int error) {
  char text[128];
  return std::string("cannot ").append(what).append(" '").append(address.text()).append("': ").append(
      strerror_r(error, text, sizeof(text)));
}

/** A unix socket that nobody listens on any more is in the way; one that is alive is not ours to remove. */
void removeStalePath(const Address& address) {
  if (address.text().empty() || address.text()[0] == '@') return;
  sockaddr_storage storage;
  const socklen_t size = address.toSockaddr(storage);
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool alive = connect(probe, reinterpret_cast<sockaddr*>(&storage), size) == 0 || errno == EAGAIN;
  close(probe);
  if (!alive) unlink(std::string(address.text()).c_str());
}

int openSocket(const plan::Listener& listener, const plan::Address& plan, const Address& address, bool reuse_port, int& error) {
  sockaddr_storage storage;
  const socklen_t size = address.toSockaddr(storage);
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = errno;
    return -1;
  }
  if (address.isIp()) setFlag(fd, SOL_SOCKET, SO_REUSEADDR);
  if (reuse_port) setFlag(fd, SOL_SOCKET, SO_REUSEPORT);
  if (address.family() == Address::Family::kIpv6) {
    const int only = plan.ipv4_compat ? 0 : 1;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
  }
  if (listener.freebind) setFlag(fd, IPPROTO_IP, IP_FREEBIND);
  if (listener.transparent) setFlag(fd, IPPROTO_IP, IP_TRANSPARENT);
  error = applySocketOptions(fd, listener.socket_options, SocketState::kPrebind);
  if (error == 0 && bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) error = errno;
  if (error == 0) error = applySocketOptions(fd, listener.socket_options, SocketState::kBound);
  if (error == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

BoundSocket::~BoundSocket() {
  int last = -1;
  for (const int fd : fds) {
    if (fd >= 0 && fd != last) close(fd);
    last = fd;
  }
  if (address.family() == Address::Family::kUnix && !address.text().empty() && address.text()[0] != '@') {
    unlink(std::string(address.text()).c_str());
  }
}

base::Result<std::vector<BoundSocketPtr>, std::string> SocketTable::open(const plan::Listener& listener) {
  std::vector<BoundSocketPtr> sockets;
  if (!listener.bind_to_port) return sockets;
  for (const plan::Address& address : listener.addresses) {
    auto opened = openOne(listener, address);
    if (!opened.ok()) return std::move(opened.error());
    sockets.push_back(std::move(opened.value()));
  }
  return sockets;
}

base::Result<BoundSocketPtr, std::string> SocketTable::openOne(const plan::Listener& listener, const plan::Address& plan) {
  Address address;
  if (!plan.pipe.empty()) {
    address = Address::unixPath(plan.pipe);
  } else if (!Address::parseIp(plan.ip, static_cast<uint16_t>(plan.port), address)) {
    return "'" + plan.ip + "' is not an IP address";
  }
  const bool reuse_port = listener.reuse_port && address.isIp();
  std::string key(address.text());
  if (address.isIp() && address.port() == 0) key.append("#").append(listener.name);  // each gets a port of its own, and keeps it
  key.append(reuse_port ? "+" : "-");
  if (BoundSocketPtr known = by_key_[key].lock()) return known;
  auto bound = std::make_shared<BoundSocket>(workers_);
  bound->key = key;
  bound->shared = !reuse_port;
  if (address.family() == Address::Family::kUnix) removeStalePath(address);
  Address target = address;
  for (size_t worker = 0; worker < workers_; ++worker) {
    if (worker > 0 && bound->shared) {
      bound->fds[worker] = bound->fds[0];
      continue;
    }
    int error = 0;
    bound->fds[worker] = openSocket(listener, plan, target, reuse_port, error);
    if (bound->fds[worker] < 0) return sentence("bind", target, error);
    if (worker == 0 && address.isIp()) {  // port 0: the others share what the first was given
      sockaddr_storage storage;
      socklen_t size = sizeof(storage);
      getsockname(bound->fds[0], reinterpret_cast<sockaddr*>(&storage), &size);
      target = Address::from(reinterpret_cast<sockaddr*>(&storage), size);
    }
  }
  bound->address = target;
  if (plan.pipe_mode != 0 && !plan.pipe.empty() && plan.pipe[0] != '@') chmod(plan.pipe.c_str(), static_cast<mode_t>(plan.pipe_mode));
  by_key_[key] = bound;
  return bound;
}

std::string SocketTable::listen(const plan::Listener& listener, const std::vector<BoundSocketPtr>& sockets) {
  const int backlog = listener.backlog == 0 ? kDefaultBacklog : static_cast<int>(listener.backlog);
  for (const BoundSocketPtr& socket : sockets) {
    if (socket->listening) continue;
    int last = -1;
    for (const int fd : socket->fds) {
      if (fd == last) continue;
      last = fd;
      if (listener.tcp_fast_open_queue != 0) {
        const int queue = static_cast<int>(listener.tcp_fast_open_queue);
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue));
      }
      if (::listen(fd, backlog) != 0) return sentence("listen on", socket->address, errno);
      applySocketOptions(fd, listener.socket_options, SocketState::kListening);
    }
    socket->listening = true;
  }
  return {};
}

}  // namespace nuncio::net
