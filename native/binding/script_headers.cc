#include "binding/script_headers.h"

#include "base/ascii.h"
#include "binding/script_arguments.h"

namespace nuncio::binding {
namespace {

http::HeaderMap* mapOf(HttpFilter& filter, uint32_t part) {
  switch (part) {
    case 0: return &filter.stream().requestHeaders();
    case 1: return filter.stream().requestTrailers();
    case 2: return filter.stream().responseHeaders();
    default: return filter.stream().responseTrailers();
  }
}

std::string_view lowered(std::string_view name, Room& room, std::string& spill) {
  char* out = name.data() == room.data() ? room.data() : spill.data();
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] >= 'A' && name[i] <= 'Z') out[i] = static_cast<char>(name[i] | 0x20);
  }
  return name;
}

/** A header's name as argument: the number that headerName() gave, or a text (which is then lower-cased here). */
struct NameArgument {
  NameArgument(Arguments& arguments, size_t at) {
    ScriptHost* host = arguments.host();
    uint32_t number = 0;
    if (host != nullptr && arguments.isNumber(at, number)) {
      if (const script::HeaderName* known = host->names().at(number); known != nullptr) {
        name = known->text;
        id = known->id;
        checked = true;
        return;
      }
    }
    name = lowered(arguments.text(at, room, spill), room, spill);
    if (name == "host") name = ":authority";
    id = http::headerId(name);
  }
  std::string_view name;
  http::HeaderId id;
  bool checked = false;  // it is a name
  Room room;
  std::string spill;
};

/** headerName(name): its number from now on; undefined: there are too many. Throws for what is no name. */
napi_value headerName(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  Room room;
  std::string spill;
  std::string_view name = lowered(arguments.text(0, room, spill), room, spill);
  if (!isFieldName(name)) {
    napi_throw_type_error(env, "ERR_NUNCIO_HEADER", ("'" + std::string(name) + "' is no header name").c_str());
    return nullptr;
  }
  if (name == "host") name = ":authority";
  const std::optional<uint32_t> number = host->names().number(name);
  if (!number) return undefined(env);
  napi_value result = nullptr;
  napi_create_uint32(env, *number, &result);
  return result;
}

/** readAhead(program, response, name) */
napi_value readAhead(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  if (ScriptHost* host = arguments.host()) host->readAhead(arguments.number(0), arguments.flag(1), arguments.number(2));
  return undefined(env);
}

napi_value headerGet(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const http::HeaderMap* map = mapOf(*filter, arguments.number(1));
  if (map == nullptr) return undefined(env);
  const NameArgument name(arguments, 2);
  if (name.id != http::HeaderId::kUnknown) return map->has(name.id) ? string(env, map->get(name.id)) : undefined(env);
  const http::Header* found = map->find(name.name);
  return found == nullptr ? undefined(env) : string(env, found->value);
}

napi_value headerGetAll(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const http::HeaderMap* map = mapOf(*filter, arguments.number(1));
  const NameArgument name(arguments, 2);
  napi_value array = nullptr;
  napi_create_array(env, &array);
  uint32_t at = 0;
  if (map == nullptr) return array;
  for (const http::Header& header : map->entries()) {
    if (header.name == name.name) napi_set_element(env, array, at++, string(env, header.value));
  }
  return array;
}

napi_value headerEntries(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const http::HeaderMap* map = mapOf(*filter, arguments.number(1));
  napi_value array = nullptr;
  napi_create_array_with_length(env, map == nullptr ? 0 : map->size() * 2, &array);
  uint32_t at = 0;
  if (map == nullptr) return array;
  for (const http::Header& header : map->entries()) {
    napi_set_element(env, array, at++, string(env, header.name));
    napi_set_element(env, array, at++, string(env, header.value));
  }
  return array;
}

enum class Write { kSet, kAppend };

napi_value writeHeader(napi_env env, napi_callback_info info, Write how) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  http::HeaderMap* map = mapOf(*filter, arguments.number(1));
  const NameArgument name(arguments, 2);
  Room room;
  std::string spill;
  const std::string_view value = arguments.text(3, room, spill);
  if (!name.checked && !isFieldName(name.name)) {
    napi_throw_type_error(env, "ERR_NUNCIO_HEADER", ("'" + std::string(name.name) + "' is no header name").c_str());
    return nullptr;
  }
  if (value.data() == nullptr || !isFieldValue(value)) {
    napi_throw_type_error(env, "ERR_NUNCIO_HEADER",
                          ("the value of '" + std::string(name.name) + "' must be a string without line breaks and NUL").c_str());
    return nullptr;
  }
  if (map == nullptr) return undefined(env);
  base::Arena& arena = filter->stream().arena();
  if (how == Write::kAppend) {
    map->addCopy(name.name, value);
  } else if (name.id != http::HeaderId::kUnknown) {
    map->set(name.id, arena.copy(value));
  } else {
    map->setCopy(name.name, value);
  }
  return undefined(env);
}

napi_value headerSet(napi_env env, napi_callback_info info) { return writeHeader(env, info, Write::kSet); }
napi_value headerAppend(napi_env env, napi_callback_info info) { return writeHeader(env, info, Write::kAppend); }

napi_value headerDelete(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  http::HeaderMap* map = mapOf(*filter, arguments.number(1));
  const NameArgument name(arguments, 2);
  if (map != nullptr) map->remove(name.name);
  return undefined(env);
}

constexpr NativeCall kCalls[] = {{"headerName", headerName},     {"headerGet", headerGet},       {"headerGetAll", headerGetAll},
                                 {"headerSet", headerSet},       {"headerAppend", headerAppend}, {"headerDelete", headerDelete},
                                 {"headerEntries", headerEntries}, {"readAhead", readAhead}};

}  // namespace

std::span<const NativeCall> headerCalls() { return kCalls; }

}  // namespace nuncio::binding
