// envoy.filters.http.on_demand: a request without a route waits while one is fetched: its virtual host (VHDS), or the route
// table of its scope (SRDS); and one whose cluster is not there while that is asked for (ODCDS).
#include "generated/filters/http/on_demand/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/on_demand.h"
#include "http_proxy/stream.h"

namespace nuncio::ext {
namespace {

using http_proxy::FilterStream;
using http_proxy::Verdict;

struct OnDemandSettings final : routing::RouteSettings {
  std::optional<uint32_t> cluster_source;
};

class OnDemandFilter final : public http_proxy::Filter, private http_proxy::OnDemand::Waiter {
 public:
  explicit OnDemandFilter(const OnDemandSettings& own) : settings_(&own) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    const routing::Route* route = stream.route();
    const bool waits = route == nullptr ? stream.stream().demandRoute(*this) : demandCluster(*route, headers, stream);
    if (!waits) return Verdict::kContinue;
    stream_ = &stream;
    return Verdict::kWatermark;
  }
  void onComplete(FilterStream&) override { base::ListNode<>::unlink(); }

 private:
  bool demandCluster(const routing::Route& route, http::HeaderMap& headers, FilterStream& stream) {
    if (const auto* own = stream.routeSettings<OnDemandSettings>()) settings_ = own;
    if (!settings_->cluster_source || route.kind != routing::RouteKind::kCluster) return false;
    auto& worker = stream.stream().worker();
    const routing::WeightedCluster* weighted = stream.stream().weightedCluster();
    const routing::ClusterRef& wanted = weighted == nullptr ? route.cluster->cluster : weighted->cluster;
    const std::string_view name = wanted.nameFor(headers);
    const bool is_there = wanted.header.empty() ? worker.clusters.find(wanted.slot) != nullptr : worker.clusters.find(name) != nullptr;
    if (is_there || name.empty()) return false;
    return worker.on_demand.wait({http_proxy::DemandKind::kCluster, *settings_->cluster_source, std::string(name)}, *this);
  }

  void onSettled(http_proxy::DemandEnd) override {
    stream_->stream().renewRouteTable();
    stream_->resumeRequest();
  }

  const OnDemandSettings* settings_;
  FilterStream* stream_ = nullptr;
};

std::unique_ptr<const OnDemandSettings> readOnDemand(std::span<const uint8_t> bytes) {
  plan::on_demand::OnDemand plan;
  if (!plan::on_demand::decode(bytes, plan)) return nullptr;
  auto settings = std::make_unique<OnDemandSettings>();
  settings->cluster_source = plan.cluster_source;
  return settings;
}

base::Result<http_proxy::FilterFactoryPtr, std::string> makeOnDemand(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = readOnDemand(bytes);
  if (settings == nullptr) return std::string("malformed plan");
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::PlainFactory<OnDemandFilter, OnDemandSettings>>(std::move(settings)));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeOnDemandRoute(std::span<const uint8_t> bytes,
                                                                          http_proxy::DecodeContext&) {
  auto settings = readOnDemand(bytes);
  if (settings == nullptr) return std::string("malformed plan");
  return http_proxy::RouteSettingsPtr(std::move(settings));
}

}  // namespace

extern const http_proxy::FilterEntry on_demand = {"envoy.filters.http.on_demand", &makeOnDemand, &makeOnDemandRoute};

}  // namespace nuncio::ext
