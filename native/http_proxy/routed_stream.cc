#include "http_proxy/routed_stream.h"

#include "upstream/cluster_runtime.h"

namespace nuncio::http_proxy {

upstream::ClusterRuntime* RoutedStream::findCluster(const routing::ClusterAction& action, http::HeaderMap& headers) {
  const routing::ClusterRef& wanted = weighted_ == nullptr ? action.cluster : weighted_->cluster;
  upstream::ClusterSet& clusters = worker_.clusters;
  upstream::ClusterRuntime* cluster = wanted.header.empty() ? clusters.find(wanted.slot) : clusters.find(wanted.nameFor(headers));
  if (cluster == nullptr) return nullptr;
  const plan::Cluster& plan = cluster->plan();
  info_.cluster_name = plan.stat_name.empty() ? plan.name : plan.stat_name;
  info_.cluster_raw_name = plan.name;
  info_.cluster_metadata_json = plan.metadata_json;
  return cluster;
}

}  // namespace nuncio::http_proxy
