// Plans turned into what a codec is told. The views in the result point into the plan, which must outlive them.
#pragma once

#include "http/h1/options.h"
#include "plan/plan_types.h"

namespace nuncio::http_proxy {

http::h1::ServerOptions serverOptions(const plan::HttpConnectionManager& plan, const plan::HttpCommonOptions& common);

}  // namespace nuncio::http_proxy
