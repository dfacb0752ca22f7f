// PreambleTransport: sends some bytes (a PROXY header) when the connection stands, before anything else, and is its inner
// transport from then on: TLS, or the socket itself. Owned by its connection; worker thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/raw_transport.h"
#include "net/transport.h"

namespace nuncio::net {

class PreambleTransport final : public Transport {
 public:
  /** `inner` null: the socket itself. */
  PreambleTransport(std::string_view preamble, std::unique_ptr<Transport> inner)
      : preamble_(preamble), inner_(std::move(inner)) {}

  HandshakeStatus handshake(int fd) override;
  IoResult read(int fd, char* out, size_t size) override { return inner().read(fd, out, size); }
  IoResult write(int fd, const iovec* pieces, int count) override { return inner().write(fd, pieces, count); }
  bool holdsOutput() const override { return inner_ != nullptr && inner_->holdsOutput(); }
  void shutdownWrite(int fd) override { inner().shutdownWrite(fd); }
  std::string_view failureReason() const override { return inner_ == nullptr ? std::string_view() : inner_->failureReason(); }
  std::string_view applicationProtocol() const override {
    return inner_ == nullptr ? std::string_view() : inner_->applicationProtocol();
  }
  const TlsInfo* tls() const override { return inner_ == nullptr ? nullptr : inner_->tls(); }

 private:
  Transport& inner() { return inner_ == nullptr ? static_cast<Transport&>(raw_) : *inner_; }

  std::string preamble_;
  size_t sent_ = 0;
  std::unique_ptr<Transport> inner_;
  RawTransport raw_;
};

}  // namespace nuncio::net
