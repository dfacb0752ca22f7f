// Requests that filters in TypeScript make of clusters: what ClusterClient calls (src/worker/cluster-client.ts).
#pragma once

#include <span>

#include "binding/script_headers.h"

namespace nuncio::binding {

std::span<const NativeCall> outgoingCalls();

}  // namespace nuncio::binding
