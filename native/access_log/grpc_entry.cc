#include "access_log/grpc_entry.h"

#include <array>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "access_log/proto_writer.h"
#include "generated/plan.h"
#include "http/dynamic_metadata.h"
#include "http/header_map.h"
#include "http/substitution/custom_tags.h"

namespace nuncio::access_log {

struct GrpcEntrySettings {
  bool tcp = false;
  std::vector<std::string> request_headers, response_headers, response_trailers, filter_state;
  http::CustomTags tags;
};

namespace {

using http::FormatContext;
using http::HeaderId;
using http::HeaderMap;
using http::MetadataValue;
using http::ResponseFlag;
using http::StreamInfo;

constexpr int64_t kSecond = 1'000'000'000;

// ---------------------------------------------------------------- texts

/** Bytes of the sequence at the start of `text` when it is UTF-8; 0 when it is not. */
size_t utf8Length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f)) return 0;   // too long a form; a surrogate
  if ((first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) return 0;
  return size;
}

/** A string of protobuf must be UTF-8: what is not becomes '!'. `room` holds the text when it had to change. */
std::string_view utf8(std::string_view text, std::string& room) {
  size_t good = 0;
  while (good < text.size()) {
    const size_t length = utf8Length(text.substr(good));
    if (length == 0) break;
    good += length;
  }
  if (good == text.size()) [[likely]] return text;
  room.assign(text);
  for (size_t i = good; i < room.size();) {
    const size_t length = utf8Length(std::string_view(room).substr(i));
    if (length == 0) room[i] = '!';
    i += length == 0 ? 1 : length;
  }
  return room;
}

void headerText(ProtoWriter& to, uint32_t field, std::string_view value) {
  std::string room;
  to.text(field, utf8(value, room));
}

void mapEntry(ProtoWriter& to, uint32_t field, std::string_view key, std::string_view value) {
  to.message(field, [&] {
    to.text(1, key);
    headerText(to, 2, value);
  });
}

/** All values of the header joined with ","; nothing when there is none. */
std::optional<std::string> joined(const HeaderMap& headers, std::string_view name) {
  std::optional<std::string> found;
  for (const http::Header& header : headers.entries()) {
    if (header.name != name && !(name == "host" && header.id == HeaderId::kAuthority)) continue;
    if (found.has_value()) found->push_back(',');
    if (!found.has_value()) found.emplace();
    found->append(header.value);
  }
  return found;
}

void headerValues(ProtoWriter& to, uint32_t field, const HeaderMap* headers, const std::vector<std::string>& names) {
  if (headers == nullptr) return;
  for (const std::string& name : names) {
    if (const std::optional<std::string> value = joined(*headers, name)) mapEntry(to, field, name, *value);
  }
}

// ---------------------------------------------------------------- addresses and times

/** envoy.config.core.v3.Address. */
void address(ProtoWriter& to, uint32_t field, const net::Address& value) {
  if (value.family() == net::Address::Family::kNone) return;
  to.message(field, [&] {
    if (!value.isIp()) return to.message(2, [&] { to.text(1, value.text()); });  // pipe
    to.message(1, [&] {
      to.text(2, value.ipText());
      to.choice(3, value.port());
    });
  });
}

/** google.protobuf.Duration and Timestamp alike. */
void time(ProtoWriter& to, uint32_t field, int64_t nanoseconds) {
  to.message(field, [&] {
    to.number(1, static_cast<uint64_t>(nanoseconds / kSecond));
    to.number(2, static_cast<uint64_t>(nanoseconds % kSecond));
  });
}

void since(ProtoWriter& to, uint32_t field, const StreamInfo& info, int64_t at) {
  if (at >= info.at.start && at != 0) time(to, field, at - info.at.start);
}

// ---------------------------------------------------------------- metadata

/** google.protobuf.Struct (its map entries in `field`) and Value (one of six). */
void value(ProtoWriter& to, const MetadataValue& from);

void members(ProtoWriter& to, uint32_t field, const MetadataValue& from) {
  for (const http::MetadataMember* each = from.first; each != nullptr; each = each->next) {
    to.message(field, [&] {
      headerText(to, 1, each->key);
      to.message(2, [&] { value(to, each->value); });
    });
  }
}

void value(ProtoWriter& to, const MetadataValue& from) {
  std::string room;
  switch (from.kind) {
    case MetadataValue::Kind::kNull: return to.choice(1, 0);
    case MetadataValue::Kind::kNumber: return to.real(2, from.numeric);
    case MetadataValue::Kind::kString: return to.bytes(3, utf8(from.text, room));
    case MetadataValue::Kind::kBool: return to.choice(4, from.truth ? 1 : 0);
    case MetadataValue::Kind::kStruct: return to.message(5, [&] { members(to, 1, from); });
    case MetadataValue::Kind::kList:
      return to.message(6, [&] {
        for (const http::MetadataMember* each = from.first; each != nullptr; each = each->next)
          to.message(1, [&] { value(to, each->value); });
      });
  }
}

/** envoy.config.core.v3.Metadata: namespace → struct. */
void metadata(ProtoWriter& to, uint32_t field, const http::DynamicMetadata* from) {
  if (from == nullptr || from->empty()) return;
  to.message(field, [&] {
    for (const http::MetadataMember* each = from->root().first; each != nullptr; each = each->next) {
      to.message(1, [&] {
        headerText(to, 1, each->key);
        to.message(2, [&] { members(to, 1, each->value); });
      });
    }
  });
}

const http::FilterState* filterState(const StreamInfo& info, std::string_view name) {
  if (info.filter_state != nullptr && info.filter_state->value(name) != nullptr) return info.filter_state;
  if (info.downstream == nullptr || info.downstream->facts == nullptr) return nullptr;
  const http::FilterState& state = info.downstream->facts->filter_state;
  return state.value(name) == nullptr ? nullptr : &state;
}

/** Each as a StringValue in an Any; a state that is no text is left out. */
void filterStates(ProtoWriter& to, uint32_t field, const StreamInfo& info, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const http::FilterState* state = filterState(info, name);
    if (state == nullptr || state->value(name)->kind != MetadataValue::Kind::kString) continue;
    to.message(field, [&] {
      to.text(1, name);
      to.message(2, [&] {
        to.text(1, "type.googleapis.com/google.protobuf.StringValue");
        to.message(2, [&] { headerText(to, 1, state->find(name)); });
      });
    });
  }
}

// ---------------------------------------------------------------- flags, TLS

/** Fields of ResponseFlags by flag; 0: it has none. */
constexpr std::array<uint8_t, static_cast<size_t>(ResponseFlag::kCount)> kFlagFields = [] {
  std::array<uint8_t, static_cast<size_t>(ResponseFlag::kCount)> fields{};
  for (size_t flag = 0; flag <= static_cast<size_t>(ResponseFlag::kDnsResolutionFailed); ++flag)
    fields[flag] = static_cast<uint8_t>(flag + 1);
  fields[static_cast<size_t>(ResponseFlag::kDownstreamRemoteReset)] = 28;
  return fields;
}();
static_assert(kFlagFields[static_cast<size_t>(ResponseFlag::kDnsResolutionFailed)] == 27);

void responseFlags(ProtoWriter& to, uint32_t field, const http::FlagList& flags) {
  if (flags.empty()) return;
  to.message(field, [&] {
    for (size_t i = 0; i < kFlagFields.size(); ++i) {
      const auto flag = static_cast<ResponseFlag>(i);
      if (kFlagFields[i] == 0 || !flags.has(flag)) continue;
      // By whom it was found unauthorized: an external service.
      if (flag == ResponseFlag::kUnauthorizedExternalService) to.message(kFlagFields[i], [&] { to.number(1, 1); });
      if (flag != ResponseFlag::kUnauthorizedExternalService) to.flag(kFlagFields[i], true);
    }
  });
}

uint64_t tlsVersion(std::string_view name) {
  if (name == "TLSv1") return 1;
  if (name == "TLSv1.1") return 2;
  if (name == "TLSv1.2") return 3;
  return name == "TLSv1.3" ? 4 : 0;
}

void certificate(ProtoWriter& to, uint32_t field, const net::TlsInfo& tls, net::TlsInfo::Side side) {
  to.message(field, [&] {
    for (const std::string& uri : tls.sans(side, net::TlsInfo::San::kUri)) {
      to.message(1, [&] { headerText(to, 1, uri); });
    }
    headerText(to, 2, tls.subject(side));
    if (side == net::TlsInfo::Side::kPeer) headerText(to, 3, tls.issuer(side));
  });
}

void tlsProperties(ProtoWriter& to, uint32_t field, const http::ConnectionInfo& connection) {
  if (connection.tls == nullptr) return;
  const net::TlsInfo& tls = *connection.tls;
  to.message(field, [&] {
    to.number(1, tlsVersion(tls.version()));
    if (tls.cipherId() != 0) to.wrapped(2, tls.cipherId());
    headerText(to, 3, connection.requestedServerName());
    certificate(to, 4, tls, net::TlsInfo::Side::kLocal);
    certificate(to, 5, tls, net::TlsInfo::Side::kPeer);
    to.text(6, tls.sessionId());
    if (connection.facts != nullptr) to.text(7, connection.facts->ja3_fingerprint);
  });
}

// ---------------------------------------------------------------- the entry

void times(ProtoWriter& to, const StreamInfo& info) {
  time(to, 5, info.start_wall_ns);
  since(to, 6, info, info.at.downstream_rx_end);
  since(to, 7, info, info.at.upstream_tx_begin);
  since(to, 8, info, info.at.upstream_tx_end);
  since(to, 9, info, info.at.upstream_rx_begin);
  since(to, 10, info, info.at.upstream_rx_end);
  since(to, 11, info, info.at.downstream_tx_begin);
  since(to, 12, info, info.at.downstream_tx_end);
}

void upstream(ProtoWriter& to, const StreamInfo& info) {
  if (info.upstream_host != nullptr) address(to, 13, *info.upstream_host);
  address(to, 14, info.upstream_local);
  headerText(to, 15, info.cluster_name);
}

/** envoy.config.core.v3.RequestMethod. */
uint64_t method(std::string_view name) {
  constexpr std::string_view kNames[] = {"", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  for (uint64_t i = 1; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return i;
  }
  return 0;
}

void request(ProtoWriter& to, const FormatContext& context, const std::vector<std::string>& names) {
  if (context.request != nullptr) {
    const HeaderMap& headers = *context.request;
    to.number(1, method(headers.get(HeaderId::kMethod)));
    headerText(to, 2, headers.get(HeaderId::kScheme));
    headerText(to, 3, headers.get(HeaderId::kAuthority));
    headerText(to, 5, headers.get(HeaderId::kPath));
    headerText(to, 6, headers.get(HeaderId::kUserAgent));
    headerText(to, 7, headers.get(HeaderId::kReferer));
    headerText(to, 8, headers.get(HeaderId::kXForwardedFor));
    headerText(to, 9, headers.get(HeaderId::kXRequestId));
    headerText(to, 10, headers.get(HeaderId::kXEnvoyOriginalPath));
    to.number(11, headers.byteSize());
  }
  to.number(12, context.info.bytes_received);
  headerValues(to, 13, context.request, names);
  to.number(14, context.info.upstream_headers_sent);
  // What there was of a head that ended in an error is none to Envoy.
  if (context.request != nullptr) to.number(15, context.info.downstream_headers_received);
}

void response(ProtoWriter& to, const FormatContext& context, const std::vector<std::string>& headers,
              const std::vector<std::string>& trailers) {
  const StreamInfo& info = context.info;
  if (info.response_code != 0) to.wrapped(1, info.response_code);
  if (context.response != nullptr) to.number(2, context.response->byteSize());
  to.number(3, info.bytes_sent);
  headerValues(to, 4, context.response, headers);
  headerValues(to, 5, context.response_trailers, trailers);
  headerText(to, 6, info.response_code_details);
  to.number(7, info.upstream_headers_received);
  to.number(8, info.downstream_headers_sent);
}

uint64_t protocol(http::Protocol protocol) {
  switch (protocol) {
    case http::Protocol::kNone: return 0;
    case http::Protocol::kHttp10: return 1;
    case http::Protocol::kHttp11: return 2;
    case http::Protocol::kHttp2: return 3;
    case http::Protocol::kHttp3: return 4;
  }
  return 0;
}

std::vector<std::string> lowerCase(const std::vector<std::string>& names) {
  std::vector<std::string> lower = names;
  for (std::string& name : lower) {
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return lower;
}

void customTags(ProtoWriter& to, uint32_t field, const FormatContext& context, const GrpcEntrySettings& settings) {
  settings.tags.forEach(context, [&](std::string_view name, std::string_view value) { mapEntry(to, field, name, value); });
}

void commonProperties(ProtoWriter& to, const FormatContext& context, const GrpcEntrySettings& settings) {
  const StreamInfo& info = context.info;
  const http::ConnectionInfo* connection = info.downstream;
  const bool is_trusted = info.remote.family() != net::Address::Family::kNone;
  if (is_trusted || connection != nullptr) address(to, 2, is_trusted ? info.remote : connection->remote);
  if (connection != nullptr) {
    address(to, 3, connection->local);
    tlsProperties(to, 4, *connection);
  }
  times(to, info);
  upstream(to, info);
  responseFlags(to, 16, info.flags);
  metadata(to, 17, info.dynamic_metadata);
  headerText(to, 18, info.upstream_transport_failure);
  headerText(to, 19, info.route_name);
  if (connection != nullptr) address(to, 20, connection->directRemote());
  filterStates(to, 21, info, settings.filter_state);
  customTags(to, 22, context, settings);
  since(to, 23, info, info.at.end != 0 ? info.at.end : context.now_ns);
  to.number(24, info.upstream_attempts);
  const std::string_view details = info.connection_termination_details;
  headerText(to, 25, details.empty() && connection != nullptr ? connection->end().termination_details : details);
  headerText(to, 26, info.request_id);
  if (connection != nullptr) headerText(to, 28, connection->end().transport_failure);
  to.number(29, info.downstream_wire_sent);
  to.number(30, info.downstream_wire_received);
  to.number(31, info.upstream_wire_sent);
  to.number(32, info.upstream_wire_received);
  to.number(33, static_cast<uint64_t>(info.log_type));  // the numbers are Envoy's
}

}  // namespace

base::Result<GrpcEntry, std::string> GrpcEntry::make(const plan::GrpcAccessLog& plan) {
  auto settings = std::make_unique<GrpcEntrySettings>();
  settings->tcp = plan.tcp;
  settings->request_headers = lowerCase(plan.request_headers);
  settings->response_headers = lowerCase(plan.response_headers);
  settings->response_trailers = lowerCase(plan.response_trailers);
  settings->filter_state = plan.filter_state;
  auto tags = http::CustomTags::make(plan.tags);
  if (!tags.ok()) return std::move(tags.error());
  settings->tags = std::move(tags.value());
  return GrpcEntry(std::move(settings));
}

GrpcEntry::GrpcEntry(std::unique_ptr<const GrpcEntrySettings> settings) : settings_(std::move(settings)) {}
GrpcEntry::GrpcEntry(GrpcEntry&&) noexcept = default;
GrpcEntry::~GrpcEntry() = default;

void GrpcEntry::append(const FormatContext& context, base::TextBuffer& out) const {
  ProtoWriter to(out);
  to.message(1, [&] {
    to.message(1, [&] { commonProperties(to, context, *settings_); });
    if (settings_->tcp) {
      to.message(2, [&] {
        to.number(1, context.info.bytes_received);
        to.number(2, context.info.bytes_sent);
      });
      return;
    }
    to.number(2, protocol(context.info.protocol));
    to.message(3, [&] { request(to, context, settings_->request_headers); });
    to.message(4, [&] { response(to, context, settings_->response_headers, settings_->response_trailers); });
  });
}

}  // namespace nuncio::access_log
