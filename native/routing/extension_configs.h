// ExtensionConfigs: the per-filter configuration of one level (route table, virtual host, route, weighted cluster) as
// given, sorted by name. Immutable, shared by all workers.
#pragma once

#include <string_view>
#include <vector>

#include "generated/plan.h"

namespace nuncio::routing {

class ExtensionConfigs {
 public:
  ExtensionConfigs() = default;
  explicit ExtensionConfigs(std::vector<plan::Extension> plans);

  /** Null when this level says nothing about the filter. */
  const plan::Extension* find(std::string_view name) const;
  bool empty() const { return plans_.empty(); }
  const std::vector<plan::Extension>& all() const { return plans_; }

 private:
  std::vector<plan::Extension> plans_;
};

}  // namespace nuncio::routing
