// nuncio.TypeScriptFilter: an HTTP filter whose code is a TypeScript module. What it does is native/script/http_filter.
#include <memory>
#include <span>
#include <string>

#include "base/arena.h"
#include "http_proxy/filter.h"
#include "http_proxy/worker_context.h"
#include "plan/plan_types.h"
#include "script/http_filter.h"
#include "script/script_settings.h"

namespace nuncio::ext {
namespace {

class TypeScriptFactory final : public http_proxy::FilterFactory {
 public:
  explicit TypeScriptFactory(uint32_t slot) : slot_(slot) {}

  http_proxy::Filter* create(base::Arena& arena, WorkerContext& worker, http_proxy::FilterRuntime*) const override {
    return arena.make<script::HttpFilter>(*worker.scripts, worker.scripts->at(slot_));
  }

 private:
  const uint32_t slot_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeTypeScript(std::span<const uint8_t> plan, http_proxy::DecodeContext&) {
  plan::ScriptFilter decoded;
  if (!plan::decode(plan, decoded)) return std::string("malformed plan of a TypeScript filter");
  return http_proxy::FilterFactoryPtr(std::make_unique<TypeScriptFactory>(decoded.slot));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeTypeScriptRoute(std::span<const uint8_t> plan, http_proxy::DecodeContext&) {
  plan::ScriptSettings decoded;
  if (!plan::decode(plan, decoded)) return std::string("malformed settings of a TypeScript filter");
  return http_proxy::RouteSettingsPtr(std::make_unique<script::ScriptSettings>(std::move(decoded.json)));
}

}  // namespace

extern const http_proxy::FilterEntry typescript = {"nuncio.filters.http.typescript", makeTypeScript, makeTypeScriptRoute};

}  // namespace nuncio::ext
