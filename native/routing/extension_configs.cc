#include "routing/extension_configs.h"

#include <algorithm>
#include <utility>

namespace nuncio::routing {

std::string ExtensionConfigs::fill(const std::vector<plan::Extension>& plans, const SettingsDecoder& decode) {
  configs_.reserve(plans.size());
  for (const plan::Extension& plan : plans) {
    auto settings = decode(plan);
    if (!settings.ok()) return "settings of filter '" + plan.name + "': " + settings.error();
    configs_.push_back({plan.type, plan.name, plan.disabled, std::move(settings.value())});
  }
  std::stable_sort(configs_.begin(), configs_.end(),
                   [](const ExtensionConfig& a, const ExtensionConfig& b) { return a.name < b.name; });
  return {};
}

const ExtensionConfig* ExtensionConfigs::find(std::string_view name) const {
  const auto at = std::lower_bound(configs_.begin(), configs_.end(), name,
                                   [](const ExtensionConfig& config, std::string_view wanted) { return config.name < wanted; });
  return at != configs_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace nuncio::routing
