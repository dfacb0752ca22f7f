#include "net/raw_transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace nuncio::net {
namespace {

IoResult failure() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {IoStatus::kAgain, 0};
  return {IoStatus::kFailed, 0};
}

}  // namespace

IoResult RawTransport::read(int fd, char* out, size_t size) {
  const ssize_t got = ::recv(fd, out, size, 0);
  if (got > 0) return {IoStatus::kOk, static_cast<size_t>(got), static_cast<size_t>(got) < size};
  if (got == 0) return {IoStatus::kClosed, 0};
  return failure();
}

IoResult RawTransport::write(int fd, const iovec* pieces, int count) {
  ssize_t sent;
  if (count == 1) {
    sent = ::send(fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);
  } else {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = static_cast<size_t>(count);
    sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }
  if (sent >= 0) return {IoStatus::kOk, static_cast<size_t>(sent)};
  return failure();
}

void RawTransport::shutdownWrite(int fd) { ::shutdown(fd, SHUT_WR); }

}  // namespace nuncio::net
