// The calls of network and listener filters in TypeScript: what they may know of their connection and do to it.
#pragma once

#include <span>

#include "binding/script_headers.h"

namespace nuncio::binding {

std::span<const NativeCall> connectionCalls();

}  // namespace nuncio::binding
