// WorkerServices: what a worker lends to everything that runs in it. Owned by the Worker; references stay valid as long
// as the worker. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "http/h2/memory.h"
#include "loop/loop.h"
#include "net/io_context.h"
#include "stats/registry.h"
#include "tls/worker_tls.h"

namespace nuncio::upstream {

struct Host;
struct InternalTarget;

/** What a worker tells main of a host. */
enum class HostNews : uint8_t {
  kServerErrors,       // so many 5xx in a row as the cluster bears
  kGatewayErrors,      // the same of 502, 503, 504
  kLocalErrors,        // could not be reached so often in a row
  kImmediateFailure,   // its answer says that it fails its health checks
};

struct WorkerServices {
  size_t index;
  loop::Loop& loop;
  net::IoContext& io;
  base::Random& random;
  stats::WorkerStats& stats;
  http::h2::Memory& http2;
  tls::WorkerTls& tls;
  bool (*tell)(HostNews news, std::string_view cluster, const Host& host) = nullptr;  // false: main is too busy
  /** A local socket that this worker's internal listener takes as a connection; -1: there is no such listener. */
  int (*connect_internal)(size_t worker, InternalTarget target) = nullptr;
};

}  // namespace nuncio::upstream
