#include "http_proxy/discovered_filter.h"

#include <utility>

#include "http_proxy/filter_stream.h"
#include "http_proxy/worker_context.h"

namespace nuncio::http_proxy {
namespace {

class MissingFilter final : public Filter {
 public:
  Verdict onRequestHeaders(http::HeaderMap&, FilterStream& stream, bool) override {
    return stream.reply({.status = 500, .details = "", .flag = http::ResponseFlag::kNoFilterConfigFound});
  }
};

class MissingFactory final : public FilterFactory {
 public:
  Filter* create(base::Arena& arena, WorkerContext&, FilterRuntime*) const override { return arena.make<MissingFilter>(); }
};

}  // namespace

const NamedFilter kMissingFilter{"", "", std::make_unique<MissingFactory>()};

DiscoveredFilterRef DiscoveredFilters::at(size_t place, uint32_t slot, const FilterSite& site) {
  DiscoveredFilterRef& known = made_[place];
  const snapshot::PartPtr& current = site.worker.current->at(snapshot::Kind::kExtensionConfig, slot);
  if (known && static_cast<const snapshot::Part*>(known->config.get()) == current.get()) [[likely]] return known;
  known.reset();
  if (current == nullptr) return known;
  auto config = std::static_pointer_cast<const ExtensionConfigPart>(current);
  const FilterFactory* factory = config->filter.factory.get();
  if (factory == nullptr && !config->router) return known;
  auto runtime = factory == nullptr ? nullptr : factory->makeRuntime(site);
  known = base::makeLocal<DiscoveredFilter>(std::move(config), std::move(runtime));
  return known;
}

}  // namespace nuncio::http_proxy
