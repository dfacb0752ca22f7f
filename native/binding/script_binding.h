// What filters in TypeScript call: the headers, bodies and facts of a stream by its handle (src/worker/script-addon.ts).
#pragma once

#include <napi.h>

namespace nuncio::binding {

void exportScripts(Napi::Env env, Napi::Object exports);

}  // namespace nuncio::binding
