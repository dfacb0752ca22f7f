// envoy.filters.network.local_ratelimit: so many new connections of a filter chain in a time; the ones above are closed.
#include "http_proxy/network_filter_entry.h"
#include "src/extensions/filters/common/connection_rate.h"

namespace nuncio::ext {
namespace chain_rate {
namespace {

using nuncio::tcp::ReadFilterHost;
using nuncio::tcp::ReadVerdict;

class Filter final : public nuncio::tcp::ReadFilter {
 public:
  Filter(const ConnectionRateRuntime& rate, const ReadFilterHost& host) : rate_(rate), host_(host) {}
  ReadVerdict onNewConnection() override {
    if (rate_.admits()) return ReadVerdict::kContinue;
    host_.close("local_ratelimit_close_over_limit");
    return ReadVerdict::kStop;
  }

 private:
  const ConnectionRateRuntime& rate_;
  const ReadFilterHost& host_;
};

class Runtime final : public nuncio::tcp::ReadFilterRuntime {
 public:
  Runtime(WorkerContext& worker, const ConnectionRate& rate) : rate_(worker, rate) {}
  std::unique_ptr<nuncio::tcp::ReadFilter> create(const ReadFilterHost& host) override {
    return std::make_unique<Filter>(rate_, host);
  }

 private:
  const ConnectionRateRuntime rate_;
};

class Factory final : public nuncio::tcp::ReadFilterFactory {
 public:
  explicit Factory(plan::ConnectionRateLimit plan) : rate_(std::move(plan)) {}
  std::unique_ptr<nuncio::tcp::ReadFilterRuntime> makeRuntime(WorkerContext& worker,
                                                              const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>(worker, rate_);
  }
  bool takesData() const override { return false; }

 private:
  const ConnectionRate rate_;
};

base::Result<nuncio::tcp::ReadFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::ConnectionRateLimit plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the local rate limit");
  return nuncio::tcp::ReadFilterFactoryPtr(std::make_unique<Factory>(std::move(plan)));
}

}  // namespace
}  // namespace chain_rate

namespace network {
extern const nuncio::tcp::NetworkFilterEntry local_ratelimit;
const nuncio::tcp::NetworkFilterEntry local_ratelimit = {"envoy.filters.network.local_ratelimit", nullptr, &chain_rate::make};
}  // namespace network

}  // namespace nuncio::ext
