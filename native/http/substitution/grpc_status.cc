#include "http/substitution/grpc_status.h"

#include <iterator>

#include "base/ascii.h"
#include "http/header_map.h"

namespace nuncio::http::substitution {
namespace {

struct Names {
  std::string_view camel;
  std::string_view snake;
};
constexpr Names kNames[] = {
    {"OK", "OK"},
    {"Canceled", "CANCELLED"},
    {"Unknown", "UNKNOWN"},
    {"InvalidArgument", "INVALID_ARGUMENT"},
    {"DeadlineExceeded", "DEADLINE_EXCEEDED"},
    {"NotFound", "NOT_FOUND"},
    {"AlreadyExists", "ALREADY_EXISTS"},
    {"PermissionDenied", "PERMISSION_DENIED"},
    {"ResourceExhausted", "RESOURCE_EXHAUSTED"},
    {"FailedPrecondition", "FAILED_PRECONDITION"},
    {"Aborted", "ABORTED"},
    {"OutOfRange", "OUT_OF_RANGE"},
    {"Unimplemented", "UNIMPLEMENTED"},
    {"Internal", "INTERNAL"},
    {"Unavailable", "UNAVAILABLE"},
    {"DataLoss", "DATA_LOSS"},
    {"Unauthenticated", "UNAUTHENTICATED"},
};

constexpr uint32_t kUnknown = 2;
constexpr uint32_t kInvalid = UINT32_MAX;  // Envoy's -1: a grpc-status that is no number

uint32_t statusOfHttp(uint16_t code) {
  switch (code) {
    case 400: return 13;
    case 401: return 16;
    case 403: return 7;
    case 404: return 12;
    case 429:
    case 502:
    case 503:
    case 504: return 14;
    default: return kUnknown;
  }
}

std::optional<uint32_t> fromHeaders(const HeaderMap* headers) {
  if (headers == nullptr || !headers->has(HeaderId::kGrpcStatus)) return std::nullopt;
  const std::string_view value = headers->get(HeaderId::kGrpcStatus);
  if (value.empty()) return std::nullopt;
  return base::parseDecimal<uint32_t>(value).value_or(kInvalid);
}

}  // namespace

bool isGrpcRequest(const FormatContext& context) {
  if (context.request == nullptr) return false;
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = context.request->get(HeaderId::kContentType);
  return type.starts_with(kType) && (type.size() == kType.size() || type[kType.size()] == '+');
}

std::optional<uint32_t> grpcStatus(const FormatContext& context) {
  if (const auto status = fromHeaders(context.response_trailers)) return status;
  if (const auto status = fromHeaders(context.response)) return status;
  if (context.info.response_code == 0) return std::nullopt;
  return statusOfHttp(context.info.response_code);
}

std::string_view grpcCamelName(uint32_t status) { return status < std::size(kNames) ? kNames[status].camel : ""; }
std::string_view grpcSnakeName(uint32_t status) { return status < std::size(kNames) ? kNames[status].snake : ""; }

}  // namespace nuncio::http::substitution
