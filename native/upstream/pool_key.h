// PoolKey: which of a host's connection pools a request uses: connections that differ in any of this are never shared.
#pragma once

#include <cstdint>

#include "upstream/circuit_breaker.h"

namespace nuncio::upstream {

/** What is spoken with a host. */
enum class Wire : uint8_t { kHttp1, kHttp2, kByAlpn };

struct PoolKey {
  Priority priority = Priority::kDefault;
  Wire wire = Wire::kHttp1;
  uint64_t transport = 0;  // hash of what a request wants of its transport socket; 0: nothing of its own

  bool operator==(const PoolKey&) const = default;
};

}  // namespace nuncio::upstream
