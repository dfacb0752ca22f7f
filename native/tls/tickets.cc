#include "tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace nuncio::tls {
namespace {

const EVP_CIPHER* sealingCipher() {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(libraryContext(), "AES-256-CBC", nullptr);
  return kCipher;
}

TicketKey randomKey() {
  TicketKey key;
  CHECK(RAND_bytes_ex(libraryContext(), key.name.data(), key.name.size(), 0) == 1);
  CHECK(RAND_priv_bytes_ex(libraryContext(), key.hmac.data(), key.hmac.size(), 0) == 1);
  CHECK(RAND_priv_bytes_ex(libraryContext(), key.aes.data(), key.aes.size(), 0) == 1);
  return key;
}

}  // namespace

base::Result<TicketKeysPtr, std::string> TicketKeys::make(const std::vector<std::string>& keys) {
  std::vector<TicketKey> out;
  for (const std::string& bytes : keys) {
    if (bytes.size() != kKeySize) {
      return "Incorrect TLS session ticket key length. Length " + std::to_string(bytes.size()) + ", expected length " +
             std::to_string(kKeySize) + ".";
    }
    TicketKey& key = out.emplace_back();
    std::memcpy(key.name.data(), bytes.data(), key.name.size());
    std::memcpy(key.hmac.data(), bytes.data() + 16, key.hmac.size());
    std::memcpy(key.aes.data(), bytes.data() + 48, key.aes.size());
  }
  if (out.empty()) return std::string("no session ticket keys in the secret");
  return TicketKeysPtr(std::make_shared<const TicketKeys>(std::move(out)));
}

TicketKeys::~TicketKeys() {
  for (TicketKey& key : keys_) OPENSSL_cleanse(&key, sizeof(key));
}

const TicketKey* TicketKeys::find(const uint8_t* name, bool& stale) const {
  for (const TicketKey& key : keys_) {
    if (std::memcmp(key.name.data(), name, key.name.size()) != 0) continue;
    stale = &key != &keys_.front();
    return &key;
  }
  return nullptr;
}

TicketKeyring& TicketKeyring::process() {
  static TicketKeyring* const kRing = new TicketKeyring();  // outlives every worker
  return *kRing;
}

TicketKeysPtr TicketKeyring::keysAt(int64_t now_ns) {
  std::lock_guard lock(mutex_);
  if (keys_ != nullptr && now_ns - made_ns_ < kRotationNs) return keys_;
  std::vector<TicketKey> next{randomKey()};
  if (keys_ != nullptr) {
    const size_t kept = std::min(keys_->all().size(), kKept - 1);
    next.insert(next.end(), keys_->all().begin(), keys_->all().begin() + static_cast<ptrdiff_t>(kept));
  }
  keys_ = std::make_shared<const TicketKeys>(std::move(next));
  made_ns_ = now_ns;
  return keys_;
}

int sealOrOpenTicket(const TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  constexpr int kFailed = -1, kUnknown = 0, kDone = 1, kDoneRenew = 2;
  bool stale = false;
  const TicketKey* key = seal != 0 ? &keys.sealing() : keys.find(name, stale);
  if (key == nullptr) return kUnknown;
  if (seal != 0) {
    std::memcpy(name, key->name.data(), key->name.size());
    if (RAND_bytes_ex(libraryContext(), iv, static_cast<size_t>(EVP_CIPHER_get_iv_length(sealingCipher())), 0) != 1) return kFailed;
  }
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key->hmac.data()), key->hmac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  if (EVP_MAC_CTX_set_params(mac, params) != 1) return kFailed;
  if (EVP_CipherInit_ex(cipher, sealingCipher(), nullptr, key->aes.data(), iv, seal) != 1) return kFailed;
  return stale ? kDoneRenew : kDone;
}

}  // namespace nuncio::tls
