// StreamInfo: what is known of one request (or one TCP session) while it runs and when it is logged. Plain values and
// views into the stream's arena or into objects the stream leases. Owned by the stream; worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/connection_facts.h"
#include "net/address.h"
#include "net/tls_info.h"

namespace nuncio::http {

/** Response flags, in the order Envoy 1.40 prints them is the order they were set (see `FlagList`). */
enum class ResponseFlag : uint8_t {
  kFailedLocalHealthCheck,          // LH
  kNoHealthyUpstream,               // UH
  kUpstreamRequestTimeout,          // UT
  kLocalReset,                      // LR
  kUpstreamRemoteReset,             // UR
  kUpstreamConnectionFailure,       // UF
  kUpstreamConnectionTermination,   // UC
  kUpstreamOverflow,                // UO
  kNoRouteFound,                    // NR
  kDelayInjected,                   // DI
  kFaultInjected,                   // FI
  kRateLimited,                     // RL
  kUnauthorizedExternalService,     // UAEX
  kRateLimitServiceError,           // RLSE
  kDownstreamConnectionTermination, // DC
  kUpstreamRetryLimitExceeded,      // URX
  kStreamIdleTimeout,               // SI
  kInvalidEnvoyRequestHeaders,      // IH
  kDownstreamProtocolError,         // DPE
  kUpstreamMaxStreamDurationReached,// UMSDR
  kResponseFromCacheFilter,         // RFCF
  kNoFilterConfigFound,             // NFCF
  kDurationTimeout,                 // DT
  kUpstreamProtocolError,           // UPE
  kNoClusterFound,                  // NC
  kOverloadManager,                 // OM
  kDnsResolutionFailed,             // DF
  kDropOverload,                    // DO
  kDownstreamRemoteReset,           // DR
  kUnconditionalDropOverload,       // UDO
  kCount,
};

std::string_view shortName(ResponseFlag flag);
std::string_view longName(ResponseFlag flag);

/** A small ordered set of flags. */
class FlagList {
 public:
  void add(ResponseFlag flag) {
    if (has(flag) || size_ == sizeof(order_)) return;
    bits_ |= 1ull << static_cast<unsigned>(flag);
    order_[size_++] = flag;
  }
  bool has(ResponseFlag flag) const { return (bits_ >> static_cast<unsigned>(flag)) & 1; }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  ResponseFlag operator[](size_t i) const { return order_[i]; }
  void clear() { bits_ = 0, size_ = 0; }

 private:
  uint64_t bits_ = 0;
  ResponseFlag order_[7] = {};
  uint8_t size_ = 0;
};

enum class Protocol : uint8_t { kNone, kHttp10, kHttp11, kHttp2, kHttp3 };
std::string_view protocolName(Protocol protocol);  // "HTTP/1.1"

/** Monotonic time points in nanoseconds since the worker's clock began; 0 = has not happened. */
struct Timings {
  int64_t start = 0;                   // DS_RX_BEG: stream made
  int64_t downstream_rx_end = 0;       // last request byte received
  int64_t upstream_attempt_begin = 0;  // the attempt asked its pool for a connection
  int64_t upstream_connect_begin = 0;  // US_CX_BEG
  int64_t upstream_connect_end = 0;    // US_CX_END
  int64_t upstream_handshake_end = 0;  // US_HS_END
  int64_t upstream_pool_ready = 0;     // a connection was handed to the attempt
  int64_t upstream_tx_begin = 0;       // first request byte sent upstream
  int64_t upstream_tx_end = 0;
  int64_t upstream_rx_begin = 0;       // first response byte
  int64_t upstream_rx_body_begin = 0;
  int64_t upstream_rx_end = 0;
  int64_t downstream_tx_begin = 0;
  int64_t downstream_tx_end = 0;       // last response byte handed to the socket
  int64_t downstream_handshake_end = 0;
  int64_t end = 0;                     // stream complete
};

enum class AccessLogType : uint8_t {
  kNotSet, kTcpUpstreamConnected, kTcpPeriodic, kTcpConnectionEnd, kDownstreamStart, kDownstreamPeriodic, kDownstreamEnd,
  kUpstreamPoolReady, kUpstreamPeriodic, kUpstreamEnd, kDownstreamTunnelSuccessfullyEstablished, kUdpTunnelUpstreamConnected,
  kUdpPeriodic, kUdpSessionEnd,
  kCount,
};
std::string_view accessLogTypeName(AccessLogType type);  // "DownstreamEnd"

/** How a connection was seen to end, as %..._DETECTED_CLOSE_TYPE% prints it. */
enum class CloseType : uint8_t { kNormal, kLocalReset, kRemoteReset };

/** How a downstream connection came in: of its listener and filter chain, whose runtime in this worker has it. */
struct ConnectionOrigin {
  std::string_view listener_name;
  std::string_view filter_chain_name;
  std::string_view listener_metadata_json, filter_chain_metadata_json;  // filter_metadata as JSON, keys sorted
};

/** What there is to say of a downstream connection's end; the texts live as long as the connection. */
struct ConnectionEnd {
  std::string_view transport_failure;
  std::string_view termination_details;
  std::string_view local_close_reason;
  CloseType close_type = CloseType::kNormal;
};

/**
 * The downstream connection, as far as logs and header formatters ask. One for each connection, shared by its streams. An idle
 * connection pays for every byte: what many share, or few have, is elsewhere.
 */
struct ConnectionInfo {
  static constexpr ConnectionOrigin kNoOrigin{};
  static constexpr ConnectionEnd kNoEnd{};

  uint64_t id = 0;
  net::Address local;            // after listener filters
  net::Address remote;           // after listener filters
  const ConnectionOrigin* origin = &kNoOrigin;
  const net::TlsInfo* tls = nullptr;   // null: clear text; set when the handshake is done
  // What listener and network filters found out or wrote, metadata too; null: nothing.
  std::unique_ptr<ConnectionFacts> facts;
  std::unique_ptr<ConnectionEnd> ended;   // null: nothing to say (yet)

  /** For who wants to write. */
  ConnectionFacts& makeFacts(base::ChunkPool& pool) {
    if (facts == nullptr) facts = std::make_unique<ConnectionFacts>(pool);
    return *facts;
  }
  ConnectionEnd& makeEnd() {
    if (ended == nullptr) ended = std::make_unique<ConnectionEnd>();
    return *ended;
  }
  const ConnectionEnd& end() const { return ended == nullptr ? kNoEnd : *ended; }
  /** Listener filters looked at it, and may have put other addresses in place of the socket's. */
  bool inspected() const { return facts != nullptr && facts->direct_local.family() != net::Address::Family::kNone; }
  const net::Address& directLocal() const { return inspected() ? facts->direct_local : local; }
  const net::Address& directRemote() const { return inspected() ? facts->direct_remote : remote; }
  /** Found by a listener filter; empty: none. */
  std::string_view requestedServerName() const { return facts == nullptr ? std::string_view() : facts->server_name; }
};

/** Why a request is traced. */
enum class TraceReason : uint8_t {
  kNone,     // it is not
  kSampled,
  kForced,   // a service asked for it: x-envoy-force-trace
  kClient,   // its client did: x-client-trace-id
};

/** What its span is known by, as text. */
struct TraceIds {
  std::string_view trace;
  std::string_view span;
};

struct StreamInfo {
  const ConnectionInfo* downstream = nullptr;
  int64_t start_wall_ns = 0;           // wall clock at start, nanoseconds since the epoch
  Timings at;
  Protocol protocol = Protocol::kNone;
  AccessLogType log_type = AccessLogType::kNotSet;
  uint16_t response_code = 0;          // 0: none was sent
  bool health_check = false;
  TraceReason trace_reason = TraceReason::kNone;
  FlagList flags;
  std::string_view response_code_details;
  std::string_view connection_termination_details;
  net::Address remote;                 // the client as trusted (x-forwarded-for); connection's when unset
  std::string_view route_name;
  std::string_view virtual_cluster_name;
  std::string_view cluster_name;       // observability name; null data: no cluster
  std::string_view cluster_raw_name;
  uint64_t bytes_received = 0;         // body
  uint64_t bytes_sent = 0;
  uint64_t downstream_wire_received = 0, downstream_wire_sent = 0;
  uint64_t downstream_headers_received = 0, downstream_headers_sent = 0;
  uint64_t upstream_wire_received = 0, upstream_wire_sent = 0;
  uint64_t upstream_headers_received = 0, upstream_headers_sent = 0;
  // The same before HPACK: names and values. Over HTTP/1 what went over the wire.
  uint64_t downstream_fields_received = 0, downstream_fields_sent = 0;
  uint64_t upstream_fields_received = 0, upstream_fields_sent = 0;
  // ---- the attempt whose answer was used (or the last one)
  const net::Address* upstream_host = nullptr;      // null: none was picked
  std::string_view upstream_host_name;
  net::Address upstream_local;                      // family kNone: never connected
  net::Address upstream_remote;
  Protocol upstream_protocol = Protocol::kNone;
  uint64_t upstream_connection_id = 0;
  uint32_t upstream_attempts = 0;
  const net::TlsInfo* upstream_tls = nullptr;       // null: clear text, or never connected
  std::string_view upstream_transport_failure;
  std::string_view upstream_local_close_reason;
  CloseType upstream_close_type = CloseType::kNormal;
  // Hosts a connection was had to, "a:1,b:2": of an HTTP stream its last attempt's, of a TCP session all that were tried.
  std::string_view hosts_attempted;
  std::string_view host_names_attempted;
  std::string_view connection_ids_attempted;
  std::string_view request_id;
  std::string_view local_reply_body;
  // Metadata as JSON text of a map "filter name" → object, keys sorted; empty: none.
  std::string_view cluster_metadata_json, upstream_metadata_json, route_metadata_json, virtual_host_metadata_json;
  DynamicMetadata* dynamic_metadata = nullptr;      // of this stream; null: no filter wrote any
  const TraceIds* trace = nullptr;                  // null: it has no span
  FilterState* filter_state = nullptr;              // of this stream; the connection's is in `downstream->facts`
};

}  // namespace nuncio::http
