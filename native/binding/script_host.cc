#include "binding/script_host.h"

#include "binding/script_arguments.h"

namespace nuncio::binding {

using script::Outcome;

ScriptHost::ScriptHost(napi_env env, Worker& worker, napi_value dispatch, napi_value run_heads) : env_(env), worker_(worker) {
  napi_create_reference(env, dispatch, 1, &dispatch_);
  napi_create_reference(env, run_heads, 1, &heads_);
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
  threadEnds();
  return Outcome::kGone;
}

/** What native code calls throws nothing: the thread was told to end. Nothing is called from here on. */
void ScriptHost::threadEnds() {
  bool pending = false;
  napi_is_exception_pending(env_, &pending);
  napi_value error = nullptr;
  if (pending) napi_get_and_clear_last_exception(env_, &error);
  gone_ = true;
}

// ---------------------------------------------------------------- heads

void ScriptHost::runHeads(script::Stage stage, std::span<script::HeadRun> runs) {
  if (gone_) return;
  if (scope_ == nullptr && callers_ == 0) openScope();
  if (scope_ != nullptr) return invokeHeads(stage, runs, heads_function_, self_);
  napi_handle_scope handles = nullptr;
  napi_value function = nullptr;
  napi_value self = nullptr;
  if (napi_open_handle_scope(env_, &handles) != napi_ok) return;
  napi_get_reference_value(env_, heads_, &function);
  napi_get_undefined(env_, &self);
  invokeHeads(stage, runs, function, self);
  napi_close_handle_scope(env_, handles);
}

void ScriptHost::invokeHeads(script::Stage stage, std::span<script::HeadRun> runs, napi_value function, napi_value self) {
  const bool response = stage == script::Stage::kResponseHeaders;
  value_count_ = 0;
  taken_ = 0;
  runs_ = runs;
  frame_.entries = static_cast<uint32_t>(runs.size());
  frame_.stage = static_cast<uint32_t>(stage);
  for (size_t i = 0; i < runs.size(); ++i) {
    const script::HeadRun& run = runs[i];
    HeadFrame::Entry& entry = frame_.entry[i];
    entry = {run.program, run.handle, -1, static_cast<int32_t>(Outcome::kGoOn)};
    if (run.leads) readValues(run, entry, response);
  }
  napi_value result = nullptr;
  const bool returned = napi_call_function(env_, self, function, value_count_, values_.data(), &result) == napi_ok;
  takeWrites();
  for (size_t i = 0; i < runs.size(); ++i) runs[i].outcome = static_cast<Outcome>(frame_.entry[i].outcome);
  frame_.entries = 0;
  runs_ = {};
  if (!returned) cutShort(runs);
}

/** The thread was ended in the hook that began last; those behind it have not run. */
void ScriptHost::cutShort(std::span<script::HeadRun> runs) {
  const size_t begun = worker_.scripts().activity().begun();
  for (size_t i = begun == 0 ? 0 : begun - 1; i < runs.size(); ++i) runs[i].outcome = i + 1 == begun ? Outcome::kGone : Outcome::kNotRun;
  threadEnds();
}

void ScriptHost::readAhead(uint32_t program, bool response, uint32_t number) {
  const script::HeaderName* name = names().at(number);
  if (program >= ahead_.size() || name == nullptr) return;
  Ahead& ahead = ahead_[program][response];
  if (ahead.count < Ahead::kMost) ahead.names[ahead.count++] = name;
}

/** Makes the texts that the hook will most likely ask for, with one look at the map each. */
void ScriptHost::readValues(const script::HeadRun& run, HeadFrame::Entry& entry, bool response) {
  constexpr size_t kLong = 512;  // is left to be asked for
  entry.values = static_cast<int32_t>(value_count_);
  if (run.program >= ahead_.size()) return;
  const Ahead& ahead = ahead_[run.program][response];
  entry.values |= static_cast<int32_t>(ahead.count << 16);
  for (uint32_t i = 0; i < ahead.count; ++i, ++value_count_) {
    const script::HeaderName& name = *ahead.names[i];
    const http::Header* found = run.headers->find(name.id, name.text);
    napi_value& value = values_[value_count_];
    texts_[value_count_] = {};
    if (found == nullptr) {
      value = self_;
    } else if (found->value.size() > kLong) {
      napi_get_null(env_, &value);
    } else {
      value = string(env_, found->value);
      texts_[value_count_] = found->value;
    }
  }
}

std::string_view ScriptHost::writtenText(const HeadFrame::Write& write, base::Arena& arena) const {
  if (write.kind == HeadFrame::kSetValue || write.kind == HeadFrame::kAppendValue) {
    return write.at < value_count_ ? texts_[write.at] : std::string_view();  // the stream's own, as long as it lives
  }
  if (write.length > HeadFrame::kText - write.at) return {};
  return arena.copy({frame_.text + write.at, write.length});
}

void ScriptHost::applyWrites() {
  uint32_t entry = UINT32_MAX;
  http::HeaderMap* map = nullptr;
  for (; taken_ < HeadFrame::kWrites && frame_.write[taken_].kind != HeadFrame::kNone; ++taken_) {
    const HeadFrame::Write write = frame_.write[taken_];
    frame_.write[taken_].kind = HeadFrame::kNone;
    if (write.entry != entry) {
      entry = write.entry;
      // Its stream may have ended while another's hook ran.
      map = entry < runs_.size() && filter(runs_[entry].handle) != nullptr ? runs_[entry].headers : nullptr;
    }
    const script::HeaderName* name = names().at(write.name);
    if (map == nullptr || name == nullptr) continue;
    switch (write.kind) {
      case HeadFrame::kDelete: map->remove(name->text); break;
      case HeadFrame::kAppendText:
      case HeadFrame::kAppendValue: map->add({name->text, writtenText(write, map->arena()), nullptr, name->id}); break;
      default: map->set(name->id, name->text, writtenText(write, map->arena())); break;
    }
  }
}

void ScriptHost::wantEndOfTurn() {
  if (!loop::TurnTask::linked()) worker_.loop().atEndOfTurn(*this);
}

void ScriptHost::openScope() {
  if (napi_open_handle_scope(env_, &turn_handles_) != napi_ok) return;
  napi_value resource = nullptr;
  napi_get_reference_value(env_, resource_, &resource);
  if (napi_open_callback_scope(env_, resource, context_, &scope_) != napi_ok) scope_ = nullptr;
  napi_get_reference_value(env_, dispatch_, &function_);
  napi_get_reference_value(env_, heads_, &heads_function_);
  napi_get_undefined(env_, &self_);
  touched();
}

void ScriptHost::touched() {
  if (!ending_) wantEndOfTurn();
}

/** Promises settle here, after the hooks that waited for the end of the turn: hooks that waited for them go on, and may call others. */
void ScriptHost::onEndOfTurn() {
  ending_ = true;
  worker_.scripts().flush();
  closeScope();
  ending_ = false;
}

void ScriptHost::closeScope() {
  if (scope_ != nullptr) napi_close_callback_scope(env_, scope_);
  scope_ = nullptr;
  if (turn_handles_ != nullptr) napi_close_handle_scope(env_, turn_handles_);
  turn_handles_ = nullptr;
}

}  // namespace nuncio::binding
