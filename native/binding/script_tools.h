// Tools of built-in filters in TypeScript (script/tool.h): what src/worker/native-tool.ts calls.
#pragma once

#include <span>

#include "binding/script_headers.h"

namespace nuncio::binding {

std::span<const NativeCall> toolCalls();

}  // namespace nuncio::binding
