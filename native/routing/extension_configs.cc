#include "routing/extension_configs.h"

#include <algorithm>

namespace nuncio::routing {

ExtensionConfigs::ExtensionConfigs(std::vector<plan::Extension> plans) : plans_(std::move(plans)) {
  std::stable_sort(plans_.begin(), plans_.end(), [](const plan::Extension& a, const plan::Extension& b) { return a.name < b.name; });
}

const plan::Extension* ExtensionConfigs::find(std::string_view name) const {
  const auto at = std::lower_bound(plans_.begin(), plans_.end(), name,
                                   [](const plan::Extension& plan, std::string_view wanted) { return plan.name < wanted; });
  return at != plans_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace nuncio::routing
