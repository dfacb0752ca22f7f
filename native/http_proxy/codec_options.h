// Plans turned into what a codec is told. The views in the result point into the plan, which must outlive them.
#pragma once

#include <vector>

#include "http/h1/options.h"
#include "http/h2/options.h"
#include "plan/plan_types.h"

namespace nuncio::http_proxy {

http::h1::ServerOptions serverOptions(const plan::HttpConnectionManager& plan, const plan::HttpCommonOptions& common);

/** The custom SETTINGS that options refer to; kept beside them. */
std::vector<http::h2::Setting> customSettings(const plan::HttpConnectionManager& plan);
http::h2::ServerOptions http2ServerOptions(const plan::HttpConnectionManager& plan, const plan::HttpCommonOptions& common,
                                           uint32_t buffer_limit, const std::vector<http::h2::Setting>& custom);

}  // namespace nuncio::http_proxy
