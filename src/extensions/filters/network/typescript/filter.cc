// nuncio.TypeScriptFilter among network filters: its code is a TypeScript module. What it does is native/script/network_filter.
#include "http_proxy/network_filter_entry.h"
#include "http_proxy/worker_context.h"
#include "plan/plan_types.h"
#include "script/network_filter.h"

namespace nuncio::ext {
namespace connection_script {
namespace {

using nuncio::tcp::ReadFilterHost;

class Runtime final : public nuncio::tcp::ReadFilterRuntime {
 public:
  Runtime(script::ScriptSet& scripts, uint32_t slot) : scripts_(scripts), slot_(slot) {}
  std::unique_ptr<nuncio::tcp::ReadFilter> create(const ReadFilterHost& host) override {
    return std::make_unique<script::NetworkFilter>(scripts_, scripts_.at(slot_), host);
  }

 private:
  script::ScriptSet& scripts_;
  const uint32_t slot_;
};

class Factory final : public nuncio::tcp::ReadFilterFactory {
 public:
  explicit Factory(uint32_t slot) : slot_(slot) {}
  std::unique_ptr<nuncio::tcp::ReadFilterRuntime> makeRuntime(WorkerContext& worker,
                                                              const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>(*worker.scripts, slot_);
  }

 private:
  const uint32_t slot_;
};

base::Result<nuncio::tcp::ReadFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::ScriptFilter plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of a TypeScript network filter");
  return nuncio::tcp::ReadFilterFactoryPtr(std::make_unique<Factory>(plan.slot));
}

}  // namespace
}  // namespace connection_script

namespace network {
extern const nuncio::tcp::NetworkFilterEntry typescript;
const nuncio::tcp::NetworkFilterEntry typescript = {"nuncio.filters.network.typescript", nullptr, &connection_script::make};
}  // namespace network

}  // namespace nuncio::ext
