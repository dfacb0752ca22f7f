// WritePath: what a connection sends goes through the chain's filters on its way to the connection's transport. Stands
// between the two as a transport itself, so that connections without such filters know nothing of it. Made and owned by
// the NetworkFilterChain; worker thread only.
//
//   connection's queue ─▶ write() ─▶ filters, the last first ─▶ `filtered_` ─▶ inner transport ─▶ socket
#pragma once

#include <string_view>

#include "net/output_queue.h"
#include "net/transport.h"

namespace nuncio::net {
class Connection;
}

namespace nuncio::tcp {

class NetworkFilterChain;

class WritePath final : public net::Transport {
 public:
  explicit WritePath(NetworkFilterChain& chain);
  ~WritePath() override;

  /** Bytes that came through all filters. */
  void append(std::string_view bytes, bool end);
  /** Counted: while stalled the connection keeps what it has. */
  void stall(bool stall);

  // ---- net::Transport
  net::IoResult read(int fd, char* out, size_t size) override { return inner_.read(fd, out, size); }
  net::IoResult write(int fd, const iovec* pieces, int count) override;
  bool holdsOutput() const override { return !filtered_.empty() || stalls_ != 0 || inner_.holdsOutput(); }
  void shutdownWrite(int fd) override;
  std::string_view failureReason() const override { return inner_.failureReason(); }
  std::string_view applicationProtocol() const override { return inner_.applicationProtocol(); }
  const net::TlsInfo* tls() const override { return inner_.tls(); }

 private:
  net::IoResult send(int fd);

  NetworkFilterChain& chain_;
  net::Connection& connection_;
  net::Transport& inner_;
  net::OutputQueue filtered_;
  uint32_t stalls_ = 0;
  bool ends_ = false;   // the end came through the filters; it goes out behind the bytes
  bool ended_ = false;
};

}  // namespace nuncio::tcp
