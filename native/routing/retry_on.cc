#include "routing/retry_on.h"

#include "base/ascii.h"

namespace nuncio::routing {
namespace {

struct Word {
  std::string_view text;
  uint32_t bit;
};

constexpr Word kWords[] = {
    {"5xx", kRetryOn5xx},
    {"gateway-error", kRetryOnGatewayError},
    {"reset", kRetryOnReset},
    {"reset-before-request", kRetryOnResetBeforeRequest},
    {"connect-failure", kRetryOnConnectFailure},
    {"envoy-ratelimited", kRetryOnEnvoyRateLimited},
    {"retriable-4xx", kRetryOnRetriable4xx},
    {"refused-stream", kRetryOnRefusedStream},
    {"retriable-status-codes", kRetryOnRetriableStatusCodes},
    {"retriable-headers", kRetryOnRetriableHeaders},
    {"http3-post-connect-failure", kRetryOnHttp3PostConnectFailure},
};

constexpr Word kGrpcWords[] = {
    {"cancelled", kRetryOnGrpcCancelled},
    {"deadline-exceeded", kRetryOnGrpcDeadlineExceeded},
    {"internal", kRetryOnGrpcInternal},
    {"resource-exhausted", kRetryOnGrpcResourceExhausted},
    {"unavailable", kRetryOnGrpcUnavailable},
};

template <size_t kSize>
uint32_t bitOf(const Word (&words)[kSize], std::string_view text) {
  for (const Word& word : words) {
    if (word.text == text) return word.bit;
  }
  return 0;
}

RetryOnWords parse(std::string_view list, uint32_t (*bit_of)(std::string_view)) {
  RetryOnWords result;
  base::forEachToken(list, [&](std::string_view word) {
    const uint32_t bit = bit_of(word);
    result.bits |= bit;
    if (bit == 0) result.all_known = false;
    return true;
  });
  return result;
}

}  // namespace

uint32_t retryOnBit(std::string_view word) { return bitOf(kWords, word); }
uint32_t retryGrpcOnBit(std::string_view word) { return bitOf(kGrpcWords, word); }
RetryOnWords parseRetryOn(std::string_view list) { return parse(list, retryOnBit); }
RetryOnWords parseRetryGrpcOn(std::string_view list) { return parse(list, retryGrpcOnBit); }

}  // namespace nuncio::routing
