// SecretPart: a certificate with its key, a validation context, or session ticket keys, as the snapshot carries them.
// Immutable, shared by all workers. Contexts refer to secrets by slot and are made again when the part in a slot is another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/plan_types.h"
#include "snapshot/snapshot.h"

namespace nuncio::tls {

struct SecretPart final : snapshot::Part {
  plan::Secret plan;

  /** Reads the plan and checks what is in it; the error is a sentence for the operator. */
  static base::Result<snapshot::PartPtr, std::string> decode(std::string_view name, std::span<const uint8_t> bytes);
};

}  // namespace nuncio::tls
