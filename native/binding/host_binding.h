// The hosts of clusters as main decides on them: their health, what workers say of them, and ways to them.
#pragma once

#include <napi.h>

namespace nuncio::binding {

void exportHosts(Napi::Env env, Napi::Object exports);

}  // namespace nuncio::binding
