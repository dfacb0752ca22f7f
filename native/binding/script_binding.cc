#include "binding/script_binding.h"

#include <array>
#include <string>

#include "base/ascii.h"
#include "binding/arguments.h"
#include "binding/script_arguments.h"
#include "binding/script_calls.h"
#include "binding/script_connections.h"
#include "binding/script_headers.h"
#include "binding/script_tools.h"
#include "http/dynamic_metadata.h"
#include "script/http_filter.h"
#include "script/script_settings.h"
#include "worker/process.h"

namespace nuncio::binding {
namespace {

// ---------------------------------------------------------------- facts

/** Who a certificate names: the first URI, else the first DNS name, else the subject. */
std::string_view principal(const net::TlsInfo* tls, net::TlsInfo::Side side) {
  if (tls == nullptr) return {};
  for (const auto kind : {net::TlsInfo::San::kUri, net::TlsInfo::San::kDns}) {
    if (const auto names = tls->sans(side, kind); !names.empty()) return names.front();
  }
  return tls->subject(side);
}

napi_value streamText(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const http::StreamInfo& facts = filter->stream().info();
  const routing::Route* route = nullptr;
  switch (arguments.number(1)) {
    case 0: return string(env, http::protocolName(facts.protocol));
    case 1: return string(env, facts.remote.text());
    case 2: return string(env, facts.downstream->local.text());
    case 3:
      route = filter->stream().route();
      return string(env, route == nullptr ? std::string_view() : std::string_view(route->name));
    case 4:
      route = filter->stream().route();
      if (facts.cluster_name.data() != nullptr) return string(env, facts.cluster_name);
      if (route == nullptr || route->cluster == nullptr) return string(env, {});
      return string(env, route->cluster->cluster.nameFor(filter->stream().requestHeaders()));
    case 5: return string(env, facts.upstream_host == nullptr ? std::string_view() : facts.upstream_host->text());
    case 6: return string(env, facts.response_code_details);
    case 7: return string(env, joinedFlags(facts.flags));
    case 8: return string(env, facts.downstream->requestedServerName());
    case 13: return string(env, facts.downstream->remote.text());
    case 14: return string(env, facts.downstream->tls == nullptr ? std::string_view() : facts.downstream->tls->urlEncodedPem(net::TlsInfo::Side::kPeer));
    case 15: return string(env, principal(facts.downstream->tls, net::TlsInfo::Side::kPeer));
    case 16: return string(env, principal(facts.downstream->tls, net::TlsInfo::Side::kLocal));
    case 17:
      route = filter->stream().route();
      return string(env, route == nullptr ? std::string_view() : std::string_view(route->metadata_json));
    default: return string(env, facts.request_id);
  }
}

napi_value streamNumber(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const http::StreamInfo& facts = filter->stream().info();
  double value = 0;
  switch (arguments.number(1)) {
    case 9: value = facts.response_code; break;
    case 10: value = static_cast<double>(facts.bytes_received); break;
    case 11: value = static_cast<double>(facts.bytes_sent); break;
    default: value = static_cast<double>(base::monotonicNs() - facts.at.start) / 1e6; break;
  }
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

// ---------------------------------------------------------------- deciding

napi_value streamReply(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  base::Arena& arena = filter->stream().arena();
  Room room;
  std::string spill;
  http_proxy::LocalReply reply{.status = static_cast<uint16_t>(arguments.number(1)), .details = "typescript_filter_reply"};
  reply.body = arena.copy(arguments.bytesOrText(2, room, spill));
  uint32_t count = 0;
  napi_get_array_length(env, arguments[3], &count);
  auto* headers = arena.array<http::Header>(count / 2);
  for (uint32_t i = 0; i + 1 < count; i += 2) {
    napi_value pair[2];
    napi_get_element(env, arguments[3], i, &pair[0]);
    napi_get_element(env, arguments[3], i + 1, &pair[1]);
    std::string texts[2];
    for (int j = 0; j < 2; ++j) {
      size_t size = 0;
      if (napi_get_value_string_utf8(env, pair[j], nullptr, 0, &size) != napi_ok) size = 0;
      texts[j].resize(size + 1);
      napi_get_value_string_utf8(env, pair[j], texts[j].data(), texts[j].size(), &size);
      texts[j].resize(size);
    }
    for (char& c : texts[0]) c = base::toLower(c);
    if (!isFieldName(texts[0]) || !isFieldValue(texts[1])) {
      napi_throw_type_error(env, "ERR_NUNCIO_HEADER", ("reply(): '" + texts[0] + "' cannot be sent as a header").c_str());
      return nullptr;
    }
    const std::string_view name = arena.copy(texts[0]);
    headers[i / 2] = {name, arena.copy(texts[1]), nullptr, http::headerId(name)};
  }
  Room details_room;
  std::string details_spill;
  if (const std::string_view details = arguments.text(4, details_room, details_spill); !details.empty()) {
    reply.details = arena.copy(details);
  }
  reply.headers = {headers, count / 2};
  filter->leaveReply(reply);
  return undefined(env);
}

napi_value streamResume(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  HttpFilter* filter = host == nullptr ? nullptr : host->filter(arguments.number(0));
  if (filter == nullptr) return undefined(env);  // its stream ended meanwhile
  const ScriptHost::FromJavaScript scope(*host);
  filter->settle(static_cast<script::Stage>(arguments.number(1)), static_cast<script::Outcome>(arguments.number(2)));
  return undefined(env);
}

napi_value streamRefreshRoute(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  if (HttpFilter* filter = arguments.filter()) filter->stream().refreshRoute();
  return undefined(env);
}

napi_value streamWatch(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  if (HttpFilter* filter = arguments.filter()) filter->watch();
  return undefined(env);
}

/** streamFlag(handle, flag): what it will be seen to have ended for; numbers of http::ResponseFlag. */
napi_value streamFlag(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const uint32_t flag = arguments.number(1);
  HttpFilter* filter = arguments.filter();
  if (filter != nullptr && flag < static_cast<uint32_t>(http::ResponseFlag::kCount)) {
    filter->stream().info().flags.add(static_cast<http::ResponseFlag>(flag));
  }
  return undefined(env);
}

/** routeLevels(handle): number, text, number, text … of the settings of all levels, outer first. */
napi_value routeLevels(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  napi_value array = nullptr;
  napi_create_array(env, &array);
  uint32_t at = 0;
  filter->stream().eachRouteSettings<script::ScriptSettings>([&](const script::ScriptSettings& settings) {
    napi_set_element(env, array, at++, string(env, std::to_string(settings.number)));
    napi_set_element(env, array, at++, string(env, settings.json));
  });
  return array;
}

/** clusterCharge(handle, status): counts an answer of the proxy's own as one (an internal one) of the cluster that the request would go to. */
napi_value clusterCharge(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  upstream::ClusterRuntime* cluster = filter == nullptr ? nullptr : filter->stream().cluster();
  const uint32_t status = arguments.number(1);
  if (cluster != nullptr && status != 0) {
    cluster->stats().response(status);
    cluster->responses(upstream::ResponseGroup::kInternal).response(status);
  }
  napi_value result = nullptr;
  napi_get_boolean(env, cluster != nullptr, &result);
  return result;
}

// ---------------------------------------------------------------- bodies

napi_value scriptChunk(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  if (HttpFilter* filter = arguments.filter()) filter->leaveChunk(arguments.bytesOrText(1, room, spill));
  return undefined(env);
}

napi_value bodyBuffer(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const auto body = filter->bufferBody(arguments.flag(1), static_cast<uint64_t>(arguments.real(2)), arguments.flag(3));
  if (!body) return undefined(env);
  void* bytes = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  napi_create_arraybuffer(env, body->size(), &bytes, &buffer);
  body->copy(static_cast<char*>(bytes), body->size());
  napi_create_typedarray(env, napi_uint8_array, body->size(), buffer, 0, &array);
  return array;
}

napi_value bodyAppend(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  if (HttpFilter* filter = arguments.filter()) filter->appendBody(arguments.flag(1), arguments.bytesOrText(2, room, spill));
  return undefined(env);
}

napi_value bodyIsComplete(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  napi_value result = nullptr;
  napi_get_boolean(env, filter->bodyComplete(arguments.flag(1)), &result);
  return result;
}

napi_value bodyLimit(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(filter->bodyLimit(arguments.flag(1))), &result);
  return result;
}

napi_value bodyReplace(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  if (HttpFilter* filter = arguments.filter()) filter->replaceBody(arguments.flag(1), arguments.bytesOrText(2, room, spill));
  return undefined(env);
}

// ---------------------------------------------------------------- metadata and settings

napi_value metadataGet(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  Room rooms[2];
  std::string spills[2];
  const std::string path[2] = {std::string(arguments.text(1, rooms[0], spills[0])),
                               std::string(arguments.text(2, rooms[1], spills[1]))};
  // Without a key: the whole namespace.
  const http::MetadataValue* value = filter->stream().dynamicMetadata().find(std::span(path).first(path[1].empty() ? 1 : 2));
  if (value == nullptr) return undefined(env);
  base::TextBuffer text;
  value->writeJson(text);
  return string(env, text.view());
}

napi_value metadataSet(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  Room rooms[3];
  std::string spills[3];
  const std::string_view space = arguments.text(1, rooms[0], spills[0]);
  const std::string_view key = arguments.text(2, rooms[1], spills[1]);
  const std::string_view json = arguments.text(3, rooms[2], spills[2]);
  http::DynamicMetadata& metadata = filter->stream().dynamicMetadata();
  http::MetadataValue value;
  if (http::parseMetadata(json, metadata.arena(), value)) metadata.set(space, key, value);
  return undefined(env);
}

napi_value routeSettings(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const auto* settings = filter->stream().routeSettings<script::ScriptSettings>();
  napi_value result = nullptr;
  napi_create_double(env, settings == nullptr ? 0 : static_cast<double>(settings->number), &result);
  return result;
}

napi_value routeSettingsText(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  HttpFilter* filter = arguments.filter();
  if (filter == nullptr) return nullptr;
  const auto* settings = filter->stream().routeSettings<script::ScriptSettings>();
  return string(env, settings == nullptr ? std::string_view("null") : std::string_view(settings->json));
}

// ---------------------------------------------------------------- statistics and shared cells

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

/** The number of a thing among those opened, which it joins when it is new. */
template <class List, class Same>
double numbered(List& list, const typename List::value_type& thing, Same&& same) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (same(list[i])) return static_cast<double>(i);
  }
  list.push_back(thing);
  return static_cast<double>(list.size() - 1);
}

napi_value statOpen(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  Room rooms[2];
  std::string spills[2];
  const std::string_view kind = arguments.text(0, rooms[0], spills[0]);
  const std::string_view name = arguments.text(1, rooms[1], spills[1]);
  stats::WorkerStats& worker = host->worker().context().stats;
  ScriptHost::Stat stat{nullptr, 'h'};
  if (kind == "counter") {
    stat = {worker.scope<stats::NamedCounter>(name).scope(), 'c'};
  } else if (kind == "gauge") {
    stat = {worker.scope<stats::NamedGauge>(name).scope(), 'g'};
  } else if (kind == "time") {
    stat.scope = worker.scope<stats::NamedTime>(name).scope();
  } else {
    stat.scope = worker.scope<stats::NamedHistogram>(name).scope();
  }
  return number(env, numbered(host->stats, stat, [&](const ScriptHost::Stat& other) { return other.scope == stat.scope; }));
}

napi_value statAdd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  const uint32_t at = arguments.number(0);
  if (host == nullptr || at >= host->stats.size()) return undefined(env);
  const ScriptHost::Stat& stat = host->stats[at];
  const double by = arguments.real(1);
  if (stat.kind == 'c' && by > 0) {
    stats::ScopeRef<stats::NamedCounter>(stat.scope).inc(stats::NamedCounterStat::value, static_cast<uint64_t>(by));
  } else if (stat.kind == 'g') {
    stats::ScopeRef<stats::NamedGauge> gauge(stat.scope);
    by < 0 ? gauge.dec(stats::NamedGaugeStat::value, static_cast<uint64_t>(-by))
           : gauge.inc(stats::NamedGaugeStat::value, static_cast<uint64_t>(by));
  } else if (stat.kind == 'h' && by >= 0) {
    stat.scope->histogram(0).record(static_cast<uint64_t>(by));
  }
  return undefined(env);
}

napi_value sharedCell(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  Room room;
  std::string spill;
  std::atomic<int64_t>* cell = &currentProcess()->sharedCells().counter(arguments.text(0, room, spill));
  return number(env, numbered(host->cells, cell, [&](const std::atomic<int64_t>* other) { return other == cell; }));
}

napi_value sharedAdd(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  const uint32_t at = arguments.number(0);
  if (host == nullptr || at >= host->cells.size()) return undefined(env);
  const auto by = static_cast<int64_t>(arguments.real(1));
  return number(env, static_cast<double>(host->cells[at]->fetch_add(by, std::memory_order_relaxed) + by));
}

napi_value sharedBucket(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  if (host == nullptr) return undefined(env);
  Room room;
  std::string spill;
  base::TokenBucket& bucket = currentProcess()->sharedCells().bucket(arguments.text(0, room, spill));
  const double per_second = arguments.real(1);
  bucket.configure(arguments.real(2), per_second > 0 ? 1e9 / per_second : base::TokenBucket::kNeverNs);
  return number(env, numbered(host->buckets, &bucket, [&](const base::TokenBucket* other) { return other == &bucket; }));
}

napi_value bucketTake(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ScriptHost* host = arguments.host();
  const uint32_t at = arguments.number(0);
  const bool taken = host != nullptr && at < host->buckets.size() && host->buckets[at]->take(base::monotonicNs(), arguments.real(1));
  napi_value result = nullptr;
  napi_get_boolean(env, taken, &result);
  return result;
}

// ---------------------------------------------------------------- the host

/** Memory that JavaScript shares, as an array buffer. */
napi_value sharedMemory(napi_env env, void* memory, size_t size) {
  napi_value buffer = nullptr;
  napi_create_external_arraybuffer(env, memory, size, nullptr, nullptr, &buffer);
  return buffer;
}

/** scriptHost(index, dispatch, runHeads): joins this environment to a worker. The answer: memory of calls, heads and activity. */
napi_value scriptHost(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Process* process = currentProcess();
  const uint32_t index = arguments.number(0);
  if (process == nullptr || index >= process->workerCount() || arguments.host() != nullptr) {
    napi_throw_error(env, nullptr, "scriptHost: no such worker, or called twice");
    return nullptr;
  }
  arguments.slot().host = std::make_unique<ScriptHost>(env, process->worker(index), arguments[1], arguments[2]);
  ScriptHost& host = *arguments.slot().host;
  napi_value shared = nullptr;
  napi_create_array_with_length(env, 3, &shared);
  napi_set_element(env, shared, 0, sharedMemory(env, &host.call(), sizeof(script::Call)));
  napi_set_element(env, shared, 1, sharedMemory(env, &host.frame(), sizeof(HeadFrame)));
  napi_set_element(env, shared, 2, sharedMemory(env, &host.worker().scripts().activity(), sizeof(script::Activity)));
  return shared;
}

napi_value registerProgram(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  const std::string id(arguments.text(0, room, spill));
  if (ScriptHost* host = arguments.host()) {
    const uint32_t times = arguments.number(3);
    stats::Scope* scope = times < host->stats.size() ? host->stats[times].scope : nullptr;
    host->registerProgram(id, {arguments.number(1), arguments.number(2), scope});
  }
  return undefined(env);
}

napi_value forgetProgram(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  const std::string id(arguments.text(0, room, spill));
  if (ScriptHost* host = arguments.host()) host->forgetProgram(id);
  return undefined(env);
}

/** Main thread: for each worker [calls, slot, stage]; calls is odd while a hook runs, and another number for each hook. */
napi_value scriptActivity(napi_env env, napi_callback_info) {
  napi_value array = nullptr;
  napi_create_array(env, &array);
  Process* process = currentProcess();
  for (uint32_t i = 0; process != nullptr && i < process->workerCount(); ++i) {
    script::Activity& activity = process->worker(i).scripts().activity();
    const uint64_t calls = activity.calls.load(std::memory_order_acquire);
    const uint64_t steps = activity.steps.load(std::memory_order_relaxed);
    napi_set_element(env, array, i * 3, number(env, static_cast<double>(calls + 2 * steps)));
    napi_set_element(env, array, i * 3 + 1, number(env, activity.slot()));
    napi_set_element(env, array, i * 3 + 2, number(env, activity.stage.load(std::memory_order_relaxed)));
  }
  return array;
}

napi_value isProgramUsed(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Room room;
  std::string spill;
  const std::string id(arguments.text(0, room, spill));
  napi_value result = nullptr;
  napi_get_boolean(env, arguments.host() != nullptr && arguments.host()->isProgramUsed(id), &result);
  return result;
}

}  // namespace

void exportScripts(Napi::Env env, Napi::Object exports) {
  static constexpr NativeCall kCalls[] = {
      {"scriptHost", scriptHost},
      {"registerProgram", registerProgram},
      {"forgetProgram", forgetProgram},
      {"isProgramUsed", isProgramUsed},
      {"scriptActivity", scriptActivity},
      {"streamText", streamText},
      {"streamNumber", streamNumber},
      {"streamReply", streamReply},
      {"streamResume", streamResume},
      {"streamRefreshRoute", streamRefreshRoute},
      {"streamWatch", streamWatch},
      {"streamFlag", streamFlag},
      {"clusterCharge", clusterCharge},
      {"routeLevels", routeLevels},
      {"scriptChunk", scriptChunk},
      {"bodyBuffer", bodyBuffer},
      {"bodyAppend", bodyAppend},
      {"bodyIsComplete", bodyIsComplete},
      {"bodyLimit", bodyLimit},
      {"bodyReplace", bodyReplace},
      {"metadataGet", metadataGet},
      {"metadataSet", metadataSet},
      {"routeSettings", routeSettings},
      {"routeSettingsText", routeSettingsText},
      {"statOpen", statOpen},
      {"statAdd", statAdd},
      {"sharedCell", sharedCell},
      {"sharedAdd", sharedAdd},
      {"sharedBucket", sharedBucket},
      {"bucketTake", bucketTake},
  };
  auto* slot = new ScriptSlot;
  napi_set_instance_data(env, slot, [](napi_env, void* data, void*) { delete static_cast<ScriptSlot*>(data); }, nullptr);
  const auto add = [&](const NativeCall& entry) {
    napi_value function = nullptr;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.call, slot, &function);
    napi_set_named_property(env, exports, entry.name, function);
  };
  for (const NativeCall& entry : kCalls) add(entry);
  for (const NativeCall& entry : headerCalls()) add(entry);
  for (const NativeCall& entry : outgoingCalls()) add(entry);
  for (const NativeCall& entry : connectionCalls()) add(entry);
  for (const NativeCall& entry : toolCalls()) add(entry);
}

}  // namespace nuncio::binding
