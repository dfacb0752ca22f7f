#include "http/stream_info.h"

#include <iterator>

namespace nuncio::http {
namespace {

struct FlagNames {
  std::string_view brief;
  std::string_view full;
};

// Same order as ResponseFlag.
constexpr FlagNames kFlags[] = {
    {"LH", "FailedLocalHealthCheck"},
    {"UH", "NoHealthyUpstream"},
    {"UT", "UpstreamRequestTimeout"},
    {"LR", "LocalReset"},
    {"UR", "UpstreamRemoteReset"},
    {"UF", "UpstreamConnectionFailure"},
    {"UC", "UpstreamConnectionTermination"},
    {"UO", "UpstreamOverflow"},
    {"NR", "NoRouteFound"},
    {"DI", "DelayInjected"},
    {"FI", "FaultInjected"},
    {"RL", "RateLimited"},
    {"UAEX", "UnauthorizedExternalService"},
    {"RLSE", "RateLimitServiceError"},
    {"DC", "DownstreamConnectionTermination"},
    {"URX", "UpstreamRetryLimitExceeded"},
    {"SI", "StreamIdleTimeout"},
    {"IH", "InvalidEnvoyRequestHeaders"},
    {"DPE", "DownstreamProtocolError"},
    {"UMSDR", "UpstreamMaxStreamDurationReached"},
    {"RFCF", "ResponseFromCacheFilter"},
    {"NFCF", "NoFilterConfigFound"},
    {"DT", "DurationTimeout"},
    {"UPE", "UpstreamProtocolError"},
    {"NC", "NoClusterFound"},
    {"OM", "OverloadManagerTerminated"},
    {"DF", "DnsResolutionFailed"},
    {"DO", "DropOverload"},
    {"DR", "DownstreamRemoteReset"},
    {"UDO", "UnconditionalDropOverload"},
};
// Same order as AccessLogType.
constexpr std::string_view kLogTypes[] = {
    "NotSet",           "TcpUpstreamConnected", "TcpPeriodic",
    "TcpConnectionEnd", "DownstreamStart",      "DownstreamPeriodic",
    "DownstreamEnd",    "UpstreamPoolReady",    "UpstreamPeriodic",
    "UpstreamEnd",      "DownstreamTunnelSuccessfullyEstablished", "UdpTunnelUpstreamConnected",
    "UdpPeriodic",      "UdpSessionEnd",
};
static_assert(std::size(kLogTypes) == static_cast<size_t>(AccessLogType::kCount));

static_assert(std::size(kFlags) == static_cast<size_t>(ResponseFlag::kCount));

}  // namespace

std::string_view shortName(ResponseFlag flag) { return kFlags[static_cast<size_t>(flag)].brief; }
std::string_view longName(ResponseFlag flag) { return kFlags[static_cast<size_t>(flag)].full; }

std::string_view accessLogTypeName(AccessLogType type) { return kLogTypes[static_cast<size_t>(type)]; }

std::string_view protocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHttp10: return "HTTP/1.0";
    case Protocol::kHttp11: return "HTTP/1.1";
    case Protocol::kHttp2: return "HTTP/2";
    case Protocol::kHttp3: return "HTTP/3";
    case Protocol::kNone: break;
  }
  return "";
}

}  // namespace nuncio::http
