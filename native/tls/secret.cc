#include "tls/secret.h"

#include <openssl/sha.h>

#include <memory>
#include <utility>

#include "tls/certificate.h"

namespace nuncio::tls {

base::Result<snapshot::PartPtr, std::string> SecretPart::decode(std::string_view name, std::span<const uint8_t> bytes) {
  auto part = std::make_shared<SecretPart>();
  if (!plan::decode(bytes, part->plan)) return "malformed secret plan '" + std::string(name) + "'";
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(bytes.data(), bytes.size(), digest);
  part->identity.assign(reinterpret_cast<char*>(digest), sizeof(digest));
  if (part->plan.certificate) {
    const auto certificate = Certificate::make(*part->plan.certificate);
    if (!certificate.ok()) return certificate.error();
  } else if (part->plan.validation) {
    auto validation = Validation::make(*part->plan.validation);
    if (!validation.ok()) return std::move(validation.error());
    part->validation = std::move(validation.value());
  } else if (part->plan.ticket_keys) {
    auto keys = TicketKeys::make(part->plan.ticket_keys->keys);
    if (!keys.ok()) return std::move(keys.error());
    part->ticket_keys = std::move(keys.value());
  }
  return snapshot::PartPtr(std::move(part));
}

}  // namespace nuncio::tls
