// The headers of a stream, for filters in TypeScript: what HeaderView calls (src/worker/header-view.ts).
#pragma once

#include <node_api.h>

#include <span>

namespace nuncio::binding {

/** A function as the addon exports it. */
struct NativeCall {
  const char* name;
  napi_callback call;
};

std::span<const NativeCall> headerCalls();

}  // namespace nuncio::binding
