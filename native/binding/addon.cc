// The addon's table of contents: everything TypeScript may call, by area. src/native/addon.ts is its typed face.
#include <napi.h>

#include "binding/host_binding.h"
#include "binding/process_binding.h"
#include "binding/script_binding.h"
#include "binding/snapshot_binding.h"
#include "binding/stats_binding.h"
#include "binding/worker_binding.h"
#include "worker/process.h"

namespace nuncio::binding {
namespace {

Napi::Object exportAll(Napi::Env env, Napi::Object exports) {
  exportProcess(env, exports);
  exportHosts(env, exports);
  exportSnapshots(env, exports);
  exportWorkers(env, exports);
  exportScripts(env, exports);
  exportStats(env, exports, stats::processRegistry());
  return exports;
}

}  // namespace
}  // namespace nuncio::binding

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return nuncio::binding::exportAll(env, exports); }

NODE_API_MODULE(nuncio, initialize)
