// ListenerFilterList: the listener filters of one listener in one worker: configured ones, and ones that come by extension
// config discovery (ECDS), of which a connection keeps the version it began with. Part of the ListenerRuntime.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/local_ref.h"
#include "http_proxy/worker_context.h"
#include "tcp/listener_filter.h"
#include "worker/listener_part.h"

namespace nuncio {

class ListenerFilterList {
 public:
  using Filters = std::vector<std::unique_ptr<tcp::ListenerFilter>>;

  ListenerFilterList(WorkerContext& worker, const std::vector<ListenerFilterPart>& parts);

  bool empty() const { return places_.empty(); }
  /** The filters that a connection to `local` meets, in order; nothing: the configuration of one has not come. */
  std::optional<Filters> make(const net::Address& local);

 private:
  /** A configuration and what this worker made of it. */
  struct Version : base::LocalCounted {
    snapshot::PartPtr config;
    std::unique_ptr<tcp::ListenerFilterRuntime> runtime;
  };
  using VersionRef = base::LocalRef<Version>;
  class Discovered;
  struct Place {
    const ListenerFilterPart& part;
    std::unique_ptr<tcp::ListenerFilterRuntime> runtime;  // null: discovered
    VersionRef version;
  };
  VersionRef versionAt(Place& place);

  WorkerContext& worker_;
  std::vector<Place> places_;
};

}  // namespace nuncio
