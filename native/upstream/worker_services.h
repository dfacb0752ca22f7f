// WorkerServices: what a worker lends to everything that runs in it. Owned by the Worker; references stay valid as long
// as the worker. One thread.
#pragma once

#include <cstddef>

#include "base/random.h"
#include "http/h2/memory.h"
#include "loop/loop.h"
#include "net/io_context.h"
#include "stats/registry.h"
#include "tls/worker_tls.h"

namespace nuncio::upstream {

struct WorkerServices {
  size_t index;
  loop::Loop& loop;
  net::IoContext& io;
  base::Random& random;
  stats::WorkerStats& stats;
  http::h2::Memory& http2;
  tls::WorkerTls& tls;
};

}  // namespace nuncio::upstream
