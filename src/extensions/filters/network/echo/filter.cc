// envoy.filters.network.echo: sends back what it gets, and the end after it.
#include "http_proxy/network_filter_entry.h"

namespace nuncio::ext {
namespace echo_bytes {
namespace {

class Filter final : public nuncio::tcp::NetworkFilter {
 public:
  explicit Filter(const nuncio::tcp::Downstream& downstream) : connection_(downstream.connection) {}

  void onNewConnection() override {}
  size_t onInput(std::string_view bytes) override {
    connection_.writeBorrowed(bytes);
    return bytes.size();
  }
  void onEndOfInput() override { connection_.closeAfterFlush(); }
  void onAboveHighWatermark() override { connection_.pauseReading(true); }
  void onBelowLowWatermark() override { connection_.pauseReading(false); }
  void onClosed(net::CloseCause) override {}

 private:
  net::Connection& connection_;
};

class Runtime final : public nuncio::tcp::NetworkFilterRuntime {
 public:
  std::unique_ptr<nuncio::tcp::NetworkFilter> create(const nuncio::tcp::Downstream& downstream) override {
    return std::make_unique<Filter>(downstream);
  }
};

class Factory final : public nuncio::tcp::NetworkFilterFactory {
 public:
  std::unique_ptr<nuncio::tcp::NetworkFilterRuntime> makeRuntime(WorkerContext&,
                                                                 const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>();
  }
};

base::Result<nuncio::tcp::NetworkFilterFactoryPtr, std::string> make(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return nuncio::tcp::NetworkFilterFactoryPtr(std::make_unique<Factory>());
}

}  // namespace
}  // namespace echo_bytes

namespace network {
extern const nuncio::tcp::NetworkFilterEntry echo;
const nuncio::tcp::NetworkFilterEntry echo = {"envoy.filters.network.echo", &echo_bytes::make};
}  // namespace network

}  // namespace nuncio::ext
