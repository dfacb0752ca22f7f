// ScriptPart: what native code knows of one filter in TypeScript: which program its JavaScript is, and what happens when it
// fails. Immutable, shared by all workers. Filter chains refer to it by slot, so that an edited file changes one leaf.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/plan_types.h"
#include "snapshot/snapshot.h"

namespace nuncio::script {

struct ScriptPart final : snapshot::Part {
  plan::Script plan;

  static base::Result<snapshot::PartPtr, std::string> decode(std::string_view name, std::span<const uint8_t> bytes) {
    auto part = std::make_shared<ScriptPart>();
    if (!plan::decode(bytes, part->plan)) return "malformed script plan '" + std::string(name) + "'";
    return snapshot::PartPtr(std::move(part));
  }
};

}  // namespace nuncio::script
