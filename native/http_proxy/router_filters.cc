// Upstream filters: what stands between the router and the connection of each attempt. Those of the cluster, or the router's own.
#include "http_proxy/attempt_filters.h"
#include "http_proxy/manager_runtime.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/router.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

namespace {

struct ClusterFiltersInWorker final : upstream::ClusterFiltersRuntime {
  ClusterFiltersInWorker(const FilterSite& site, const FilterList& list) : filters(site, list) {}
  const FilterListRuntime filters;
};

/** Null: the cluster has none of its own. */
const FilterListRuntime* clusterFilters(upstream::ClusterRuntime& cluster, WorkerContext& worker) {
  const auto* configured = static_cast<const ClusterFilterList*>(cluster.part().filters.get());
  if (configured == nullptr) [[likely]] return nullptr;
  auto& made = cluster.filters();
  if (made == nullptr) {
    const FilterSite site{worker, nullptr, cluster.part().stat_prefix, {}};
    made = std::make_unique<ClusterFiltersInWorker>(site, configured->list);
  }
  return &static_cast<const ClusterFiltersInWorker&>(*made).filters;
}

}  // namespace

AttemptFilters::AttemptFilters(RoutedStream& stream, UpstreamRequest& attempt, AttemptFilters* before)
    : chain(stream, attempt), next(before), early(stream.worker().services.io.blocks()) {}

AttemptFilters* Router::makeFilters(UpstreamRequest& attempt) {
  const FilterListRuntime* list = clusterFilters(*cluster_, stream_.worker());
  if (list == nullptr) list = upstream_filters_;
  if (list == nullptr) [[likely]] return nullptr;
  attempt_filters_ = stream_.arena().make<AttemptFilters>(stream_, attempt, attempt_filters_);
  attempt_filters_->chain.create(*list);
  return attempt_filters_;
}

void Router::dropFilters() {
  for (AttemptFilters* one = attempt_filters_; one != nullptr;) {
    AttemptFilters* next = one->next;
    one->~AttemptFilters();
    one = next;
  }
}

void Router::onFilterReply(const LocalReply& reply) {
  abandoned_ = true;
  global_timer_.cancel();
  attempt_->reset(http::ResetReason::kLocalReset);
  stream_.reply(reply);
}

}  // namespace nuncio::http_proxy
