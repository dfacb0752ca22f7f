// SecretPart: a certificate with its key, a validation context, or session ticket keys, as the snapshot carries them.
// Immutable, shared by all workers. Contexts refer to secrets by slot and are made again when the part in a slot is another.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/plan_types.h"
#include "snapshot/snapshot.h"
#include "tls/tickets.h"
#include "tls/validation.h"

namespace nuncio::tls {

struct SecretPart final : snapshot::Part {
  plan::Secret plan;
  std::string identity;                          // hash of the plan: sessions are resumed only under the same validation
  std::unique_ptr<const Validation> validation;  // set when the secret is one
  std::shared_ptr<const TicketKeys> ticket_keys;

  /** Reads the plan and everything in it; the error is a sentence for the operator. */
  static base::Result<snapshot::PartPtr, std::string> decode(std::string_view name, std::span<const uint8_t> bytes);
};

}  // namespace nuncio::tls
