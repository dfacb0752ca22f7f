#include "binding/script_connections.h"

#include <charconv>

#include "binding/script_arguments.h"
#include "http/dynamic_metadata.h"
#include "net/tls_info.h"
#include "script/listener_filter.h"
#include "script/network_filter.h"
#include "tcp/listener_filter.h"

namespace nuncio::binding {
namespace {

using script::ConnectionGuest;
using Side = net::TlsInfo::Side;

/** The connection of the handle in argument 0; throws when it is over. */
ConnectionGuest* guestOf(napi_env env, Arguments& arguments) {
  ConnectionGuest* found =
      arguments.host() == nullptr ? nullptr : arguments.host()->worker().scripts().connections().find(arguments.number(0));
  if (found == nullptr) napi_throw_error(env, "ERR_NUNCIO_CONNECTION_OVER", "this connection is over, or no longer this filter's");
  return found;
}

// ---------------------------------------------------------------- facts; numbers as in src/worker/script-addon.ts

std::string_view tlsText(const net::TlsInfo& tls, uint32_t fact) {
  switch (fact) {
    case 8: return tls.version();
    case 9: return tls.cipher();
    case 10: return tls.applicationProtocol();
    case 11: return tls.subject(Side::kPeer);
    case 12: return tls.issuer(Side::kPeer);
    case 13: return tls.serial(Side::kPeer);
    case 14: return tls.fingerprint(Side::kPeer, net::TlsInfo::Digest::kSha256);
    default: return tls.subject(Side::kLocal);
  }
}

napi_value connectionText(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  const http::ConnectionInfo& info = guest->info();
  const uint32_t fact = arguments.number(1);
  switch (fact) {
    case 0: return string(env, info.remote.text());
    case 1: return string(env, info.local.text());
    case 2: return string(env, info.directRemote().text());
    case 3: return string(env, info.directLocal().text());
    case 4:
      return string(env, info.facts != nullptr ? info.facts->server_name : info.tls != nullptr ? info.tls->serverName() : std::string_view());
    case 5: return string(env, info.facts == nullptr ? std::string_view() : info.facts->transport_protocol);
    case 6: return string(env, info.origin->listener_name);
    case 7: return string(env, info.origin->filter_chain_name);
    default: return info.tls == nullptr ? string(env, {}) : string(env, tlsText(*info.tls, fact));
  }
}

napi_value connectionTexts(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  const http::ConnectionInfo& info = guest->info();
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t at = 0;
  const auto add = [&](std::string_view text) { napi_set_element(env, list, at++, string(env, text)); };
  const uint32_t fact = arguments.number(1);
  if (fact == 0 && info.facts != nullptr) {
    for (const std::string_view protocol : info.facts->application_protocols) add(protocol);
  } else if (fact != 0 && info.tls != nullptr) {
    using San = net::TlsInfo::San;
    for (const std::string& name : info.tls->sans(Side::kPeer, fact == 1 ? San::kUri : San::kDns)) add(name);
  }
  return list;
}

napi_value connectionNumber(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  const net::Connection* connection = guest->connection();
  const http::ConnectionInfo& info = guest->info();
  double value = 0;
  switch (arguments.number(1)) {
    case 0: value = static_cast<double>(info.id); break;
    case 1: value = connection == nullptr ? 0 : static_cast<double>(connection->bytesRead()); break;
    case 2: value = connection == nullptr ? 0 : static_cast<double>(connection->bytesWritten()); break;
    case 3: value = info.tls != nullptr && info.tls->peerCertificatePresented() ? 1 : 0; break;
    default: value = info.tls != nullptr && info.tls->peerCertificateValidated() ? 1 : 0; break;
  }
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

// ---------------------------------------------------------------- metadata and filter state

napi_value connectionMetadataGet(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  if (guest->info().facts == nullptr) return undefined(env);
  Room rooms[2];
  std::string spills[2];
  const std::string path[2] = {std::string(arguments.text(1, rooms[0], spills[0])),
                               std::string(arguments.text(2, rooms[1], spills[1]))};
  const http::MetadataValue* value = guest->facts().metadata.find(path);
  if (value == nullptr) return undefined(env);
  base::TextBuffer text;
  value->writeJson(text);
  return string(env, text.view());
}

napi_value connectionMetadataSet(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  Room rooms[3];
  std::string spills[3];
  const std::string_view space = arguments.text(1, rooms[0], spills[0]);
  const std::string_view key = arguments.text(2, rooms[1], spills[1]);
  const std::string_view json = arguments.text(3, rooms[2], spills[2]);
  http::DynamicMetadata& metadata = guest->facts().metadata;
  http::MetadataValue value;
  if (http::parseMetadata(json, metadata.arena(), value)) metadata.set(space, key, value);
  return undefined(env);
}

napi_value connectionStateGet(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  Room room;
  std::string spill;
  const std::string_view name = arguments.text(1, room, spill);
  const std::string_view text = guest->info().facts == nullptr ? std::string_view() : guest->facts().filter_state.find(name);
  return text.data() == nullptr ? undefined(env) : string(env, text);
}

napi_value connectionStateSet(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest == nullptr) return nullptr;
  Room rooms[2];
  std::string spills[2];
  const std::string_view name = arguments.text(1, rooms[0], spills[0]);
  guest->facts().filter_state.set(name, arguments.text(2, rooms[1], spills[1]));
  return undefined(env);
}

// ---------------------------------------------------------------- network filters

script::NetworkFilter* networkOf(napi_env env, Arguments& arguments) {
  ConnectionGuest* guest = guestOf(env, arguments);
  return guest == nullptr ? nullptr : guest->network();
}

napi_value connectionChunk(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  Room room;
  std::string spill;
  if (auto* filter = networkOf(env, arguments)) filter->leaveChunk(arguments.bytesOrText(1, room, spill));
  return undefined(env);
}

napi_value connectionInject(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  auto* filter = networkOf(env, arguments);
  if (filter == nullptr) return undefined(env);
  Room room;
  std::string spill;
  // The bytes are the caller's, who may change them in a hook that this ends in.
  const std::string bytes(arguments.bytesOrText(1, room, spill));
  const ScriptHost::FromJavaScript scope(*arguments.host());
  arguments.flag(2) ? filter->write(bytes) : filter->inject(bytes);
  return undefined(env);
}

napi_value connectionClose(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  auto* filter = networkOf(env, arguments);
  if (filter == nullptr) return undefined(env);
  Room room;
  std::string spill;
  const ScriptHost::FromJavaScript scope(*arguments.host());
  filter->close(arguments.flag(1), arguments.text(2, room, spill));
  return undefined(env);
}

napi_value connectionPause(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  auto* filter = networkOf(env, arguments);
  if (filter == nullptr) return undefined(env);
  const ScriptHost::FromJavaScript scope(*arguments.host());
  filter->pauseReading(arguments.flag(1));
  return undefined(env);
}

/** A promise of a hook has settled; a connection that ended meanwhile does not mind. */
napi_value connectionResume(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ScriptHost* host = arguments.host();
  ConnectionGuest* guest = host == nullptr ? nullptr : host->worker().scripts().connections().find(arguments.number(0));
  if (guest == nullptr) return undefined(env);
  const ScriptHost::FromJavaScript scope(*host);
  guest->settle(static_cast<script::Stage>(arguments.number(1)), static_cast<script::Outcome>(arguments.number(2)));
  return undefined(env);
}

// ---------------------------------------------------------------- listener filters

tcp::AcceptedConnection* acceptedOf(napi_env env, Arguments& arguments) {
  ConnectionGuest* guest = guestOf(env, arguments);
  return guest == nullptr ? nullptr : guest->accepted();
}

/** "10.0.0.1:80", "[::1]:80". */
bool parseAddress(std::string_view text, net::Address& out) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view ip = text.substr(0, colon);
  if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && stop == end && net::Address::parseIp(ip, port, out);
}

/** acceptSet(handle, what, text): 0 destination, 1 remote address, 2 server name, 3 transport protocol. */
napi_value acceptSet(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  tcp::AcceptedConnection* accepted = acceptedOf(env, arguments);
  if (accepted == nullptr) return undefined(env);
  Room room;
  std::string spill;
  const std::string_view text = arguments.text(2, room, spill);
  http::ConnectionFacts& facts = accepted->facts();
  const uint32_t what = arguments.number(1);
  if (what == 2) {
    facts.server_name = facts.arena.copy(text);
  } else if (what == 3) {
    facts.transport_protocol = facts.arena.copy(text);
  } else {
    net::Address address;
    if (!parseAddress(text, address)) {
      napi_throw_type_error(env, "ERR_NUNCIO_ADDRESS", ("'" + std::string(text) + "' is no address with a port").c_str());
      return nullptr;
    }
    if (what == 0) facts.local_restored = true;
    (what == 0 ? accepted->info().local : accepted->info().remote) = address;
  }
  return undefined(env);
}

napi_value acceptProtocols(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  tcp::AcceptedConnection* accepted = acceptedOf(env, arguments);
  if (accepted == nullptr) return undefined(env);
  http::ConnectionFacts& facts = accepted->facts();
  uint32_t count = 0;
  napi_get_array_length(env, arguments[1], &count);
  auto* list = facts.arena.array<std::string_view>(count);
  for (uint32_t i = 0; i < count; ++i) {
    napi_value item = nullptr;
    Room room;
    size_t size = 0;
    napi_get_element(env, arguments[1], i, &item);
    if (napi_get_value_string_utf8(env, item, room.data(), room.size(), &size) != napi_ok) size = 0;
    list[i] = facts.arena.copy({room.data(), size});
  }
  facts.application_protocols = {list, count};
  return undefined(env);
}

napi_value acceptWant(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  ConnectionGuest* guest = guestOf(env, arguments);
  if (guest != nullptr && guest->accepted() != nullptr) {
    static_cast<script::ListenerFilter*>(guest)->want(static_cast<size_t>(arguments.real(1)));
  }
  return undefined(env);
}

napi_value acceptConsume(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  if (auto* accepted = acceptedOf(env, arguments)) accepted->consume(static_cast<size_t>(arguments.real(1)));
  return undefined(env);
}

/** Gives access loggers what waits for them: the thread is about to end. */
napi_value flushLogs(napi_env env, napi_callback_info call) {
  Arguments arguments(env, call);
  if (ScriptHost* host = arguments.host()) {
    const ScriptHost::FromJavaScript scope(*host);
    host->worker().scripts().logBatches().flushAll();
  }
  return undefined(env);
}

constexpr NativeCall kConnectionCalls[] = {
    {"connectionText", connectionText},
    {"connectionTexts", connectionTexts},
    {"connectionNumber", connectionNumber},
    {"connectionMetadataGet", connectionMetadataGet},
    {"connectionMetadataSet", connectionMetadataSet},
    {"connectionStateGet", connectionStateGet},
    {"connectionStateSet", connectionStateSet},
    {"connectionChunk", connectionChunk},
    {"connectionInject", connectionInject},
    {"connectionClose", connectionClose},
    {"connectionPause", connectionPause},
    {"connectionResume", connectionResume},
    {"acceptSet", acceptSet},
    {"acceptProtocols", acceptProtocols},
    {"acceptWant", acceptWant},
    {"acceptConsume", acceptConsume},
    {"flushLogs", flushLogs},
};

}  // namespace

std::span<const NativeCall> connectionCalls() { return kConnectionCalls; }

}  // namespace nuncio::binding
