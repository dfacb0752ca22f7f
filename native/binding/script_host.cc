#include "binding/script_host.h"

namespace nuncio::binding {

using script::Outcome;

ScriptHost::ScriptHost(napi_env env, Worker& worker, napi_value dispatch) : env_(env), worker_(worker) {
  napi_create_reference(env, dispatch, 1, &dispatch_);
  napi_value resource = nullptr;
  napi_value name = nullptr;
  napi_create_object(env, &resource);
  napi_create_reference(env, resource, 1, &resource_);
  napi_create_string_utf8(env, "nuncio", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, resource, name, &context_);
  worker_.scripts().attach(*this);
}

// The environment is going: its scopes and references go with it.
ScriptHost::~ScriptHost() {
  gone_ = true;
  loop::TurnTask::unlink();
  worker_.scripts().detach();
}

std::optional<script::Built> ScriptHost::find(const std::string& id) {
  const auto found = programs_.find(id);
  if (found == programs_.end()) return std::nullopt;
  found->second.used = true;
  return found->second.built;
}

Outcome ScriptHost::run(const script::Call& call, std::string_view chunk) {
  if (gone_) return Outcome::kGone;
  if (scope_ == nullptr && callers_ == 0) openScope();
  if (scope_ != nullptr) return invoke(call, chunk, function_, self_);
  // Called by JavaScript outside of a turn: nothing of ours is open.
  napi_handle_scope handles = nullptr;
  napi_value function = nullptr;
  napi_value self = nullptr;
  if (napi_open_handle_scope(env_, &handles) != napi_ok) return Outcome::kGone;
  napi_get_reference_value(env_, dispatch_, &function);
  napi_get_undefined(env_, &self);
  const Outcome outcome = invoke(call, chunk, function, self);
  napi_close_handle_scope(env_, handles);
  return outcome;
}

Outcome ScriptHost::invoke(const script::Call& call, std::string_view chunk, napi_value function, napi_value self) {
  call_ = call;
  napi_value argument = nullptr;
  napi_value result = nullptr;
  size_t count = 0;
  if (chunk.data() != nullptr) {
    void* bytes = nullptr;
    napi_value buffer = nullptr;
    if (napi_create_arraybuffer(env_, chunk.size(), &bytes, &buffer) == napi_ok) {
      chunk.copy(static_cast<char*>(bytes), chunk.size());
      napi_create_typedarray(env_, napi_uint8_array, chunk.size(), buffer, 0, &argument);
      count = 1;
    }
  }
  if (napi_call_function(env_, self, function, count, &argument, &result) == napi_ok) {
    int32_t number = 0;
    napi_get_value_int32(env_, result, &number);
    return static_cast<Outcome>(number);
  }
  // dispatch() throws nothing: the thread was told to end. Nothing is called from here on.
  bool pending = false;
  napi_is_exception_pending(env_, &pending);
  napi_value error = nullptr;
  if (pending) napi_get_and_clear_last_exception(env_, &error);
  gone_ = true;
  return Outcome::kGone;
}

void ScriptHost::openScope() {
  if (napi_open_handle_scope(env_, &turn_handles_) != napi_ok) return;
  napi_value resource = nullptr;
  napi_get_reference_value(env_, resource_, &resource);
  if (napi_open_callback_scope(env_, resource, context_, &scope_) != napi_ok) scope_ = nullptr;
  napi_get_reference_value(env_, dispatch_, &function_);
  napi_get_undefined(env_, &self_);
  touched();
}

void ScriptHost::touched() {
  if (!loop::TurnTask::linked()) worker_.loop().atEndOfTurn(*this);
}

/** Promises settle here: hooks that waited for them go on, and may call others. */
void ScriptHost::onEndOfTurn() { closeScope(); }

void ScriptHost::closeScope() {
  if (scope_ != nullptr) napi_close_callback_scope(env_, scope_);
  scope_ = nullptr;
  if (turn_handles_ != nullptr) napi_close_handle_scope(env_, turn_handles_);
  turn_handles_ = nullptr;
}

}  // namespace nuncio::binding
