#include "net/preamble_transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace nuncio::net {

HandshakeStatus PreambleTransport::handshake(int fd) {
  while (sent_ < preamble_.size()) {
    const ssize_t sent = send(fd, preamble_.data() + sent_, preamble_.size() - sent_, MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_ += static_cast<size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return HandshakeStatus::kAgain;
    } else if (errno != EINTR) {
      return HandshakeStatus::kFailed;
    }
  }
  return inner_ == nullptr ? HandshakeStatus::kDone : inner_->handshake(fd);
}

}  // namespace nuncio::net
