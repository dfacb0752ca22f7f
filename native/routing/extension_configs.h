// ExtensionConfigs: the settings of filters at one level (route table, virtual host, route, weighted cluster), made ready
// by the filters themselves and sorted by name. Immutable, shared by all workers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "generated/plan.h"

namespace nuncio::routing {

/** What one filter is told for a route, a virtual host …; the filter that made it knows its type. */
class RouteSettings {
 public:
  virtual ~RouteSettings() = default;
};

/** Makes a filter's settings from its plan; null: the level only turns the filter on or off. */
using SettingsDecoder = base::FunctionRef<base::Result<std::unique_ptr<const RouteSettings>, std::string>(const plan::Extension&)>;

struct ExtensionConfig {
  std::string type;  // "envoy.filters.http.buffer"; empty when there are no settings
  std::string name;  // of the filter in its chain
  bool disabled = false;
  std::unique_ptr<const RouteSettings> settings;
};

class ExtensionConfigs {
 public:
  ExtensionConfigs() = default;
  /** An error, or an empty text. */
  std::string fill(const std::vector<plan::Extension>& plans, const SettingsDecoder& decode);

  /** Null when this level says nothing about the filter. */
  const ExtensionConfig* find(std::string_view name) const;
  bool empty() const { return configs_.empty(); }
  const std::vector<ExtensionConfig>& all() const { return configs_; }

 private:
  std::vector<ExtensionConfig> configs_;
};

/** For tables without settings of filters. */
inline constexpr auto noSettings = [](const plan::Extension&) -> base::Result<std::unique_ptr<const RouteSettings>, std::string> {
  return std::unique_ptr<const RouteSettings>();
};

}  // namespace nuncio::routing
