// SessionCache: sessions of clients that take no tickets (TLS 1.2 and before), kept by the process, so that any worker
// resumes what another began. Bounded; the oldest goes first. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "tls/openssl.h"

namespace nuncio::tls {

class SessionCache {
 public:
  static SessionCache& process();
  /** Makes a server's context keep and find its sessions here. */
  void attach(SSL_CTX* context);

 private:
  static constexpr size_t kMaxSessions = 20 * 1024;

  void keep(std::string id, std::string session);
  std::string find(const std::string& id);

  std::mutex mutex_;
  std::unordered_map<std::string, std::string> sessions_;  // guarded by mutex_
  std::deque<std::string> order_;                          // guarded by mutex_
};

}  // namespace nuncio::tls
