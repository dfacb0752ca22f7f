// NotReadyTransport: stands in for TLS while a secret has not come: the handshake fails at once. Worker thread only.
#pragma once

#include "net/transport.h"

namespace nuncio::tls {

class NotReadyTransport final : public net::Transport {
 public:
  net::HandshakeStatus handshake(int) override { return net::HandshakeStatus::kFailed; }
  net::IoResult read(int, char*, size_t) override { return {net::IoStatus::kFailed, 0}; }
  net::IoResult write(int, const iovec*, int) override { return {net::IoStatus::kFailed, 0}; }
  void shutdownWrite(int) override {}
  std::string_view failureReason() const override { return "TLS_error:_Secret_is_not_supplied_by_SDS"; }
};

}  // namespace nuncio::tls
