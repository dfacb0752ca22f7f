// The gRPC status of a response as logs and log filters see it. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/substitution/format_context.h"

namespace nuncio::http::substitution {

/** content-type is application/grpc, or begins with "application/grpc+". */
bool isGrpcRequest(const FormatContext& context);

/** From the trailers, else the headers, else what the HTTP status stands for. None without any response code. */
std::optional<uint32_t> grpcStatus(const FormatContext& context);

/** "NotFound"; empty for a number without a name. */
std::string_view grpcCamelName(uint32_t status);
/** "NOT_FOUND" */
std::string_view grpcSnakeName(uint32_t status);

}  // namespace nuncio::http::substitution
