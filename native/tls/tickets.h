// Session tickets: what they are sealed with. TicketKeys are configured ones, immutable; TicketKeyring is the process's
// own, which makes a new key twice a day and opens tickets of the last four, so that any worker resumes what another began.
//
//   ticket = name(16) │ iv(16) │ AES-256-CBC(state) │ HMAC-SHA256
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/openssl.h"

namespace nuncio::tls {

struct TicketKey {
  std::array<uint8_t, 16> name;
  std::array<uint8_t, 32> hmac;
  std::array<uint8_t, 32> aes;
};

class TicketKeys {
 public:
  static constexpr size_t kKeySize = 80;

  /** From the 80 bytes of each; the first seals. */
  static base::Result<std::shared_ptr<const TicketKeys>, std::string> make(const std::vector<std::string>& keys);
  explicit TicketKeys(std::vector<TicketKey> keys) : keys_(std::move(keys)) {}
  ~TicketKeys();

  const TicketKey& sealing() const { return keys_.front(); }
  /** Null: a ticket of somebody else, or of too long ago. `stale`: to be replaced by one of the sealing key. */
  const TicketKey* find(const uint8_t* name, bool& stale) const;
  const std::vector<TicketKey>& all() const { return keys_; }

 private:
  std::vector<TicketKey> keys_;
};
using TicketKeysPtr = std::shared_ptr<const TicketKeys>;

/** The process's own keys. Any thread; a worker asks once in a while, not for every ticket. */
class TicketKeyring {
 public:
  static TicketKeyring& process();
  /** The keys as of now; another object after each rotation. */
  TicketKeysPtr keysAt(int64_t now_ns);

 private:
  static constexpr int64_t kRotationNs = 12LL * 3600 * 1'000'000'000;
  static constexpr size_t kKept = 4;

  std::mutex mutex_;
  TicketKeysPtr keys_;       // guarded by mutex_
  int64_t made_ns_ = 0;      // guarded by mutex_
};

/** What OpenSSL's ticket callback does once the keys are known; same arguments and result. */
int sealOrOpenTicket(const TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal);

}  // namespace nuncio::tls
