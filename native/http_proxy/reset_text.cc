#include "http_proxy/reset_text.h"

#include "base/ascii.h"
#include "routing/retry_on.h"

namespace nuncio::http_proxy {

using http::ResetReason;
using http::ResponseFlag;

std::string_view resetText(ResetReason reason) {
  switch (reason) {
    case ResetReason::kLocalReset: return "local reset";
    case ResetReason::kLocalRefusedStreamReset: return "local refused stream reset";
    case ResetReason::kRemoteReset: return "remote reset";
    case ResetReason::kRemoteRefusedStreamReset: return "remote refused stream reset";
    case ResetReason::kConnectionFailure: return "remote connection failure";
    case ResetReason::kLocalConnectionFailure: return "local connection failure";
    case ResetReason::kConnectionTimeout: return "connection timeout";
    case ResetReason::kConnectionTermination: return "connection termination";
    case ResetReason::kOverflow: return "overflow";
    case ResetReason::kConnectError: return "remote error with CONNECT request";
    case ResetReason::kProtocolError: return "protocol error";
    case ResetReason::kOverloadManager: return "overload manager reset";
  }
  return "";
}

std::optional<ResponseFlag> flagOf(ResetReason reason) {
  switch (reason) {
    case ResetReason::kLocalReset:
    case ResetReason::kLocalRefusedStreamReset: return ResponseFlag::kLocalReset;
    case ResetReason::kRemoteReset:
    case ResetReason::kRemoteRefusedStreamReset:
    case ResetReason::kConnectError: return ResponseFlag::kUpstreamRemoteReset;
    case ResetReason::kConnectionFailure:
    case ResetReason::kLocalConnectionFailure:
    case ResetReason::kConnectionTimeout: return ResponseFlag::kUpstreamConnectionFailure;
    case ResetReason::kConnectionTermination: return ResponseFlag::kUpstreamConnectionTermination;
    case ResetReason::kOverflow: return ResponseFlag::kUpstreamOverflow;
    case ResetReason::kProtocolError: return ResponseFlag::kUpstreamProtocolError;
    case ResetReason::kOverloadManager: return ResponseFlag::kOverloadManager;
  }
  return std::nullopt;
}

std::string_view withoutSpaces(base::Arena& arena, std::string_view text) {
  char* out = arena.array<char>(text.size() + 1);
  for (size_t i = 0; i < text.size(); ++i) out[i] = text[i] == ' ' ? '_' : text[i];
  return {out, text.size()};
}

bool strictValueIsValid(std::string_view name, std::string_view value) {
  if (name == "x-envoy-retry-on") return routing::parseRetryOn(value).all_known;
  if (name == "x-envoy-retry-grpc-on") return routing::parseRetryGrpcOn(value).all_known;
  return base::parseDecimal(value).has_value();
}

}  // namespace nuncio::http_proxy
