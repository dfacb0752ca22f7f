#include "tls/secret.h"

#include <memory>
#include <utility>

namespace nuncio::tls {

base::Result<snapshot::PartPtr, std::string> SecretPart::decode(std::string_view name, std::span<const uint8_t> bytes) {
  auto part = std::make_shared<SecretPart>();
  if (!plan::decode(bytes, part->plan)) return "malformed secret plan '" + std::string(name) + "'";
  return snapshot::PartPtr(std::move(part));
}

}  // namespace nuncio::tls
