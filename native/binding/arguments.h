// Reading arguments that TypeScript has already checked, and throwing what it got wrong anyway.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

namespace nuncio::binding {

inline Napi::Value fail(Napi::Env env, const std::string& message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

inline uint32_t numberAt(const Napi::CallbackInfo& info, size_t index) {
  return index < info.Length() && info[index].IsNumber() ? info[index].As<Napi::Number>().Uint32Value() : 0;
}
inline std::string textAt(const Napi::CallbackInfo& info, size_t index) {
  return index < info.Length() && info[index].IsString() ? info[index].As<Napi::String>().Utf8Value() : std::string();
}
inline bool flagAt(const Napi::CallbackInfo& info, size_t index) {
  return index < info.Length() && info[index].IsBoolean() && info[index].As<Napi::Boolean>().Value();
}
inline std::span<const uint8_t> bytesAt(const Napi::CallbackInfo& info, size_t index) {
  if (index >= info.Length() || !info[index].IsTypedArray()) return {};
  const auto array = info[index].As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}
inline double numberOf(const Napi::Object& object, const char* key, double fallback) {
  const Napi::Value value = object.Get(key);
  return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : fallback;
}
/** A sentence, or undefined for an empty one. */
inline Napi::Value errorOrNothing(Napi::Env env, const std::string& error) {
  return error.empty() ? env.Undefined() : Napi::Value(Napi::String::New(env, error));
}

}  // namespace nuncio::binding
