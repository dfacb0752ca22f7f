#include "tls/socket_bio.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace nuncio::tls {

void Unsent::add(std::string_view bytes) {
  if (bytes.empty()) return;
  if (bytes_ == nullptr) bytes_ = std::make_unique<std::string>();
  bytes_->append(bytes);
}

void Unsent::consume(size_t size) {
  if (bytes_ == nullptr) return;
  sent_ += size;
  if (sent_ < bytes_->size()) return;
  bytes_.reset();
  sent_ = 0;
}

SocketBio::SocketBio() : collected_(new char[kCapacity]) {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nuncio socket");
    CHECK(method != nullptr);
    BIO_meth_set_read_ex(method, onRead);
    BIO_meth_set_write_ex(method, onWrite);
    BIO_meth_set_ctrl(method, onControl);
    return method;
  }();
  bio_ = BIO_new(kMethod);
  CHECK(bio_ != nullptr);
  BIO_set_data(bio_, this);
  BIO_set_init(bio_, 1);
}

SocketBio::~SocketBio() { BIO_free(bio_); }

void SocketBio::turnTo(int fd, Unsent& unsent) {
  fd_ = fd;
  unsent_ = &unsent;
  size_ = 0;  // what a failed turn left behind never goes to another's socket
  stop_when_drained_ = drained_ = end_ = broken_ = false;
  error_ = 0;
}

int SocketBio::onRead(BIO* bio, char* out, size_t size, size_t* got) {
  auto& self = *static_cast<SocketBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *got = 0;
  if (self.end_) return 0;
  if (self.drained_ && self.stop_when_drained_) {
    BIO_set_retry_read(bio);
    return 0;
  }
  const ssize_t count = ::recv(self.fd_, out, size, 0);
  if (count > 0) {
    self.drained_ = static_cast<size_t>(count) < size;
    *got = static_cast<size_t>(count);
    return 1;
  }
  if (count == 0) {
    self.end_ = true;
  } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    self.drained_ = true;
    BIO_set_retry_read(bio);
  } else {
    self.broken_ = true;
    self.error_ = errno;
  }
  return 0;
}

int SocketBio::onWrite(BIO* bio, const char* bytes, size_t size, size_t* written) {
  auto& self = *static_cast<SocketBio*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *written = size;
  // Alerts that answer a peer who does not read are nothing to keep without end.
  if ((self.size_ + size > kCapacity && !self.flush()) || self.unsent_->view().size() > kMaxUnsent) {
    self.broken_ = true;
    *written = 0;
    return 0;
  }
  if (size > kCapacity || !self.unsent_->empty()) {
    self.unsent_->add({bytes, size});
    return 1;
  }
  std::memcpy(self.collected_.get() + self.size_, bytes, size);
  self.size_ += size;
  return 1;
}

long SocketBio::onControl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;  // our own `flush` decides when
    case BIO_CTRL_EOF:
      return static_cast<SocketBio*>(BIO_get_data(bio))->end_ ? 1 : 0;
    default:
      return 0;
  }
}

bool SocketBio::flush() {
  const auto fail = [this] {
    size_ = 0;
    broken_ = true;
    return false;
  };
  if (broken_) return fail();
  if (!unsent_->empty()) {
    const size_t sent = send(unsent_->view().data(), unsent_->view().size());
    if (sent == SIZE_MAX) return fail();
    unsent_->consume(sent);
  }
  if (size_ == 0) return true;
  size_t sent = 0;
  if (unsent_->empty()) sent = send(collected_.get(), size_);
  if (sent == SIZE_MAX) return fail();
  if (sent < size_) unsent_->add({collected_.get() + sent, size_ - sent});
  size_ = 0;
  return true;
}

size_t SocketBio::send(const char* bytes, size_t size) {
  const ssize_t sent = ::send(fd_, bytes, size, MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<size_t>(sent);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  error_ = errno;
  return SIZE_MAX;
}

}  // namespace nuncio::tls
