// envoy.filters.network.direct_response: sends a fixed text to every client and closes.
#include <string>
#include <utility>

#include "generated/plan.h"
#include "http_proxy/network_filter_entry.h"

namespace nuncio::ext {
namespace fixed_text {
namespace {

class Filter final : public nuncio::tcp::NetworkFilter {
 public:
  Filter(const nuncio::tcp::Downstream& downstream, std::string_view body) : connection_(downstream.connection), body_(body) {}

  void onNewConnection() override {
    if (!body_.empty()) connection_.write(body_);
    connection_.closeAfterFlush();
  }
  size_t onInput(std::string_view bytes) override { return bytes.size(); }
  void onEndOfInput() override {}
  void onAboveHighWatermark() override {}
  void onBelowLowWatermark() override {}
  void onClosed(net::CloseCause) override {}
  void describe(http::StreamInfo& info, std::string&) const override { info.response_code_details = "direct_response"; }

 private:
  net::Connection& connection_;
  const std::string_view body_;
};

class Runtime final : public nuncio::tcp::NetworkFilterRuntime {
 public:
  explicit Runtime(std::string_view body) : body_(body) {}
  std::unique_ptr<nuncio::tcp::NetworkFilter> create(const nuncio::tcp::Downstream& downstream) override {
    return std::make_unique<Filter>(downstream, body_);
  }

 private:
  const std::string_view body_;
};

class Factory final : public nuncio::tcp::NetworkFilterFactory {
 public:
  explicit Factory(std::string body) : body_(std::move(body)) {}
  std::unique_ptr<nuncio::tcp::NetworkFilterRuntime> makeRuntime(WorkerContext&,
                                                                 const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>(body_);
  }

 private:
  const std::string body_;
};

base::Result<nuncio::tcp::NetworkFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes,
                                                                     http_proxy::DecodeContext&) {
  plan::NetworkDirectResponse plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the direct response filter");
  return nuncio::tcp::NetworkFilterFactoryPtr(std::make_unique<Factory>(std::move(plan.body)));
}

}  // namespace
}  // namespace fixed_text

namespace network {
extern const nuncio::tcp::NetworkFilterEntry direct_response;
const nuncio::tcp::NetworkFilterEntry direct_response = {"envoy.filters.network.direct_response", &fixed_text::make};
}  // namespace network

}  // namespace nuncio::ext
