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

ScriptHost::~ScriptHost() {
  gone_ = true;
  worker_.scripts().detach();
  closeScope();
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  napi_delete_reference(env_, dispatch_);
  napi_delete_reference(env_, resource_);
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
  napi_handle_scope handles = nullptr;
  if (napi_open_handle_scope(env_, &handles) != napi_ok) return Outcome::kGone;
  call_ = call;
  napi_value dispatch = nullptr;
  napi_value self = nullptr;
  napi_value argument = nullptr;
  napi_value result = nullptr;
  napi_get_reference_value(env_, dispatch_, &dispatch);
  napi_get_undefined(env_, &self);
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
  Outcome outcome = Outcome::kGone;
  if (napi_call_function(env_, self, dispatch, count, &argument, &result) == napi_ok) {
    int32_t number = 0;
    napi_get_value_int32(env_, result, &number);
    outcome = static_cast<Outcome>(number);
  } else {
    // dispatch() throws nothing: the thread was told to end. Nothing is called from here on.
    bool pending = false;
    napi_is_exception_pending(env_, &pending);
    napi_value error = nullptr;
    if (pending) napi_get_and_clear_last_exception(env_, &error);
    gone_ = true;
  }
  napi_close_handle_scope(env_, handles);
  return outcome;
}

void ScriptHost::openScope() {
  if (napi_open_handle_scope(env_, &turn_handles_) != napi_ok) return;
  napi_value resource = nullptr;
  napi_get_reference_value(env_, resource_, &resource);
  if (napi_open_callback_scope(env_, resource, context_, &scope_) != napi_ok) scope_ = nullptr;
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
