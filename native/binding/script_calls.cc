#include "binding/script_calls.h"

#include <string>

#include "base/ascii.h"
#include "binding/script_arguments.h"
#include "script/outgoing_calls.h"

namespace nuncio::binding {
namespace {

using script::OutgoingCall;
using script::OutgoingCalls;

/** The texts of an array of strings, one after the other. */
template <class Visit>
void eachText(napi_env env, napi_value array, Visit&& visit) {
  uint32_t count = 0;
  napi_get_array_length(env, array, &count);
  std::string text;
  for (uint32_t i = 0; i < count; ++i) {
    napi_value element = nullptr;
    size_t size = 0;
    napi_get_element(env, array, i, &element);
    if (napi_get_value_string_utf8(env, element, nullptr, 0, &size) != napi_ok) size = 0;
    text.resize(size + 1);
    napi_get_value_string_utf8(env, element, text.data(), text.size(), &size);
    text.resize(size);
    visit(i, text);
  }
}

/** name, value, name, value …; false, with an exception, for what cannot be sent. */
bool checkHeaders(napi_env env, napi_value array) {
  std::string name;
  std::string wrong;
  eachText(env, array, [&](uint32_t i, const std::string& text) {
    if (i % 2 == 0) name = text;
    if (wrong.empty() && !(i % 2 == 0 ? isFieldName(text) : isFieldValue(text))) wrong = name;
  });
  if (wrong.empty()) return true;
  napi_throw_type_error(env, "ERR_NUNCIO_HEADER", ("'" + wrong + "' cannot be sent as a header").c_str());
  return false;
}

/** callStart(number, cluster, headers, timeout_ms, bits): 0: started; else why not (OutgoingCalls::Start). */
napi_value callStart(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr || !checkHeaders(env, arguments[2])) return nullptr;
  Room room;
  std::string spill;
  http_proxy::AsyncOptions options;
  const std::string cluster(arguments.text(1, room, spill));
  options.cluster = cluster;
  options.timeout_ms = arguments.number(3);
  const ScriptHost::FromJavaScript scope(*host);
  const auto fill = [&](http::HeaderMap& headers) {
    std::string name;
    eachText(env, arguments[2], [&](uint32_t i, const std::string& text) {
      if (i % 2 == 0) {
        name = text;
        for (char& c : name) c = base::toLower(c);
        if (name == "host") name = ":authority";
      } else {
        headers.addCopy(name, text);
      }
    });
  };
  constexpr uint32_t kWhole = 1, kNotForwarded = 2;  // the head is all; no x-forwarded-for
  const uint32_t bits = arguments.number(4);
  options.send_forwarded = (bits & kNotForwarded) == 0;
  const auto started = host->calls().start(arguments.number(0), options, fill, (bits & kWhole) != 0);
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(started), &result);
  return result;
}

/** callWrite(number, bytes or text, ends): false: wait for kCallWritable. */
napi_value callWrite(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  Room room;
  std::string spill;
  const std::string_view bytes = arguments.bytesOrText(1, room, spill);
  const ScriptHost::FromJavaScript scope(*host);
  const bool open = host->calls().write(arguments.number(0), bytes, arguments.flag(2));
  napi_value result = nullptr;
  napi_get_boolean(env, open, &result);
  return result;
}

/** callCancel(number) */
napi_value callCancel(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  const ScriptHost::FromJavaScript scope(*host);
  host->calls().cancel(arguments.number(0));
  return undefined(env);
}

/** callPause(number, pause): counted. */
napi_value callPause(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  const ScriptHost::FromJavaScript scope(*host);
  host->calls().pause(arguments.number(0), arguments.flag(1));
  return undefined(env);
}

/** callEntries(number, trailers): name, value, name, value … of the answer. */
napi_value callEntries(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  OutgoingCall* call = host == nullptr ? nullptr : host->calls().find(arguments.number(0));
  napi_value array = nullptr;
  napi_create_array(env, &array);
  const http::HeaderMap* map = call == nullptr ? nullptr : arguments.flag(1) ? call->trailers() : call->headers();
  if (map == nullptr) return array;
  uint32_t at = 0;
  for (const http::Header& header : map->entries()) {
    napi_set_element(env, array, at++, string(env, header.name));
    napi_set_element(env, array, at++, string(env, header.value));
  }
  return array;
}

/** callFacts(number): [response flags, details, "1" when the proxy itself answered, upstream host]; while the call is there. */
napi_value callFacts(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  OutgoingCall* call = host == nullptr ? nullptr : host->calls().find(arguments.number(0));
  napi_value array = nullptr;
  napi_create_array(env, &array);
  if (call == nullptr) return array;
  const http::StreamInfo& facts = call->stream().info();
  napi_set_element(env, array, 0, string(env, joinedFlags(facts.flags)));
  napi_set_element(env, array, 1, string(env, facts.response_code_details));
  napi_set_element(env, array, 2, string(env, call->stream().answeredHere() ? "1" : ""));
  napi_set_element(env, array, 3, string(env, facts.upstream_host == nullptr ? std::string_view() : facts.upstream_host->text()));
  return array;
}

constexpr NativeCall kOutgoing[] = {{"callStart", callStart}, {"callWrite", callWrite},     {"callCancel", callCancel},
                                 {"callPause", callPause}, {"callEntries", callEntries}, {"callFacts", callFacts}};

}  // namespace

std::span<const NativeCall> outgoingCalls() { return kOutgoing; }

}  // namespace nuncio::binding
