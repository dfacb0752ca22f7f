// RetryOn: the conditions under which an answer is asked for again, as a set of bits; read from the words of a retry
// policy and from the request headers x-envoy-retry-on and x-envoy-retry-grpc-on.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::routing {

enum RetryOn : uint32_t {
  kRetryOn5xx = 1u << 0,
  kRetryOnGatewayError = 1u << 1,
  kRetryOnReset = 1u << 2,
  kRetryOnResetBeforeRequest = 1u << 3,
  kRetryOnConnectFailure = 1u << 4,
  kRetryOnEnvoyRateLimited = 1u << 5,
  kRetryOnRetriable4xx = 1u << 6,
  kRetryOnRefusedStream = 1u << 7,
  kRetryOnRetriableStatusCodes = 1u << 8,
  kRetryOnRetriableHeaders = 1u << 9,
  kRetryOnHttp3PostConnectFailure = 1u << 10,
  kRetryOnGrpcCancelled = 1u << 11,
  kRetryOnGrpcDeadlineExceeded = 1u << 12,
  kRetryOnGrpcInternal = 1u << 13,
  kRetryOnGrpcResourceExhausted = 1u << 14,
  kRetryOnGrpcUnavailable = 1u << 15,
};

struct RetryOnWords {
  uint32_t bits = 0;
  bool all_known = true;  // false: some word was none of ours (it is ignored)
};

/** The bit of one word of x-envoy-retry-on; 0 for an unknown one. */
uint32_t retryOnBit(std::string_view word);
/** The bit of one word of x-envoy-retry-grpc-on; 0 for an unknown one. */
uint32_t retryGrpcOnBit(std::string_view word);

/** A comma-separated list, as in x-envoy-retry-on. */
RetryOnWords parseRetryOn(std::string_view list);
/** A comma-separated list, as in x-envoy-retry-grpc-on. */
RetryOnWords parseRetryGrpcOn(std::string_view list);

}  // namespace nuncio::routing
