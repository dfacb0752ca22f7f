// envoy.filters.network.tcp_proxy: the factory and its one exported symbol.
#include <utility>

#include "http_proxy/network_filter_entry.h"
#include "src/extensions/filters/network/tcp_proxy/runtime.h"
#include "src/extensions/filters/network/tcp_proxy/session.h"

namespace nuncio::ext {
namespace tcp {
namespace {

class Factory final : public nuncio::tcp::NetworkFilterFactory {
 public:
  explicit Factory(std::unique_ptr<const Config> config) : config_(std::move(config)) {}
  std::unique_ptr<nuncio::tcp::NetworkFilterRuntime> makeRuntime(WorkerContext& worker,
                                                                 const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>(worker, *config_);
  }
  /** The counters of clusters on demand are there from the start. */
  bool eager() const override { return config_->plan.cluster_source.has_value(); }

 private:
  const std::unique_ptr<const Config> config_;
};

base::Result<nuncio::tcp::NetworkFilterFactoryPtr, std::string> make(std::span<const uint8_t> plan,
                                                                     http_proxy::DecodeContext& context) {
  auto config = Config::make(plan, context);
  if (!config.ok()) return std::move(config.error());
  return nuncio::tcp::NetworkFilterFactoryPtr(std::make_unique<Factory>(std::move(config.value())));
}

}  // namespace
}  // namespace tcp

namespace network {
extern const nuncio::tcp::NetworkFilterEntry tcp_proxy;
const nuncio::tcp::NetworkFilterEntry tcp_proxy = {"envoy.filters.network.tcp_proxy", &tcp::make};
}  // namespace network

}  // namespace nuncio::ext
