// RawTransport: the socket itself. Stateless, so one object serves all connections of a worker.
#pragma once

#include "net/transport.h"

namespace nuncio::net {

class RawTransport final : public Transport {
 public:
  IoResult read(int fd, char* out, size_t size) override;
  IoResult write(int fd, const iovec* pieces, int count) override;
  void shutdownWrite(int fd) override;
};

}  // namespace nuncio::net
