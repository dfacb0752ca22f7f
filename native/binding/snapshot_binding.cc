#include "binding/snapshot_binding.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/regex.h"
#include "binding/arguments.h"
#include "worker/process.h"

namespace nuncio::binding {
namespace {

using PartKind = snapshot::Kind;

std::optional<PartKind> kindOf(const std::string& text) {
  static constexpr std::string_view kNames[] = {"listener", "route-table", "cluster",       "endpoints",       "runtime",
                                                 "secret",   "script",      "scoped-routes", "extension-config"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == text) return static_cast<PartKind>(i);
  }
  return std::nullopt;
}

Napi::Value putPlan(const Napi::CallbackInfo& info) {
  const auto kind = kindOf(textAt(info, 0));
  if (!kind || currentProcess() == nullptr) return fail(info.Env(), "putPlan: unknown kind, or init() was not called");
  return errorOrNothing(info.Env(), currentProcess()->putPlan(*kind, textAt(info, 1), textAt(info, 2), bytesAt(info, 3)));
}

Napi::Value openListener(const Napi::CallbackInfo& info) {
  const uint32_t slot = numberAt(info, 0);
  const std::string id = textAt(info, 1);
  auto opened = currentProcess()->openListener(slot, id);
  if (!opened.ok()) return Napi::String::New(info.Env(), opened.error());
  const auto part = std::static_pointer_cast<const ListenerPart>(currentProcess()->store().find(PartKind::kListener, id));
  Napi::Object result = Napi::Object::New(info.Env());
  Napi::Array addresses = Napi::Array::New(info.Env());
  for (const net::BoundSocketPtr& socket : opened.value()) {
    addresses.Set(addresses.Length(), std::string(socket->address.text()));
  }
  if (!part->plan.bind_to_port) {
    for (const plan::Address& address : part->plan.addresses) {
      if (auto made = upstream::toAddress(address); made.ok()) addresses.Set(addresses.Length(), std::string(made.value().text()));
    }
  }
  if (part->plan.internal) addresses.Set(0u, std::string(net::Address::internal(part->plan.name, {}).text()));
  result.Set("addresses", addresses);
  result.Set("statName", statNameOf(part->plan, opened.value()));
  return result;
}

Napi::Value abandonListeners(const Napi::CallbackInfo& info) {
  currentProcess()->abandonListeners();
  return info.Env().Undefined();
}

Napi::Value commit(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsArray()) return fail(info.Env(), "commit: expected an array of changes");
  const auto array = info[0].As<Napi::Array>();
  std::vector<snapshot::Change> changes;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto change = array.Get(i).As<Napi::Object>();
    const auto kind = kindOf(change.Get("kind").ToString().Utf8Value());
    if (!kind) return fail(info.Env(), "commit: unknown kind");
    changes.push_back({*kind, change.Get("slot").ToNumber().Uint32Value(), change.Get("id").ToString().Utf8Value()});
  }
  return errorOrNothing(info.Env(), currentProcess()->commit(changes));
}

Napi::Value adoptedVersions(const Napi::CallbackInfo& info) {
  Napi::Array versions = Napi::Array::New(info.Env());
  Process& process = *currentProcess();
  for (uint32_t i = 0; i < process.workerCount(); ++i) {
    versions.Set(i, static_cast<double>(process.worker(i).adoptedVersion()));
  }
  return versions;
}

Napi::Value version(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(currentProcess()->store().current()->version));
}

Napi::Value checkRegex(const Napi::CallbackInfo& info) {
  const auto regex = base::Regex::make(textAt(info, 0));
  return errorOrNothing(info.Env(), regex.ok() ? std::string() : regex.error());
}

constexpr std::string_view kDemandNames[] = {"virtual-host", "scope", "cluster"};
constexpr std::string_view kDemandEnds[] = {"came", "missing", "timeout"};

/** onDemand(callback): it is called with (kind, slot, name); asking for more than main takes is as if there were nothing. */
Napi::Value onDemand(const Napi::CallbackInfo& info) {
  constexpr size_t kQueued = 1024;
  if (info.Length() < 1 || !info[0].IsFunction()) return fail(info.Env(), "onDemand: expected a function");
  auto tell = Napi::ThreadSafeFunction::New(info.Env(), info[0].As<Napi::Function>(), "onDemand", kQueued, 1);
  tell.Unref(info.Env());
  currentProcess()->setDemandHandler([tell](const http_proxy::DemandKey& key) {
    auto wanted = std::make_unique<http_proxy::DemandKey>(key);
    const auto call = [](Napi::Env env, Napi::Function callback, http_proxy::DemandKey* data) {
      const std::unique_ptr<http_proxy::DemandKey> owned(data);
      callback.Call({Napi::String::New(env, std::string(kDemandNames[static_cast<size_t>(owned->kind)])),
                     Napi::Number::New(env, owned->slot), Napi::String::New(env, owned->name)});
    };
    if (tell.NonBlockingCall(wanted.get(), call) != napi_ok) return false;
    wanted.release();
    return true;
  });
  return info.Env().Undefined();
}

Napi::Value settleDemand(const Napi::CallbackInfo& info) {
  const auto kind = std::find(std::begin(kDemandNames), std::end(kDemandNames), textAt(info, 0));
  const auto end = std::find(std::begin(kDemandEnds), std::end(kDemandEnds), textAt(info, 3));
  if (kind == std::end(kDemandNames) || end == std::end(kDemandEnds)) return fail(info.Env(), "settleDemand: unknown kind or end");
  currentProcess()->settleDemand({static_cast<http_proxy::DemandKind>(kind - kDemandNames), numberAt(info, 1), textAt(info, 2)},
                                 static_cast<http_proxy::DemandEnd>(end - kDemandEnds));
  return info.Env().Undefined();
}

}  // namespace

void exportSnapshots(Napi::Env env, Napi::Object exports) {
  exports.Set("putPlan", Napi::Function::New(env, putPlan, "putPlan"));
  exports.Set("openListener", Napi::Function::New(env, openListener, "openListener"));
  exports.Set("abandonListeners", Napi::Function::New(env, abandonListeners, "abandonListeners"));
  exports.Set("commit", Napi::Function::New(env, commit, "commit"));
  exports.Set("adoptedVersions", Napi::Function::New(env, adoptedVersions, "adoptedVersions"));
  exports.Set("version", Napi::Function::New(env, version, "version"));
  exports.Set("onDemand", Napi::Function::New(env, onDemand, "onDemand"));
  exports.Set("settleDemand", Napi::Function::New(env, settleDemand, "settleDemand"));
  exports.Set("checkRegex", Napi::Function::New(env, checkRegex, "checkRegex"));
}

}  // namespace nuncio::binding
