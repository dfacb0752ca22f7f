// Http2Options of a plan as the codecs take them; for clusters and, as it is the same message, for connection managers.
#pragma once

#include <vector>

#include "http/h2/options.h"
#include "http/keep_alive.h"
#include "plan/plan_types.h"

namespace nuncio::upstream {

/** All that both sides have in common; limits of heads and buffers are the caller's. */
void fillHttp2(const plan::Http2Options& plan, http::h2::CommonOptions& options);
std::vector<http::h2::Setting> customSettings(const plan::Http2Options& plan);
http::KeepAliveOptions keepAlive(const plan::Http2Options& plan);

}  // namespace nuncio::upstream
