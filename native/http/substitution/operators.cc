// What each operator of a format gives for a request. One switch; the groups of operators with an argument or a rule of
// their own are functions above it.
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "generated/plan.h"
#include "http/dynamic_metadata.h"
#include "http/header_map.h"
#include "http/substitution/grpc_status.h"
#include "http/substitution/json_text.h"
#include "http/substitution/piece.h"
#include "http/substitution/query_operators.h"
#include "http/substitution/tls_operators.h"

namespace nuncio::http::substitution {
namespace {

using plan::Operator;
using Buffer = base::TextBuffer;

constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;

ValueKind text(std::string_view value, Buffer& out) {
  out.append(value);
  return ValueKind::kString;
}
/** An empty text is no value. */
ValueKind textOrNull(std::string_view value, Buffer& out) {
  return value.empty() ? ValueKind::kNull : text(value, out);
}
ValueKind number(uint64_t value, Buffer& out) {
  out.appendDecimal(value);
  return ValueKind::kNumber;
}

/** White space would split a log line into the wrong fields. */
ValueKind underscored(std::string_view value, Buffer& out) {
  if (value.empty()) return ValueKind::kNull;
  char* to = out.reserve(value.size());
  for (const char c : value) *to++ = c == ' ' || (c >= '\t' && c <= '\r') ? '_' : c;
  out.commit(to);
  return ValueKind::kString;
}

// ---------------------------------------------------------------- headers and paths

// The value of the first header of that name; null data when there is none.
std::string_view firstValue(const HeaderMap& headers, HeaderId id, std::string_view name) {
  std::string_view value;
  if (id != HeaderId::kUnknown && id != HeaderId::kHost) {
    if (!headers.has(id)) return {};
    value = headers.get(id);
  } else {
    const Header* found = headers.find(name);
    if (found == nullptr) return {};
    value = found->value;
  }
  return value.data() == nullptr ? std::string_view("") : value;
}

// The first value of the header, or of its alternative; null data when there is neither.
std::string_view headerValue(const HeaderMap* headers, const Piece& piece) {
  if (headers == nullptr) return {};
  const std::string_view value = firstValue(*headers, piece.id, piece.text);
  if (value.data() != nullptr || piece.text2.empty()) return value;
  return firstValue(*headers, piece.id2, piece.text2);
}

ValueKind header(const HeaderMap* headers, const Piece& piece, Buffer& out) {
  const std::string_view value = headerValue(headers, piece);
  return value.data() == nullptr ? ValueKind::kNull : text(value, out);
}

std::string_view known(const HeaderMap* headers, HeaderId id) {
  return headers != nullptr && headers->has(id) ? headers->get(id) : std::string_view();
}

std::string_view withoutQuery(std::string_view path) { return path.substr(0, path.find('?')); }

// option bit 0: leave the query out; bits 1 and 2: 0 the original path or else the path, 1 the path, 2 the original path.
ValueKind path(const Piece& piece, const FormatContext& context, Buffer& out) {
  const uint32_t which = piece.option >> 1;
  std::string_view value;
  if (which != 1) value = known(context.request, HeaderId::kXEnvoyOriginalPath);
  if (which == 1 || (which == 0 && value.empty())) value = known(context.request, HeaderId::kPath);
  if ((piece.option & 1) != 0) value = withoutQuery(value);
  return textOrNull(value, out);
}

// option bits 0-1: 0 SNI_ONLY, 1 SNI_FIRST, 2 HOST_FIRST; bits 2-3: 0 the original host or else the host, 1 the host, 2 the original.
ValueKind requestedServerName(const Piece& piece, const FormatContext& context, Buffer& out) {
  const uint32_t order = piece.option & 3;
  const uint32_t which = piece.option >> 2;
  std::string_view sni;
  if (context.info.downstream != nullptr) sni = context.info.downstream->requestedServerName();
  if (order == 0) return textOrNull(sni, out);
  std::string_view host;
  if (which != 1) host = known(context.request, HeaderId::kXEnvoyOriginalHost);
  if (which == 1 || (which == 0 && host.empty())) host = known(context.request, HeaderId::kAuthority);
  const std::string_view first = order == 1 ? sni : host;
  return textOrNull(first.empty() ? (order == 1 ? host : sni) : first, out);
}

// ---------------------------------------------------------------- addresses

void appendMasked(const net::Address& address, int32_t mask, Buffer& out) {
  uint8_t bytes[16];
  const size_t size = address.ipSize();
  const unsigned bits = std::min<unsigned>(static_cast<unsigned>(mask), static_cast<unsigned>(size) * 8);
  for (size_t i = 0; i < size; ++i) {
    const unsigned begin = static_cast<unsigned>(i) * 8;
    const unsigned kept = bits <= begin ? 0 : std::min(8u, bits - begin);
    bytes[i] = static_cast<uint8_t>(address.ipBytes()[i] & (0xff00u >> kept));
  }
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (size == 4) {
    auto& in = reinterpret_cast<sockaddr_in&>(storage);
    in.sin_family = AF_INET;
    std::memcpy(&in.sin_addr, bytes, 4);
    length = sizeof(in);
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(storage);
    in.sin6_family = AF_INET6;
    std::memcpy(&in.sin6_addr, bytes, 16);
    length = sizeof(in);
  }
  out.append(net::Address::from(reinterpret_cast<const sockaddr*>(&storage), length).ipText());
  out.append('/');
  out.appendDecimal(static_cast<uint64_t>(bits));
}

// option 0: whole, 1: without port, 2: the port.
ValueKind address(const Piece& piece, const net::Address* value, Buffer& out) {
  if (value == nullptr || value->family() == net::Address::Family::kNone) return ValueKind::kNull;
  if (piece.option == 0) return text(value->text(), out);
  if (piece.option == 2) return value->isIp() ? number(value->port(), out) : ValueKind::kNull;
  if (piece.mask >= 0 && value->isIp()) {
    appendMasked(*value, piece.mask, out);
    return ValueKind::kString;
  }
  return text(value->ipText(), out);
}

const net::Address* downstreamRemote(const StreamInfo& info) {
  if (info.remote.family() != net::Address::Family::kNone) return &info.remote;
  return info.downstream == nullptr ? nullptr : &info.downstream->remote;
}

const net::Address* addressOf(Operator op, const StreamInfo& info) {
  const ConnectionInfo* connection = info.downstream;
  switch (op) {
    case Operator::UPSTREAM_LOCAL_ADDRESS: return &info.upstream_local;
    case Operator::UPSTREAM_REMOTE_ADDRESS: return &info.upstream_remote;
    case Operator::DOWNSTREAM_REMOTE_ADDRESS: return downstreamRemote(info);
    default: break;
  }
  if (connection == nullptr) return nullptr;
  switch (op) {
    case Operator::DOWNSTREAM_DIRECT_REMOTE_ADDRESS: return &connection->directRemote();
    case Operator::DOWNSTREAM_LOCAL_ADDRESS: return &connection->local;
    default: return &connection->directLocal();
  }
}

// Envoy's internal listeners alone have endpoint ids; addresses of sockets have an empty one.
ValueKind endpointId(const Piece& piece, const StreamInfo& info, Buffer& out) {
  const bool upstream = piece.option == 0;
  if (upstream && info.upstream_remote.family() == net::Address::Family::kNone) return ValueKind::kNull;
  if (upstream) return text(info.upstream_remote.endpointId(), out);
  if (info.downstream == nullptr) return ValueKind::kNull;
  return text((piece.option == 2 ? info.downstream->directLocal() : info.downstream->local).endpointId(), out);
}

// ---------------------------------------------------------------- upstream hosts

std::string_view cutPort(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return host;
  if (host.find(':') != colon && host.front() != '[') return host;  // a bare IPv6 address
  const std::string_view name = host.substr(0, colon);
  if (name.size() >= 2 && name.front() == '[' && name.back() == ']') return name.substr(1, name.size() - 2);
  return name;
}

std::string_view hostName(const StreamInfo& info) {
  if (!info.upstream_host_name.empty() || info.upstream_host == nullptr) return info.upstream_host_name;
  return info.upstream_host->text();
}

bool connected(const StreamInfo& info) { return info.upstream_remote.family() != net::Address::Family::kNone; }

ValueKind attempted(std::string_view list, bool cut, Buffer& out) {
  if (!cut) return textOrNull(list, out);
  bool first = true;
  base::forEachToken(list, [&](std::string_view host) {
    if (!first) out.append(',');
    first = false;
    out.append(cutPort(host));
    return true;
  });
  return first ? ValueKind::kNull : ValueKind::kString;
}

ValueKind connectionIdsAttempted(const StreamInfo& info, Buffer& out) {
  if (!info.connection_ids_attempted.empty()) return text(info.connection_ids_attempted, out);
  if (!connected(info)) return ValueKind::kNull;
  out.appendDecimal(info.upstream_connection_id);
  return ValueKind::kString;
}

ValueKind closeType(CloseType type, Buffer& out) {
  constexpr std::string_view kNames[] = {"Normal", "LocalReset", "RemoteReset"};
  return text(kNames[static_cast<size_t>(type)], out);
}

// ---------------------------------------------------------------- durations

ValueKind duration(int64_t from, int64_t to, int64_t unit, Buffer& out) {
  if (from == 0 || to == 0 || to < from) return ValueKind::kNull;
  return number(static_cast<uint64_t>((to - from) / unit), out);
}

ValueKind commonDuration(const Piece& piece, const Timings& at, Buffer& out) {
  if (piece.from == nullptr || piece.to == nullptr) return ValueKind::kNull;
  const int64_t unit = piece.option == 0 ? kNanosPerMilli : piece.option == 1 ? kNanosPerMicro : 1;
  return duration(at.*piece.from, at.*piece.to, unit, out);
}

ValueKind poolReady(const Timings& at, Buffer& out) {
  return duration(at.upstream_attempt_begin != 0 ? at.upstream_attempt_begin : at.start, at.upstream_pool_ready,
                  kNanosPerMilli, out);
}

// ---------------------------------------------------------------- flags, statuses, ids, metadata

ValueKind flags(const FlagList& list, bool longNames, Buffer& out) {
  if (list.empty()) return text("-", out);
  for (size_t i = 0; i < list.size(); ++i) {
    if (i != 0) out.append(',');
    out.append(longNames ? longName(list[i]) : shortName(list[i]));
  }
  return ValueKind::kString;
}

// option 0: NotFound, 1: NOT_FOUND, 2: 5.
ValueKind grpc(const Piece& piece, const FormatContext& context, Buffer& out) {
  if (!isGrpcRequest(context)) return ValueKind::kNull;
  const std::optional<uint32_t> status = grpcStatus(context);
  if (!status.has_value()) return ValueKind::kNull;
  if (piece.op == Operator::GRPC_STATUS_NUMBER || piece.option == 2) {
    out.appendDecimal(static_cast<int64_t>(static_cast<int32_t>(*status)));
    return ValueKind::kNumber;
  }
  const std::string_view name = piece.option == 0 ? grpcCamelName(*status) : grpcSnakeName(*status);
  if (!name.empty()) return text(name, out);
  if (piece.option == 1) return text("", out);
  out.appendDecimal(static_cast<int64_t>(static_cast<int32_t>(*status)));
  return ValueKind::kString;
}

ValueKind uniqueId(base::Random* random, Buffer& out) {
  if (random == nullptr) return ValueKind::kNull;
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t words[2] = {random->next(), random->next()};
  words[0] = (words[0] & ~uint64_t{0xf000}) | 0x4000;                            // version 4
  words[1] = (words[1] & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);            // variant 1
  char* to = out.reserve(36);
  for (unsigned i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *to++ = '-';
    *to++ = kHex[(words[i / 16] >> (60 - 4 * (i % 16))) & 15];
  }
  out.commit(to);
  return ValueKind::kString;
}

ValueKind metadata(const Piece& piece, std::string_view json, Buffer& out) {
  const std::string_view value = findJson(json, piece.path);
  if (value.empty() || piece.path.empty() || value == "null") return ValueKind::kNull;
  switch (value[0]) {
    case '"': appendJsonString(value, out); return ValueKind::kString;
    case '{':
    case '[': out.append(value); return ValueKind::kJson;
    case 't':
    case 'f': out.append(value); return ValueKind::kBool;
    default: out.append(value); return ValueKind::kNumber;
  }
}

ValueKind coalesce(const Piece& piece, ValueUse use, const FormatContext& context, Buffer& out) {
  const size_t start = out.size();
  for (const Piece& each : piece.alternatives) {
    const ValueKind kind = appendValue(each, use, context, out);
    if (kind != ValueKind::kNull && out.size() != start) return kind;
    out.truncate(start);
  }
  return ValueKind::kNull;
}

uint64_t byteSize(const HeaderMap* headers) { return headers == nullptr ? 0 : headers->byteSize(); }

const ConnectionOrigin& originOf(const StreamInfo& info) {
  return info.downstream == nullptr ? ConnectionInfo::kNoOrigin : *info.downstream->origin;
}

const ConnectionEnd& endOf(const StreamInfo& info) {
  return info.downstream == nullptr ? ConnectionInfo::kNoEnd : info.downstream->end();
}

ValueKind dynamicMetadata(const Piece& piece, const StreamInfo& info, Buffer& out) {
  return info.dynamic_metadata == nullptr ? ValueKind::kNull : metadata(piece, info.dynamic_metadata->json(), out);
}

/** What the TLS inspector made of the client's hello. */
ValueKind fingerprint(const Piece& piece, const StreamInfo& info, Buffer& out) {
  if (info.downstream == nullptr || info.downstream->facts == nullptr) return ValueKind::kNull;
  const ConnectionFacts& facts = *info.downstream->facts;
  if (piece.text == "TLS_JA3_FINGERPRINT") return textOrNull(facts.ja3_fingerprint, out);
  return piece.text == "TLS_JA4_FINGERPRINT" ? textOrNull(facts.ja4_fingerprint, out) : ValueKind::kNull;
}

// The stream's, else its connection's. Option 0: as JSON; 1: plain; 2: one field.
ValueKind filterState(const Piece& piece, const StreamInfo& info, Buffer& out) {
  const MetadataValue* found = info.filter_state == nullptr ? nullptr : info.filter_state->value(piece.text);
  if (found == nullptr && info.downstream != nullptr && info.downstream->facts != nullptr) {
    found = info.downstream->facts->filter_state.value(piece.text);
  }
  if (found != nullptr && piece.option == 2) found = found->find(piece.text2);
  if (found == nullptr) return ValueKind::kNull;
  if (piece.option != 0 && found->kind == MetadataValue::Kind::kString) return text(found->text, out);
  found->writeJson(out);
  return ValueKind::kJson;
}

ValueKind evaluate(const Piece& piece, ValueUse use, const FormatContext& context, Buffer& out) {
  const StreamInfo& info = context.info;
  const Timings& at = info.at;
  switch (piece.op) {
    case Operator::LITERAL: return text(piece.text, out);
    case Operator::REQ: return header(context.request, piece, out);
    case Operator::RESP: return header(context.response, piece, out);
    case Operator::TRAILER: return header(context.response_trailers, piece, out);
    case Operator::REQ_WITHOUT_QUERY: {
      const std::string_view value = headerValue(context.request, piece);
      return value.data() == nullptr ? ValueKind::kNull : text(withoutQuery(value), out);
    }
    case Operator::QUERY_PARAM: return appendQueryParam(piece, context, out);
    case Operator::QUERY_PARAMS: return appendQueryParams(piece, context, out);
    case Operator::PATH: return path(piece, context, out);
    case Operator::REQUESTED_SERVER_NAME: return requestedServerName(piece, context, out);

    case Operator::START_TIME:
    case Operator::START_TIME_LOCAL: return piece.time.append(info.start_wall_ns, out), ValueKind::kString;
    case Operator::EMIT_TIME:
    case Operator::EMIT_TIME_LOCAL: return piece.time.append(context.wall_now_ns, out), ValueKind::kString;

    case Operator::REQUEST_HEADERS_BYTES: return number(byteSize(context.request), out);
    case Operator::RESPONSE_HEADERS_BYTES: return number(byteSize(context.response), out);
    case Operator::RESPONSE_TRAILERS_BYTES: return number(byteSize(context.response_trailers), out);
    case Operator::BYTES_RECEIVED: return number(info.bytes_received, out);
    case Operator::BYTES_SENT: return number(info.bytes_sent, out);
    case Operator::BYTES_RETRANSMITTED:      // QUIC's; 0 everywhere else
    case Operator::PACKETS_RETRANSMITTED: return number(0, out);
    case Operator::UPSTREAM_WIRE_BYTES_SENT: return number(info.upstream_wire_sent, out);
    case Operator::UPSTREAM_WIRE_BYTES_RECEIVED: return number(info.upstream_wire_received, out);
    case Operator::UPSTREAM_HEADER_BYTES_SENT: return number(info.upstream_headers_sent, out);
    case Operator::UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: return number(info.upstream_fields_sent, out);
    case Operator::UPSTREAM_HEADER_BYTES_RECEIVED: return number(info.upstream_headers_received, out);
    case Operator::UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: return number(info.upstream_fields_received, out);
    case Operator::DOWNSTREAM_WIRE_BYTES_SENT: return number(info.downstream_wire_sent, out);
    case Operator::DOWNSTREAM_WIRE_BYTES_RECEIVED: return number(info.downstream_wire_received, out);
    case Operator::DOWNSTREAM_HEADER_BYTES_SENT: return number(info.downstream_headers_sent, out);
    case Operator::DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: return number(info.downstream_fields_sent, out);
    case Operator::DOWNSTREAM_HEADER_BYTES_RECEIVED: return number(info.downstream_headers_received, out);
    case Operator::DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: return number(info.downstream_fields_received, out);

    case Operator::PROTOCOL: return textOrNull(protocolName(info.protocol), out);
    case Operator::UPSTREAM_PROTOCOL: return textOrNull(protocolName(info.upstream_protocol), out);
    case Operator::RESPONSE_CODE: return number(info.response_code, out);
    case Operator::RESPONSE_CODE_DETAILS:
      return piece.option == 0 ? underscored(info.response_code_details, out) : textOrNull(info.response_code_details, out);
    case Operator::CONNECTION_TERMINATION_DETAILS:
      if (!info.connection_termination_details.empty()) return text(info.connection_termination_details, out);
      return textOrNull(endOf(info).termination_details, out);
    case Operator::RESPONSE_FLAGS: return flags(info.flags, false, out);
    case Operator::RESPONSE_FLAGS_LONG: return flags(info.flags, true, out);
    case Operator::GRPC_STATUS:
    case Operator::GRPC_STATUS_NUMBER: return grpc(piece, context, out);
    case Operator::UPSTREAM_REQUEST_ATTEMPT_COUNT: return number(info.upstream_attempts, out);
    case Operator::LOCAL_REPLY_BODY: return text(info.local_reply_body, out);
    case Operator::ACCESS_LOG_TYPE: return text(accessLogTypeName(info.log_type), out);

    case Operator::DURATION: return duration(at.start, at.end != 0 ? at.end : context.now_ns, kNanosPerMilli, out);
    case Operator::COMMON_DURATION: return commonDuration(piece, at, out);
    case Operator::REQUEST_DURATION: return duration(at.start, at.downstream_rx_end, kNanosPerMilli, out);
    case Operator::REQUEST_TX_DURATION: return duration(at.start, at.upstream_tx_end, kNanosPerMilli, out);
    case Operator::RESPONSE_DURATION: return duration(at.start, at.upstream_rx_begin, kNanosPerMilli, out);
    case Operator::RESPONSE_TX_DURATION: return duration(at.upstream_rx_begin, at.downstream_tx_end, kNanosPerMilli, out);
    case Operator::DOWNSTREAM_HANDSHAKE_DURATION: return duration(at.start, at.downstream_handshake_end, kNanosPerMilli, out);
    case Operator::UPSTREAM_CONNECTION_POOL_READY_DURATION: return poolReady(at, out);
    case Operator::ROUNDTRIP_DURATION: return ValueKind::kNull;  // QUIC's

    case Operator::ROUTE_NAME: return textOrNull(info.route_name, out);
    case Operator::VIRTUAL_CLUSTER_NAME: return textOrNull(info.virtual_cluster_name, out);
    case Operator::UPSTREAM_HOST: return info.upstream_host == nullptr ? ValueKind::kNull : text(info.upstream_host->text(), out);
    case Operator::UPSTREAM_HOST_NAME: return textOrNull(hostName(info), out);
    case Operator::UPSTREAM_HOST_NAME_WITHOUT_PORT: return textOrNull(cutPort(hostName(info)), out);
    case Operator::UPSTREAM_CLUSTER: return textOrNull(info.cluster_name, out);
    case Operator::UPSTREAM_CLUSTER_RAW: return textOrNull(info.cluster_raw_name, out);
    case Operator::FILTER_CHAIN_NAME: return textOrNull(originOf(info).filter_chain_name, out);
    case Operator::UPSTREAM_HOSTS_ATTEMPTED:
    case Operator::UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT:
      return attempted(info.hosts_attempted, piece.op == Operator::UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT, out);
    case Operator::UPSTREAM_HOST_NAMES_ATTEMPTED:
    case Operator::UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT:
      return attempted(info.host_names_attempted, piece.op == Operator::UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT, out);
    case Operator::UPSTREAM_CONNECTION_IDS_ATTEMPTED: return connectionIdsAttempted(info, out);

    case Operator::UPSTREAM_LOCAL_ADDRESS:
    case Operator::UPSTREAM_REMOTE_ADDRESS:
    case Operator::DOWNSTREAM_REMOTE_ADDRESS:
    case Operator::DOWNSTREAM_DIRECT_REMOTE_ADDRESS:
    case Operator::DOWNSTREAM_LOCAL_ADDRESS:
    case Operator::DOWNSTREAM_DIRECT_LOCAL_ADDRESS: return address(piece, addressOf(piece.op, info), out);
    case Operator::ADDRESS_ENDPOINT_ID: return endpointId(piece, info, out);

    case Operator::CONNECTION_ID: return number(info.downstream == nullptr ? 0 : info.downstream->id, out);
    case Operator::UPSTREAM_CONNECTION_ID: return number(info.upstream_connection_id, out);
    case Operator::STREAM_ID: return textOrNull(info.request_id, out);
    case Operator::UNIQUE_ID: return uniqueId(context.random, out);

    case Operator::DYNAMIC_METADATA: return dynamicMetadata(piece, info, out);
    case Operator::CLUSTER_METADATA: return metadata(piece, info.cluster_metadata_json, out);
    case Operator::UPSTREAM_METADATA: return metadata(piece, info.upstream_metadata_json, out);
    case Operator::ROUTE_METADATA: return metadata(piece, info.route_metadata_json, out);
    case Operator::VIRTUAL_HOST_METADATA: return metadata(piece, info.virtual_host_metadata_json, out);
    case Operator::LISTENER_METADATA: return metadata(piece, originOf(info).listener_metadata_json, out);
    case Operator::FILTER_CHAIN_METADATA: return metadata(piece, originOf(info).filter_chain_metadata_json, out);
    case Operator::COALESCE: return coalesce(piece, use, context, out);

    case Operator::DOWNSTREAM_TRANSPORT_FAILURE_REASON: return underscored(endOf(info).transport_failure, out);
    case Operator::DOWNSTREAM_LOCAL_CLOSE_REASON: return textOrNull(endOf(info).local_close_reason, out);
    case Operator::DOWNSTREAM_DETECTED_CLOSE_TYPE: return closeType(endOf(info).close_type, out);
    case Operator::UPSTREAM_TRANSPORT_FAILURE_REASON: return underscored(info.upstream_transport_failure, out);
    case Operator::UPSTREAM_LOCAL_CLOSE_REASON: return textOrNull(info.upstream_local_close_reason, out);
    case Operator::UPSTREAM_DETECTED_CLOSE_TYPE:
      return info.upstream_host == nullptr ? ValueKind::kNull : closeType(info.upstream_close_type, out);

    case Operator::FILTER_STATE: return filterState(piece, info, out);

    case Operator::DOWNSTREAM_TLS:
      if (isHelloFingerprint(piece)) return fingerprint(piece, info, out);
      return appendTlsFact(piece, info.downstream == nullptr ? nullptr : info.downstream->tls, out);
    case Operator::UPSTREAM_TLS: return appendTlsFact(piece, info.upstream_tls, out);

    case Operator::TRACE_ID: return info.trace == nullptr ? ValueKind::kNull : textOrNull(info.trace->trace, out);
    case Operator::SPAN_ID: return info.trace == nullptr ? ValueKind::kNull : textOrNull(info.trace->span, out);

    // The constants became literals, and the state of upstream filters does not exist.
    case Operator::UPSTREAM_FILTER_STATE:
    case Operator::HOSTNAME:
    case Operator::ENVIRONMENT:
    case Operator::FILE_CONTENT: return ValueKind::kNull;
  }
  return ValueKind::kNull;
}

bool isMetadata(Operator op) {
  return op == Operator::DYNAMIC_METADATA || op == Operator::CLUSTER_METADATA || op == Operator::UPSTREAM_METADATA ||
         (op >= Operator::ROUTE_METADATA && op <= Operator::FILTER_CHAIN_METADATA);
}

}  // namespace

ValueKind appendValue(const Piece& piece, ValueUse use, const FormatContext& context, base::TextBuffer& out) {
  const size_t start = out.size();
  const ValueKind kind = evaluate(piece, use, context, out);
  if (piece.max_length != UINT32_MAX) [[unlikely]] {
    if (use == ValueUse::kText || !isMetadata(piece.op)) out.truncate(start + piece.max_length);
  }
  return kind;
}

}  // namespace nuncio::http::substitution
