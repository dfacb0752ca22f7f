#include "net/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace nuncio::net {

int applySocketOptions(int fd, std::span<const plan::SocketOption> options, SocketState state) {
  for (const plan::SocketOption& option : options) {
    if (option.state != static_cast<uint32_t>(state)) continue;
    int result;
    if (option.int_value) {
      const int value = static_cast<int>(*option.int_value);
      result = setsockopt(fd, option.level, option.name, &value, sizeof(value));
    } else {
      result = setsockopt(fd, option.level, option.name, option.buf_value.data(), static_cast<socklen_t>(option.buf_value.size()));
    }
    if (result != 0) return errno;
  }
  return 0;
}

void applyKeepalive(int fd, const plan::TcpKeepalive& keepalive) {
  const auto set = [fd](int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof(value)); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  if (keepalive.probes) set(IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(*keepalive.probes));
  if (keepalive.time_s) set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(*keepalive.time_s));
  if (keepalive.interval_s) set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(*keepalive.interval_s));
}

void setNoDelay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

}  // namespace nuncio::net
