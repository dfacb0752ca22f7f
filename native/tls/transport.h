// TlsTransport: TLS between one connection and its socket. Drives OpenSSL's state machine over the worker's SocketBio:
// bytes are decrypted straight into the worker's read buffer, queued pieces are gathered into full records and leave in one
// send each 64 KiB. Owned by its Connection; worker thread only.
//
//   write: pieces ─▶ [long ones as they are, short ones gathered] ─▶ records ─▶ collected ─▶ send ─▶ (rest: Unsent)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "net/transport.h"
#include "tls/context.h"
#include "tls/errors.h"
#include "tls/facts.h"

namespace nuncio::tls {

class TlsTransport final : public net::Transport, public base::ListNode<BuffersTag> {
 public:
  struct Addresses {
    const net::Address& local;
    const net::Address& remote;
  };
  /** `ssl`: new and of `context`. `options`: what sessions kept for later are kept under (client). */
  TlsTransport(ContextRef context, SslPtr ssl, const Addresses& addresses, uint64_t options = 0);
  ~TlsTransport() override;

  static TlsTransport* of(const SSL* ssl) { return static_cast<TlsTransport*>(SSL_get_ex_data(ssl, 0)); }

  // ---- net::Transport
  net::HandshakeStatus handshake(int fd) override;
  net::IoResult read(int fd, char* out, size_t size) override;
  net::IoResult write(int fd, const iovec* pieces, int count) override;
  bool holdsOutput() const override { return !unsent_.empty(); }
  void shutdownWrite(int fd) override;
  std::string_view failureReason() const override { return failure_; }
  std::string_view applicationProtocol() const override;
  const net::TlsInfo* tls() const override { return facts_.get(); }

  // ---- for its context, while OpenSSL calls back
  Context& context() { return *context_; }
  /** The peer's certificate must have one of these besides what the context asks. Views must outlive the handshake. */
  void requireSans(std::vector<std::string> names) { names_ = std::move(names); }
  int verifyPeer(X509_STORE_CTX* store, const Validation* validation);
  /** An RSA key must be one for signatures when its certificate says what it is for. */
  void enforceKeyUsage() { enforces_key_usage_ = true; }
  void logKey(std::string_view line) const;
  void keepSession(SessionPtr session) { context_->keepSession(options_, std::move(session)); }
  /** The OCSP response to staple; null: none. */
  void staple(const std::string* response) { staple_ = response; }
  const std::string* stapled() const { return staple_; }
  void releaseBuffers() { SSL_free_buffers(ssl_); }

 private:
  enum class State : uint8_t { kHandshaking, kOpen, kFailed };
  static constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
  static constexpr size_t kFlight = 4 * kRecord;       // between two sends
  static constexpr size_t kFirstRecord = 4 * 1024;     // fits the first round trip of a new connection
  static constexpr int kFirstRecords = 3;
  static constexpr int64_t kIdleNs = 1'000'000'000;    // after which the connection is as good as new

  void handshakeDone();
  void fail();
  bool encrypt(const char* bytes, size_t size);
  size_t nextRecord(size_t waiting);

  ContextRef context_;
  const base::LocalRef<Facts> facts_;
  SSL* const ssl_;  // of the facts
  Unsent unsent_;
  State state_ = State::kHandshaking;
  bool said_goodbye_ = false;
  bool logs_keys_ = false;
  bool enforces_key_usage_ = false;
  uint8_t first_records_ = kFirstRecords;
  int64_t wrote_ns_ = 0;
  const uint64_t options_;
  const std::string* staple_ = nullptr;
  std::vector<std::string> names_;
  std::string failure_;
  std::string detail_;  // why the peer's certificate was refused
};

}  // namespace nuncio::tls
