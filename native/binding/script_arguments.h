// What the calls of filters in TypeScript have in common: their arguments, read without a copy of more than what they say, and
// the texts they answer with. Raw N-API: these are the calls of the hot path. Worker thread only.
#pragma once

#include <node_api.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "binding/script_host.h"
#include "script/http_filter.h"

namespace nuncio::binding {

using script::HttpFilter;

/** What an environment keeps, and each of these calls is given: the host, in a worker thread that has filters; else null. */
struct ScriptSlot {
  std::unique_ptr<ScriptHost> host;
};

/** The arguments of one call, read without a copy of more than what they say. Raw N-API: these are the calls of the hot path. */
class Arguments {
 public:
  static constexpr size_t kMax = 5;

  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMax;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, values_.data(), nullptr, &data);
    slot_ = static_cast<ScriptSlot*>(data);
    host_ = slot_->host.get();
  }

  ScriptHost* host() { return host_; }
  ScriptSlot& slot() { return *slot_; }
  napi_value operator[](size_t i) { return values_[i]; }
  uint32_t number(size_t i) {
    uint32_t value = 0;
    napi_get_value_uint32(env_, values_[i], &value);
    return value;
  }
  bool isNumber(size_t i, uint32_t& value) { return napi_get_value_uint32(env_, values_[i], &value) == napi_ok; }
  double real(size_t i) {
    double value = 0;
    napi_get_value_double(env_, values_[i], &value);
    return value;
  }
  bool flag(size_t i) {
    bool value = false;
    napi_get_value_bool(env_, values_[i], &value);
    return value;
  }
  /** Text as UTF-8 in `room`, or in `spill` when it is longer. */
  std::string_view text(size_t i, std::span<char> room, std::string& spill) {
    size_t size = 0;
    if (napi_get_value_string_utf8(env_, values_[i], room.data(), room.size(), &size) != napi_ok) return {};
    if (size + 4 < room.size()) return {room.data(), size};
    napi_get_value_string_utf8(env_, values_[i], nullptr, 0, &size);
    spill.resize(size + 1);
    napi_get_value_string_utf8(env_, values_[i], spill.data(), spill.size(), &size);
    spill.resize(size);
    return spill;
  }
  /** Bytes or text; null data for neither. */
  std::string_view bytesOrText(size_t i, std::span<char> room, std::string& spill) {
    bool is_array = false;
    napi_is_typedarray(env_, values_[i], &is_array);
    if (!is_array) return text(i, room, spill);
    size_t size = 0;
    void* data = nullptr;
    napi_get_typedarray_info(env_, values_[i], nullptr, &size, &data, nullptr, nullptr);
    return {data == nullptr ? "" : static_cast<const char*>(data), size};
  }

  /** The filter of the handle in argument 0; throws when its stream is over. */
  HttpFilter* filter() {
    if (host_ != nullptr) host_->takeWrites();
    HttpFilter* found = host_ == nullptr ? nullptr : host_->filter(number(0));
    if (found == nullptr) {
      napi_throw_error(env_, "ERR_NUNCIO_STREAM_OVER", "this stream is over: its headers and bodies are gone");
    }
    return found;
  }

 private:
  napi_env env_;
  std::array<napi_value, kMax> values_{};
  ScriptSlot* slot_;
  ScriptHost* host_;
};

using Room = std::array<char, 256>;

inline napi_value undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

inline bool isAscii(std::string_view text) {
  constexpr uint64_t kHigh = 0x8080808080808080;
  constexpr size_t kWord = sizeof(uint64_t);
  const char* at = text.data();
  uint64_t bits = 0;  // no early end: texts are short, and most are
  const auto take = [&bits](const char* from) {
    uint64_t word;
    std::memcpy(&word, from, kWord);
    bits |= word;
  };
  if (text.size() < kWord) {
    for (const char c : text) bits |= static_cast<unsigned char>(c);
    return (bits & kHigh) == 0;
  }
  const char* last = at + text.size() - kWord;  // overlaps the word before
  for (; at < last; at += kWord) take(at);
  take(last);
  return (bits & kHigh) == 0;
}

// Header values are bytes; what is no UTF-8 is read as Latin-1, so that nothing is lost.
inline napi_value string(napi_env env, std::string_view text) {
  napi_value value = nullptr;
  if (isAscii(text)) {
    napi_create_string_latin1(env, text.data() == nullptr ? "" : text.data(), text.size(), &value);
  } else {
    napi_create_string_utf8(env, text.data(), text.size(), &value);
  }
  return value;
}

inline std::string joinedFlags(const http::FlagList& flags) {
  std::string text;
  for (size_t i = 0; i < flags.size(); ++i) {
    if (i != 0) text += ',';
    text += http::shortName(flags[i]);
  }
  return text;
}

inline bool isFieldName(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '"' || c == '(' || c == ')' || c == ',' || c == '/' ||
        c == ';' || c == '<' || c == '=' || c == '>' || c == '?' || c == '@' || c == '[' || c == '\\' || c == ']' || c == '{' ||
        c == '}') {
      return false;
    }
  }
  return name.find(':', 1) == std::string_view::npos;
}

inline bool isFieldValue(std::string_view value) {
  bool bad = false;  // no early end: many at a time
  for (const char c : value) bad |= (c == '\0') | (c == '\r') | (c == '\n');
  return !bad;
}

}  // namespace nuncio::binding
