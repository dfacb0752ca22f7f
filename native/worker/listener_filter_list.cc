#include "worker/listener_filter_list.h"

#include <utility>

#include "http_proxy/extension_config.h"

namespace nuncio {

/** One connection's filter, which keeps the version it was made of. */
class ListenerFilterList::Discovered final : public tcp::ListenerFilter {
 public:
  explicit Discovered(VersionRef version) : version_(std::move(version)), filter_(version_->runtime->create()) {}
  tcp::ListenerVerdict onAccept(tcp::AcceptedConnection& connection) override { return filter_->onAccept(connection); }
  tcp::ListenerVerdict onData(tcp::AcceptedConnection& connection, std::string_view bytes) override {
    return filter_->onData(connection, bytes);
  }
  size_t inspects() const override { return filter_->inspects(); }

 private:
  const VersionRef version_;
  const std::unique_ptr<tcp::ListenerFilter> filter_;
};

ListenerFilterList::ListenerFilterList(WorkerContext& worker, const std::vector<ListenerFilterPart>& parts) : worker_(worker) {
  places_.reserve(parts.size());
  for (const ListenerFilterPart& part : parts) {
    places_.push_back({part, part.factory == nullptr ? nullptr : part.factory->makeRuntime(worker), VersionRef()});
  }
}

ListenerFilterList::VersionRef ListenerFilterList::versionAt(Place& place) {
  const snapshot::PartPtr& current = worker_.current->at(snapshot::Kind::kExtensionConfig, *place.part.config_slot);
  if (place.version && place.version->config == current) return place.version;
  place.version.reset();
  if (current == nullptr) return place.version;
  const auto& factory = static_cast<const http_proxy::ExtensionConfigPart&>(*current).listener_filter;
  if (factory == nullptr) return place.version;
  place.version = base::makeLocal<Version>();
  place.version->config = current;
  place.version->runtime = factory->makeRuntime(worker_);
  return place.version;
}

std::optional<ListenerFilterList::Filters> ListenerFilterList::make(const net::Address& local) {
  Filters filters;
  filters.reserve(places_.size());
  for (Place& place : places_) {
    if (place.part.disabled != nullptr && holds(*place.part.disabled, local)) continue;
    if (place.runtime != nullptr) {
      filters.push_back(place.runtime->create());
    } else if (VersionRef version = versionAt(place)) {
      filters.push_back(std::make_unique<Discovered>(std::move(version)));
    } else {
      return std::nullopt;
    }
  }
  return filters;
}

}  // namespace nuncio
