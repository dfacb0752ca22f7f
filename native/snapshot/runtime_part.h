// RuntimePart: the layered runtime as the snapshot carries it, flattened by main. Immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "snapshot/snapshot.h"

namespace nuncio::snapshot {

struct RuntimePart final : Part {
  std::unordered_map<std::string, std::string> values;
  std::optional<uint64_t> integer(std::string_view key) const;
  /** A number is true unless it is 0. */
  std::optional<bool> boolean(std::string_view key) const;
};

}  // namespace nuncio::snapshot
