// DiscoveredFilter: what one worker made, at one place of a filter chain, of a configuration that came by extension config
// discovery. Streams hold the one they began with; a new configuration makes the next. Worker thread only.
//
// DiscoveredFilters: those of one list of filters, looked up when a stream begins. Part of the ManagerRuntime.
//
//   snapshot slot ─▶ ExtensionConfigPart ─ once for each place ─▶ DiscoveredFilter ◀─ LocalRef ─ streams
#pragma once

#include <memory>
#include <vector>

#include "base/local_ref.h"
#include "http_proxy/extension_config.h"
#include "http_proxy/filter.h"

namespace nuncio::http_proxy {

struct DiscoveredFilter : base::LocalCounted {
  DiscoveredFilter(std::shared_ptr<const ExtensionConfigPart> discovered, std::unique_ptr<FilterRuntime> made)
      : config(std::move(discovered)), runtime(std::move(made)) {}
  const std::shared_ptr<const ExtensionConfigPart> config;
  const std::unique_ptr<FilterRuntime> runtime;  // null: the filter needs none
};
using DiscoveredFilterRef = base::LocalRef<DiscoveredFilter>;

class DiscoveredFilters {
 public:
  explicit DiscoveredFilters(size_t places) : made_(places) {}

  /** What stands at `place` now; empty: the configuration of this slot has not come, or is none of an HTTP filter. */
  DiscoveredFilterRef at(size_t place, uint32_t slot, const FilterSite& site);

 private:
  std::vector<DiscoveredFilterRef> made_;
};

/** Answers 500 in the place of a filter whose configuration has not come. Made once, shared by all streams. */
extern const NamedFilter kMissingFilter;

}  // namespace nuncio::http_proxy
