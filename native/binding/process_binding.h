// The process as main steers and reads it: init, drain, health, access logs, host counters, memory.
#pragma once

#include <napi.h>

namespace nuncio::binding {

void exportProcess(Napi::Env env, Napi::Object exports);

}  // namespace nuncio::binding
