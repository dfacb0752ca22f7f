// Plans, sockets and snapshots as main hands them over (see src/native/addon.ts for each function's meaning).
#pragma once

#include <napi.h>

namespace nuncio::binding {

void exportSnapshots(Napi::Env env, Napi::Object exports);

}  // namespace nuncio::binding
