// nuncio.TypeScriptFilter among listener filters: its code is a TypeScript module. What it does is native/script/listener_filter.
#include "http_proxy/listener_filter_entry.h"
#include "http_proxy/worker_context.h"
#include "plan/plan_types.h"
#include "script/listener_filter.h"

namespace nuncio::ext::listener {
namespace accept_script {
namespace {

class Runtime final : public tcp::ListenerFilterRuntime {
 public:
  Runtime(WorkerContext& worker, uint32_t slot) : worker_(worker), slot_(slot) {}
  std::unique_ptr<tcp::ListenerFilter> create() override {
    return std::make_unique<script::ListenerFilter>(*worker_.scripts, worker_.scripts->at(slot_), worker_.services.io.chunks());
  }

 private:
  WorkerContext& worker_;
  const uint32_t slot_;
};

class Factory final : public tcp::ListenerFilterFactory {
 public:
  explicit Factory(uint32_t slot) : slot_(slot) {}
  std::unique_ptr<tcp::ListenerFilterRuntime> makeRuntime(WorkerContext& worker) const override {
    return std::make_unique<Runtime>(worker, slot_);
  }

 private:
  const uint32_t slot_;
};

base::Result<tcp::ListenerFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::ScriptFilter plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of a TypeScript listener filter");
  return tcp::ListenerFilterFactoryPtr(std::make_unique<Factory>(plan.slot));
}

}  // namespace
}  // namespace accept_script

extern const tcp::ListenerFilterEntry typescript;
const tcp::ListenerFilterEntry typescript = {"nuncio.filters.listener.typescript", &accept_script::make};

}  // namespace nuncio::ext::listener
