// The headers the proxy itself reads or writes, each with a small number, so that the hot path compares numbers and not
// text. The list is in one macro; `headerId` finds the number of a lower-case name by length and first differing bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// X(enumerator, "name")
#define NUNCIO_WELL_KNOWN_HEADERS(X)                                    \
  X(kMethod, ":method")                                                 \
  X(kPath, ":path")                                                     \
  X(kAuthority, ":authority")                                           \
  X(kScheme, ":scheme")                                                 \
  X(kStatus, ":status")                                                 \
  X(kProtocol, ":protocol")                                             \
  X(kHost, "host")                                                      \
  X(kConnection, "connection")                                          \
  X(kKeepAlive, "keep-alive")                                           \
  X(kProxyConnection, "proxy-connection")                               \
  X(kTransferEncoding, "transfer-encoding")                             \
  X(kContentLength, "content-length")                                   \
  X(kContentType, "content-type")                                       \
  X(kUpgrade, "upgrade")                                                \
  X(kTe, "te")                                                          \
  X(kTrailer, "trailer")                                                \
  X(kExpect, "expect")                                                  \
  X(kDate, "date")                                                      \
  X(kServer, "server")                                                  \
  X(kVia, "via")                                                        \
  X(kLocation, "location")                                              \
  X(kReferer, "referer")                                                \
  X(kUserAgent, "user-agent")                                           \
  X(kAccept, "accept")                                                  \
  X(kCookie, "cookie")                                                  \
  X(kSetCookie, "set-cookie")                                           \
  X(kOrigin, "origin")                                                  \
  X(kHttp2Settings, "http2-settings")                                   \
  X(kGrpcStatus, "grpc-status")                                         \
  X(kGrpcMessage, "grpc-message")                                       \
  X(kGrpcTimeout, "grpc-timeout")                                       \
  X(kXForwardedFor, "x-forwarded-for")                                  \
  X(kXForwardedProto, "x-forwarded-proto")                              \
  X(kXForwardedHost, "x-forwarded-host")                                \
  X(kXForwardedPort, "x-forwarded-port")                                \
  X(kXForwardedClientCert, "x-forwarded-client-cert")                   \
  X(kXRequestId, "x-request-id")                                        \
  X(kXClientTraceId, "x-client-trace-id")                               \
  X(kXEnvoyInternal, "x-envoy-internal")                                \
  X(kXEnvoyExternalAddress, "x-envoy-external-address")                 \
  X(kXEnvoyExpectedRqTimeoutMs, "x-envoy-expected-rq-timeout-ms")       \
  X(kXEnvoyUpstreamServiceTime, "x-envoy-upstream-service-time")        \
  X(kXEnvoyAttemptCount, "x-envoy-attempt-count")                       \
  X(kXEnvoyIsTimeoutRetry, "x-envoy-is-timeout-retry")                  \
  X(kXEnvoyOriginalPath, "x-envoy-original-path")                       \
  X(kXEnvoyOriginalHost, "x-envoy-original-host")                       \
  X(kXEnvoyOriginalUrl, "x-envoy-original-url")                         \
  X(kXEnvoyOverloaded, "x-envoy-overloaded")                            \
  X(kXEnvoyRateLimited, "x-envoy-ratelimited")                          \
  X(kXEnvoyRetryOn, "x-envoy-retry-on")                                 \
  X(kXEnvoyRetryGrpcOn, "x-envoy-retry-grpc-on")                        \
  X(kXEnvoyMaxRetries, "x-envoy-max-retries")                           \
  X(kXEnvoyRetriableStatusCodes, "x-envoy-retriable-status-codes")      \
  X(kXEnvoyRetriableHeaderNames, "x-envoy-retriable-header-names")      \
  X(kXEnvoyUpstreamRqTimeoutMs, "x-envoy-upstream-rq-timeout-ms")       \
  X(kXEnvoyUpstreamRqPerTryTimeoutMs, "x-envoy-upstream-rq-per-try-timeout-ms") \
  X(kXEnvoyUpstreamRqTimeoutAltResponse, "x-envoy-upstream-rq-timeout-alt-response") \
  X(kXEnvoyUpstreamStreamDurationMs, "x-envoy-upstream-stream-duration-ms") \
  X(kXEnvoyUpstreamAltStatName, "x-envoy-upstream-alt-stat-name")       \
  X(kXEnvoyUpstreamCanary, "x-envoy-upstream-canary")                   \
  X(kXEnvoyHedgeOnPerTryTimeout, "x-envoy-hedge-on-per-try-timeout")    \
  X(kXEnvoyForceTrace, "x-envoy-force-trace")                           \
  X(kXEnvoyIpTags, "x-envoy-ip-tags")                                   \
  X(kXEnvoyDecoratorOperation, "x-envoy-decorator-operation")           \
  X(kXEnvoyDownstreamServiceCluster, "x-envoy-downstream-service-cluster") \
  X(kXEnvoyDownstreamServiceNode, "x-envoy-downstream-service-node")    \
  X(kXEnvoyImmediateHealthCheckFail, "x-envoy-immediate-health-check-fail") \
  X(kXEnvoyDegraded, "x-envoy-degraded")                                \
  X(kXEnvoyDropOverload, "x-envoy-drop-overload")

namespace nuncio::http {

enum class HeaderId : uint8_t {
  kUnknown = 0,
#define NUNCIO_X(id, name) id,
  NUNCIO_WELL_KNOWN_HEADERS(NUNCIO_X)
#undef NUNCIO_X
  kCount,
};

inline constexpr size_t kHeaderIdCount = static_cast<size_t>(HeaderId::kCount);

inline constexpr std::string_view kHeaderNames[kHeaderIdCount] = {
    "",
#define NUNCIO_X(id, name) name,
    NUNCIO_WELL_KNOWN_HEADERS(NUNCIO_X)
#undef NUNCIO_X
};

inline constexpr std::string_view headerName(HeaderId id) { return kHeaderNames[static_cast<size_t>(id)]; }

/** The number of a lower-case name; kUnknown for most names. */
HeaderId headerId(std::string_view lower_name);

}  // namespace nuncio::http
