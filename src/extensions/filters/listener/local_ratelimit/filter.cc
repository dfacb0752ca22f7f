// envoy.filters.listener.local_ratelimit: so many new connections in a time; the ones above are closed before anything
// is done for them.
#include "http_proxy/listener_filter_entry.h"
#include "src/extensions/filters/common/connection_rate.h"

namespace nuncio::ext::listener {
namespace rate {
namespace {

class Filter final : public tcp::ListenerFilter {
 public:
  explicit Filter(const ConnectionRateRuntime& rate) : rate_(rate) {}
  tcp::ListenerVerdict onAccept(tcp::AcceptedConnection&) override {
    return rate_.admits() ? tcp::ListenerVerdict::kContinue : tcp::ListenerVerdict::kReject;
  }

 private:
  const ConnectionRateRuntime& rate_;
};

class Runtime final : public tcp::ListenerFilterRuntime {
 public:
  Runtime(WorkerContext& worker, const ConnectionRate& rate) : rate_(worker, rate) {}
  std::unique_ptr<tcp::ListenerFilter> create() override { return std::make_unique<Filter>(rate_); }

 private:
  const ConnectionRateRuntime rate_;
};

class Factory final : public tcp::ListenerFilterFactory {
 public:
  explicit Factory(plan::ConnectionRateLimit plan) : rate_(std::move(plan)) {}
  std::unique_ptr<tcp::ListenerFilterRuntime> makeRuntime(WorkerContext& worker) const override {
    return std::make_unique<Runtime>(worker, rate_);
  }

 private:
  const ConnectionRate rate_;
};

base::Result<tcp::ListenerFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::ConnectionRateLimit plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the local rate limit");
  return tcp::ListenerFilterFactoryPtr(std::make_unique<Factory>(std::move(plan)));
}

}  // namespace
}  // namespace rate

extern const tcp::ListenerFilterEntry local_ratelimit;
const tcp::ListenerFilterEntry local_ratelimit = {"envoy.filters.listener.local_ratelimit", &rate::make};

}  // namespace nuncio::ext::listener
