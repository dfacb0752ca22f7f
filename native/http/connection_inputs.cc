#include "http/connection_inputs.h"

namespace nuncio::http {
namespace {

std::string_view orNone(std::string_view text) { return text.empty() ? std::string_view() : text; }

std::string_view ipOf(const net::Address& address) { return address.isIp() ? address.ipText() : std::string_view(); }

std::string_view portOf(const net::Address& address, base::TextBuffer& scratch) {
  if (!address.isIp()) return {};
  scratch.clear();
  scratch.appendDecimal(uint64_t{address.port()});
  return scratch.view();
}

}  // namespace

ConnectionInputs ConnectionInputs::of(const ConnectionInfo& connection) {
  const ConnectionFacts* facts = connection.facts.get();
  return {.local = connection.local,
          .remote = connection.remote,
          .direct_remote = connection.directRemote(),
          .server_name = connection.requestedServerName(),
          .transport = connection.tls != nullptr ? std::string_view("tls") : facts == nullptr ? std::string_view() : facts->transport_protocol,
          .application_protocols = facts == nullptr ? std::span<const std::string_view>() : facts->application_protocols,
          .tls = connection.tls,
          .facts = facts};
}

std::string_view ConnectionInputs::value(const plan::MatchInput& wanted, base::TextBuffer& scratch) const {
  using Kind = plan::MatchInput::Kind;
  using Side = net::TlsInfo::Side;
  switch (wanted.kind) {
    case Kind::DESTINATION_IP: return ipOf(local);
    case Kind::DESTINATION_PORT: return portOf(local, scratch);
    case Kind::SOURCE_IP: return ipOf(remote);
    case Kind::SOURCE_PORT: return portOf(remote, scratch);
    case Kind::DIRECT_SOURCE_IP: return ipOf(direct_remote);
    case Kind::SOURCE_TYPE:
      return remote.isLoopback() || (remote.isIp() && remote.sameIp(local)) ? std::string_view("local") : std::string_view();
    case Kind::SERVER_NAME: return orNone(server_name);
    case Kind::TRANSPORT_PROTOCOL: return orNone(transport);
    case Kind::APPLICATION_PROTOCOL: {
      if (application_protocols.empty()) return {};
      scratch.clear();
      for (const std::string_view protocol : application_protocols) {
        if (!scratch.empty()) scratch.append(',');
        scratch.append('\'');
        scratch.append(protocol);
        scratch.append('\'');
      }
      return scratch.view();
    }
    case Kind::FILTER_STATE: return facts == nullptr ? std::string_view() : orNone(facts->filter_state.find(wanted.name));
    case Kind::DYNAMIC_METADATA: {
      const MetadataValue* found = facts == nullptr ? nullptr : facts->metadata.find(std::span<const std::string>(wanted.path));
      return found != nullptr && found->kind == MetadataValue::Kind::kString ? found->text : std::string_view();
    }
    case Kind::URI_SAN:
    case Kind::DNS_SAN: {
      if (tls == nullptr) return {};
      const auto kind = wanted.kind == Kind::URI_SAN ? net::TlsInfo::San::kUri : net::TlsInfo::San::kDns;
      scratch.clear();
      for (const std::string& name : tls->sans(Side::kPeer, kind)) {
        if (!scratch.empty()) scratch.append(',');
        scratch.append(name);
      }
      return orNone(scratch.view());
    }
    case Kind::SUBJECT: return tls == nullptr ? std::string_view() : orNone(tls->subject(Side::kPeer));
    default: return {};
  }
}

}  // namespace nuncio::http
