#include "tls/session_cache.h"

#include <utility>

namespace nuncio::tls {
namespace {

std::string idOf(const SSL_SESSION* session) {
  unsigned int size = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &size);
  return {reinterpret_cast<const char*>(id), size};
}

}  // namespace

SessionCache& SessionCache::process() {
  static SessionCache* const kCache = new SessionCache();  // outlives every worker
  return *kCache;
}

void SessionCache::attach(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    if (SSL_version(ssl) >= TLS1_3_VERSION) return 0;  // those have tickets
    unsigned char* der = nullptr;
    const int size = i2d_SSL_SESSION(session, &der);
    if (size > 0) process().keep(idOf(session), {reinterpret_cast<char*>(der), static_cast<size_t>(size)});
    OPENSSL_free(der);
    return 0;  // nothing of OpenSSL's is kept
  });
  SSL_CTX_sess_set_get_cb(context, [](SSL* ssl, const unsigned char* id, int size, int* copy) -> SSL_SESSION* {
    *copy = 0;
    const std::string session = process().find({reinterpret_cast<const char*>(id), static_cast<size_t>(size)});
    const auto* at = reinterpret_cast<const unsigned char*>(session.data());
    (void)ssl;
    return session.empty() ? nullptr : d2i_SSL_SESSION(nullptr, &at, static_cast<long>(session.size()));
  });
  SSL_CTX_sess_set_remove_cb(context, nullptr);
}

void SessionCache::keep(std::string id, std::string session) {
  if (id.empty()) return;
  std::lock_guard lock(mutex_);
  if (!sessions_.insert_or_assign(id, std::move(session)).second) return;
  order_.push_back(std::move(id));
  while (order_.size() > kMaxSessions) {
    sessions_.erase(order_.front());
    order_.pop_front();
  }
}

std::string SessionCache::find(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? std::string() : found->second;
}

}  // namespace nuncio::tls
