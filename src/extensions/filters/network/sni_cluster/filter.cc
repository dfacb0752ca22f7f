// envoy.filters.network.sni_cluster: the server name that the TLS inspector found is the name of the cluster that the TCP
// proxy behind takes, in place of its own.
#include "http_proxy/network_filter_entry.h"

namespace nuncio::ext {
namespace named_by_client {
namespace {

using nuncio::tcp::ReadFilterHost;
using nuncio::tcp::ReadVerdict;

class Filter final : public nuncio::tcp::ReadFilter {
 public:
  explicit Filter(const ReadFilterHost& host) : host_(host) {}
  ReadVerdict onNewConnection() override {
    const nuncio::tcp::Downstream& downstream = host_.downstream();
    const std::string_view name = downstream.info.requestedServerName();
    if (!name.empty()) {
      downstream.info.makeFacts(downstream.connection.io().chunks()).filter_state.set("envoy.tcp_proxy.cluster", name);
    }
    return ReadVerdict::kContinue;
  }

 private:
  const ReadFilterHost& host_;
};

class Runtime final : public nuncio::tcp::ReadFilterRuntime {
 public:
  std::unique_ptr<nuncio::tcp::ReadFilter> create(const ReadFilterHost& host) override { return std::make_unique<Filter>(host); }
};

class Factory final : public nuncio::tcp::ReadFilterFactory {
 public:
  std::unique_ptr<nuncio::tcp::ReadFilterRuntime> makeRuntime(WorkerContext&, const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>();
  }
  bool takesData() const override { return false; }
};

base::Result<nuncio::tcp::ReadFilterFactoryPtr, std::string> make(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return nuncio::tcp::ReadFilterFactoryPtr(std::make_unique<Factory>());
}

}  // namespace
}  // namespace named_by_client

namespace network {
extern const nuncio::tcp::NetworkFilterEntry sni_cluster;
const nuncio::tcp::NetworkFilterEntry sni_cluster = {"envoy.filters.network.sni_cluster", nullptr, &named_by_client::make};
}  // namespace network

}  // namespace nuncio::ext
