// envoy.filters.http.on_demand: a request without a route waits while one is fetched: its virtual host (VHDS), or the route
// table of its scope (SRDS).
#include "http_proxy/filter_support.h"
#include "http_proxy/on_demand.h"
#include "http_proxy/stream.h"

namespace nuncio::ext {
namespace {

using http_proxy::FilterStream;
using http_proxy::Verdict;

struct OnDemandConfig {};

class OnDemandFilter final : public http_proxy::Filter, private http_proxy::OnDemand::Waiter {
 public:
  explicit OnDemandFilter(const OnDemandConfig&) {}

  Verdict onRequestHeaders(http::HeaderMap&, FilterStream& stream, bool) override {
    if (stream.route() != nullptr || !stream.stream().demandRoute(*this)) return Verdict::kContinue;
    stream_ = &stream;
    return Verdict::kWatermark;
  }
  void onComplete(FilterStream&) override { base::ListNode<>::unlink(); }

 private:
  void onSettled() override {
    stream_->stream().renewRouteTable();
    stream_->resumeRequest();
  }

  FilterStream* stream_ = nullptr;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeOnDemand(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::PlainFactory<OnDemandFilter, OnDemandConfig>>(std::make_unique<OnDemandConfig>()));
}

}  // namespace

extern const http_proxy::FilterEntry on_demand = {"envoy.filters.http.on_demand", &makeOnDemand};

}  // namespace nuncio::ext
