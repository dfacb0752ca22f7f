// envoy.filters.http.grpc_stats: counts gRPC calls and their messages, by service and method, in the cluster's statistics.
#include <algorithm>

#include "generated/filters/http/grpc_stats/plan.h"
#include "http_proxy/manager_config.h"
#include "src/extensions/filters/http/common/grpc.h"

namespace nuncio::ext {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;
using plan::grpc_stats::GrpcStats;

struct GrpcStatsRuntime final : http_proxy::FilterRuntime {
  GrpcStatsRuntime(const http_proxy::FilterSite& site, const GrpcStats&) : methods(site.worker.stats) {}
  grpc::MethodTable methods;
};

class GrpcStatsFilter final : public http_proxy::Filter {
 public:
  GrpcStatsFilter(const GrpcStats& config, GrpcStatsRuntime& runtime) : config_(config), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    request_ = http_proxy::isGrpcContentType(headers.get(HeaderId::kContentType));
    if (request_) findStats(headers, stream);
    return Verdict::kContinue;
  }
  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool) override {
    if (!request_) return Verdict::kContinue;
    if (const uint64_t begun = requests_.inspect(data); begun != 0) {
      noteState(stream);
      if (stats_ != nullptr) stats_->chargeRequestMessages(begun);
    }
    return Verdict::kContinue;
  }
  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    response_ = grpc::isGrpcResponse(headers, end_stream);
    if (stats_ != nullptr) stats_->chargeStatus(headers.get(HeaderId::kGrpcStatus));
    if (end_stream) chargeTime(stream);
    return Verdict::kContinue;
  }
  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (!response_) return Verdict::kContinue;
    if (const uint64_t begun = responses_.inspect(data); begun != 0) {
      noteState(stream);
      if (stats_ != nullptr) stats_->chargeResponseMessages(begun);
    }
    if (end_stream) chargeTime(stream);
    return Verdict::kContinue;
  }
  Verdict onResponseTrailers(http::HeaderMap& trailers, FilterStream& stream) override {
    if (stats_ != nullptr) stats_->chargeStatus(trailers.get(HeaderId::kGrpcStatus));
    chargeTime(stream);
    return Verdict::kContinue;
  }

 private:
  bool listed(const grpc::Method& method) const {
    for (const auto& service : config_.services) {
      if (service.name != method.service) continue;
      if (std::find(service.methods.begin(), service.methods.end(), method.name) != service.methods.end()) return true;
    }
    return false;
  }

  void findStats(http::HeaderMap& headers, FilterStream& stream) {
    upstream::ClusterRuntime* cluster = stream.cluster();
    auto method = grpc::methodOf(headers.get(HeaderId::kPath));
    if (cluster == nullptr || !method) return;
    if (!config_.all_methods && !listed(*method)) method = grpc::Method{};  // counted with all others
    if (config_.replace_dots) method->service = withoutDots(stream.arena(), method->service);
    stats_ = runtime_.methods.find(stream.arena(), *cluster, "grpc", *method);
  }
  static std::string_view withoutDots(base::Arena& arena, std::string_view service) {
    char* out = arena.array<char>(service.size() + 1);
    std::replace_copy(service.begin(), service.end(), out, '.', '_');
    return {out, service.size()};
  }

  void chargeTime(FilterStream& stream) {
    const http::Timings& at = stream.info().at;
    if (stats_ == nullptr || !config_.upstream_stats || at.upstream_tx_end == 0 || at.upstream_rx_end == 0) return;
    stats_->chargeTime(static_cast<uint64_t>(std::max<int64_t>(0, at.upstream_rx_end - at.upstream_tx_end) / 1'000'000));
  }

  void noteState(FilterStream& stream) {
    if (!config_.emit_filter_state) return;
    stream.filterState().set("envoy.filters.http.grpc_stats",
                             stream.arena().concat(stream.arena().decimal(requests_.count()), ",", stream.arena().decimal(responses_.count())));
  }

  const GrpcStats& config_;
  GrpcStatsRuntime& runtime_;
  grpc::MethodStats* stats_ = nullptr;
  grpc::FrameCounter requests_;
  grpc::FrameCounter responses_;
  bool request_ = false;
  bool response_ = false;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeGrpcStats(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto config = std::make_unique<GrpcStats>();
  if (!plan::grpc_stats::decode(bytes, *config)) return std::string("malformed plan");
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<GrpcStatsFilter, GrpcStats, GrpcStatsRuntime>>(std::move(config)));
}

}  // namespace

extern const http_proxy::FilterEntry grpc_stats = {"envoy.filters.http.grpc_stats", &makeGrpcStats};

}  // namespace nuncio::ext
