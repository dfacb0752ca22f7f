// LocalReply: an answer the proxy makes itself, and the rules that may rewrite it (HCM.local_reply_config).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/header_map.h"
#include "http/header_mutation.h"
#include "http/stream_info.h"
#include "http/substitution/body_formatter.h"

namespace nuncio::http_proxy {

struct LocalReply {
  uint16_t status;
  std::string_view body = {};
  std::string_view details = {};            // lives as long as the stream (static or arena)
  std::string_view location = {};           // redirects
  std::optional<http::ResponseFlag> flag = std::nullopt;
  std::optional<http::ResponseFlag> flag_of_log = std::nullopt;  // what makes the answer's body does not see it yet
  bool route_mutations = false;             // of the router: carries the route's response headers
  const http::BodyFormatter* format = nullptr;  // direct_response.body_format
  std::span<const http::Header> headers = {};   // more, set over the reply's own; texts live as long as the stream
  http::HeaderId extra = http::HeaderId::kUnknown;  // set to "true", e.g. x-envoy-overloaded
  std::optional<uint32_t> grpc_status = std::nullopt;  // instead of what the HTTP status stands for
  const http::HeaderMutations* mutations = nullptr;  // applied to the answer's head
  bool plain = false;                       // a head made by a filter: no rule rewrites it, no gRPC form
};

/** The grpc-status that stands for an HTTP status in a local reply (Envoy's table; 33.5 of its docs). */
uint32_t grpcStatusOf(uint32_t http_status);
/** application/grpc, with or without a +suffix. */
inline bool isGrpcContentType(std::string_view type) {
  constexpr std::string_view kGrpc = "application/grpc";
  return type.starts_with(kGrpc) && (type.size() == kGrpc.size() || type[kGrpc.size()] == '+');
}
/** grpc-message percent-encoding (gRPC over HTTP/2 spec). */
std::string_view grpcMessage(base::Arena& arena, std::string_view text);

}  // namespace nuncio::http_proxy
