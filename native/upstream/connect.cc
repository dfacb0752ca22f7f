#include "upstream/connect.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/socket_options.h"
#include "upstream/cluster_part.h"

namespace nuncio::upstream {
namespace {

ConnectResult fail(int fd) {
  const int error = errno;
  if (fd >= 0) close(fd);
  return {-1, false, error};
}

bool bindLocal(int fd, const plan::Cluster& cluster, const net::Address& target) {
  if (!cluster.bind_address) return true;
  auto local = toAddress(*cluster.bind_address);
  if (!local.ok() || local.value().family() != target.family()) return true;  // another family: not for this host
  if (cluster.freebind) {
    const int one = 1;
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
  }
  sockaddr_storage storage;
  const socklen_t size = local.value().toSockaddr(storage);
  return bind(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

}  // namespace

ConnectResult connectTo(const plan::Cluster& cluster, const net::Address& address) {
  sockaddr_storage storage;
  const socklen_t size = address.toSockaddr(storage);
  const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(fd);
  if (address.isIp()) net::setNoDelay(fd);
  if (cluster.tcp_keepalive) net::applyKeepalive(fd, *cluster.tcp_keepalive);
  if (const int error = net::applySocketOptions(fd, cluster.socket_options, net::SocketState::kPrebind); error != 0) {
    errno = error;
    return fail(fd);
  }
  if (!bindLocal(fd, cluster, address)) return fail(fd);
  if (connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0) return {fd, false, 0};
  if (errno == EINPROGRESS) return {fd, true, 0};
  return fail(fd);
}

}  // namespace nuncio::upstream
