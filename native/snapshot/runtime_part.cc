#include "snapshot/runtime_part.h"

#include "base/ascii.h"

namespace nuncio::snapshot {

std::optional<uint64_t> RuntimePart::integer(std::string_view key) const {
  const auto found = values.find(std::string(key));
  return found == values.end() ? std::nullopt : base::parseDecimal(found->second);
}

std::optional<bool> RuntimePart::boolean(std::string_view key) const {
  const auto found = values.find(std::string(key));
  if (found == values.end()) return std::nullopt;
  if (const auto number = base::parseDecimal(found->second)) return *number != 0;
  if (base::equalsIgnoreCase(found->second, "true")) return true;
  if (base::equalsIgnoreCase(found->second, "false")) return false;
  return std::nullopt;
}

}  // namespace nuncio::snapshot
