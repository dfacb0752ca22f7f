#include "binding/script_tools.h"

#include <string>

#include "base/ascii.h"
#include "binding/script_arguments.h"
#include "http_proxy/rate_limiting.h"
#include "script/tool.h"

namespace nuncio::binding {
namespace {

using script::Tool;

constexpr napi_type_tag kToolTag = {0x6e756e63696f746full, 0x6f6c2d7363726970ull};

/** The tool in an argument; null for anything else. */
const Tool* toolOf(napi_env env, napi_value value) {
  bool is_tool = false;
  void* data = nullptr;
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return nullptr;
  if (napi_check_object_type_tag(env, value, &kToolTag, &is_tool) != napi_ok || !is_tool) return nullptr;
  return napi_unwrap(env, value, &data) == napi_ok ? static_cast<const Tool*>(data) : nullptr;
}

napi_value boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

/** toolOpen(plan): an object for the other calls. Throws when the plan is none, or nothing can be made of it. */
napi_value toolOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  const std::string_view bytes = arguments.bytesOrText(0, room, spill);
  plan::Tool plan;
  if (!plan::decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, plan)) {
    napi_throw_type_error(env, nullptr, "toolOpen: malformed plan");
    return nullptr;
  }
  auto made = Tool::make(plan);
  if (!made.ok()) {
    napi_throw_type_error(env, nullptr, made.error().c_str());
    return nullptr;
  }
  napi_value object = nullptr;
  napi_create_object(env, &object);
  napi_type_tag_object(env, object, &kToolTag);
  const auto free = [](napi_env, void* data, void*) { delete static_cast<Tool*>(data); };
  napi_wrap(env, object, made.value().release(), free, nullptr, nullptr);
  return object;
}

/** toolMatches(handle, tool): does the stream's request fit? */
napi_value toolMatches(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  const Tool* tool = toolOf(env, arguments[1]);
  if (filter == nullptr) return nullptr;
  return boolean(env, tool != nullptr && tool->matches(filter->stream()));
}

/** toolMatchesText(tool, text) */
napi_value toolMatchesText(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  const Tool* tool = toolOf(env, arguments[0]);
  return boolean(env, tool != nullptr && tool->matchesText(arguments.text(1, room, spill)));
}

/** toolFormat(handle, tool): the format's text for this stream. */
napi_value toolFormat(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  const Tool* tool = toolOf(env, arguments[1]);
  if (filter == nullptr || tool == nullptr) return nullptr;
  base::TextBuffer text;
  tool->format(filter->stream(), text);
  return string(env, text.view());
}

/** toolRewrite(handle, tool, text) */
napi_value toolRewrite(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  HttpFilter* filter = arguments.filter();
  const Tool* tool = toolOf(env, arguments[1]);
  if (filter == nullptr || tool == nullptr) return nullptr;
  return string(env, tool->rewrite(filter->stream().arena(), arguments.text(2, room, spill)));
}

/** toolMutate(handle, tool, isResponse): applies its mutations to the head of the request or of the response. */
napi_value toolMutate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  const Tool* tool = toolOf(env, arguments[1]);
  if (filter == nullptr || tool == nullptr) return nullptr;
  http_proxy::FilterStream& stream = filter->stream();
  http::HeaderMap* headers = arguments.flag(2) ? stream.responseHeaders() : &stream.requestHeaders();
  if (headers != nullptr) tool->mutate(*headers, stream);
  return undefined(env);
}

/** toolCovers(tool): does a random request fall into its fraction, as the runtime has it? */
napi_value toolCovers(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Tool* tool = toolOf(env, arguments[0]);
  ScriptHost* host = arguments.host();
  return boolean(env, tool == nullptr || host == nullptr || tool->covers(host->worker().context()));
}

/** runtimeInteger(key, fallback) */
napi_value runtimeInteger(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  ScriptHost* host = arguments.host();
  const double fallback = arguments.real(1);
  if (host == nullptr) return number(env, fallback);
  const std::string_view key = arguments.text(0, room, spill);
  return number(env, static_cast<double>(host->worker().context().runtimeInteger(key, static_cast<uint64_t>(fallback))));
}

/**
 * streamDescriptors(handle, tool, stage, hostLimits, isDone): of the tool's limits, or without a tool of those of the route.
 * As JSON: [{"entries": [["key", "value"]], "hits": 1, "negative": true, "override": [requests, unit], "header": 1}].
 */
napi_value streamDescriptors(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  http_proxy::FilterStream& stream = filter->stream();
  const Tool* tool = toolOf(env, arguments[1]);
  base::TextBuffer json;
  const auto text = [&](std::string_view value) { http::MetadataValue::string(value).writeJson(json); };
  const auto add = [&](const routing::Descriptor& one) {
    json.append(json.empty() ? "[{\"entries\":[" : ",{\"entries\":[");
    for (size_t i = 0; i < one.entries.size(); ++i) {
      json.append(i == 0 ? "[" : ",[");
      text(one.entries[i].key);
      json.append(',');
      text(one.entries[i].value);
      json.append(']');
    }
    json.append("],\"override\":[");
    json.appendDecimal(static_cast<uint64_t>(one.override_requests));
    json.append(',');
    json.appendDecimal(static_cast<uint64_t>(one.override_unit));
    json.append("],\"header\":");
    json.appendDecimal(static_cast<uint64_t>(one.x_ratelimit));
    if (one.hits) {
      json.append(",\"hits\":");
      json.appendDecimal(*one.hits);
    }
    json.append(one.negative_hits ? ",\"negative\":true}" : "}");
  };
  const http_proxy::LimitChoice choice{
      .stage = arguments.number(2), .done = arguments.flag(4), .runtime_kind = ".http_filter_enabled"};
  if (tool != nullptr) {
    http_proxy::eachDescriptor(stream, tool->limits(), choice, add);
  } else {
    http_proxy::eachRouteDescriptor(stream, static_cast<http_proxy::HostLimits>(arguments.number(3)), choice, add);
  }
  json.append(json.empty() ? "[]" : "]");
  return string(env, json.view());
}

/** filterStateGet(handle, name): of the stream, or else of its connection; undefined: there is none. */
napi_value filterStateGet(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const std::string_view name = arguments.text(1, room, spill);
  std::string_view value = filter->stream().filterState().find(name);
  const auto& facts = filter->stream().info().downstream->facts;
  if (value.data() == nullptr && facts != nullptr) value = facts->filter_state.find(name);
  return value.data() == nullptr ? undefined(env) : string(env, value);
}

/** filterStateSet(handle, name, value, field): an empty field sets the whole. */
napi_value filterStateSet(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room rooms[3];
  std::string spills[3];
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const std::string_view name = arguments.text(1, rooms[0], spills[0]);
  const std::string_view value = arguments.text(2, rooms[1], spills[1]);
  const std::string_view field = arguments.text(3, rooms[2], spills[2]);
  http::FilterState& state = filter->stream().filterState();
  field.empty() ? state.set(name, value) : state.setField(name, field, value);
  return undefined(env);
}

/** connectionMetadata(handle): all dynamic metadata of the stream's connection, as JSON. */
napi_value connectionMetadata(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const auto& facts = filter->stream().info().downstream->facts;
  return string(env, facts == nullptr ? std::string_view("{}") : facts->metadata.json());
}

}  // namespace

std::span<const NativeCall> toolCalls() {
  static constexpr NativeCall kCalls[] = {
      {"toolOpen", toolOpen},
      {"toolMatches", toolMatches},
      {"toolMatchesText", toolMatchesText},
      {"toolFormat", toolFormat},
      {"toolRewrite", toolRewrite},
      {"toolMutate", toolMutate},
      {"toolCovers", toolCovers},
      {"runtimeInteger", runtimeInteger},
      {"streamDescriptors", streamDescriptors},
      {"filterStateGet", filterStateGet},
      {"filterStateSet", filterStateSet},
      {"streamConnectionMetadata", connectionMetadata},
  };
  return kCalls;
}

}  // namespace nuncio::binding
