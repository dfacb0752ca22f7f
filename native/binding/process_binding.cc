#include "binding/process_binding.h"

#include <malloc.h>
#include <signal.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/notes.h"
#include "binding/arguments.h"
#include "node_abi/brotli.h"
#include "node_abi/llhttp.h"
#include "node_abi/zstd.h"
#include "stats/registry.h"
#include "upstream/breaker_stats.h"
#include "worker/process.h"

namespace nuncio::binding {
namespace {

Napi::Value init(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsObject()) return fail(info.Env(), "init: expected options");
  if (currentProcess() != nullptr) return fail(info.Env(), "init: called twice");
  const auto options = info[0].As<Napi::Object>();
  ProcessOptions process;
  process.workers = static_cast<size_t>(numberOf(options, "workers", 1));
  process.writer.lanes = static_cast<uint32_t>(process.workers);
  process.writer.flush_interval_ms = static_cast<uint32_t>(numberOf(options, "fileFlushIntervalMs", 10'000));
  process.writer.flush_size = static_cast<uint64_t>(numberOf(options, "fileFlushMinSizeKb", 64)) << 10;
  process.drain.drain_ms = static_cast<int64_t>(numberOf(options, "drainTimeMs", 600'000));
  process.drain.gradual = options.Get("drainGradual").ToBoolean().Value();
  signal(SIGPIPE, SIG_IGN);
  setCurrentProcess(std::make_unique<Process>(process, stats::processRegistry()));
  return info.Env().Undefined();
}

std::string selfTestText() {
  for (const char* problem : {node_abi::selfTestLlhttp(), node_abi::brotli::selfTest(), node_abi::zstd::selfTest()}) {
    if (problem != nullptr) return problem;
  }
  return {};
}

Napi::Value selfTest(const Napi::CallbackInfo& info) { return errorOrNothing(info.Env(), selfTestText()); }

bool inboundOnly(const Napi::CallbackInfo& info) { return textAt(info, 0) == "inbound"; }

Napi::Value stopListeners(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(currentProcess()->stopListeners(inboundOnly(info))));
}

Napi::Value drainListeners(const Napi::CallbackInfo& info) {
  Process& process = *currentProcess();
  if (!inboundOnly(info)) process.drain().begin(base::monotonicNs());
  process.drainListeners(inboundOnly(info));
  return info.Env().Undefined();
}

Napi::Value setHealthFailed(const Napi::CallbackInfo& info) {
  currentProcess()->drain().setHealthFailed(flagAt(info, 0));
  return info.Env().Undefined();
}

Napi::Value setConnectionLimit(const Napi::CallbackInfo& info) {
  const bool limited = info.Length() > 0 && info[0].IsNumber();
  currentProcess()->setConnectionLimit(limited ? static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()) : UINT64_MAX);
  return info.Env().Undefined();
}

Napi::Value reopenAccessLogs(const Napi::CallbackInfo& info) {
  currentProcess()->writers().reopenAll();
  return info.Env().Undefined();
}

Napi::Value flushAccessLogs(const Napi::CallbackInfo& info) {
  currentProcess()->writers().flushAll();
  return info.Env().Undefined();
}

Napi::Value fileStats(const Napi::CallbackInfo& info) {
  const access_log::FileStats stats = currentProcess()->writers().stats();
  Napi::Object out = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, uint64_t value) { out.Set(name, static_cast<double>(value)); };
  set("write_buffered", stats.write_buffered);
  set("write_completed", stats.write_completed);
  set("write_failed", stats.write_failed);
  set("flushed_by_timer", stats.flushed_by_timer);
  set("reopen_failed", stats.reopen_failed);
  set("write_total_buffered", stats.write_total_buffered);
  return out;
}

Napi::Value accessLogStreamStats(const Napi::CallbackInfo& info) {
  const access_log::FileStats stats = currentProcess()->writers().streamStats();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("logs_written", static_cast<double>(stats.write_buffered));
  out.Set("logs_dropped", static_cast<double>(stats.dropped_lines));
  return out;
}

Napi::Value takeAccessLogStreams(const Napi::CallbackInfo& info) {
  access_log::FileWriters& writers = currentProcess()->writers();
  writers.closeUnused();
  Napi::Array out = Napi::Array::New(info.Env());
  for (const access_log::FileWriters::Stream& stream : writers.takeStreams()) {
    Napi::Object each = Napi::Object::New(info.Env());
    each.Set("name", stream.name);
    each.Set("config", Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<const uint8_t*>(stream.config.data()),
                                                   stream.config.size()));
    each.Set("isTcp", stream.tcp);
    each.Set("fd", stream.fd);
    out.Set(out.Length(), each);
  }
  return out;
}

Napi::Object hostObject(Napi::Env env, const upstream::Host& host) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("address", std::string(host.address.text()));
  out.Set("hostname", host.hostname);
  const auto sum = [&](const char* name, upstream::Cell upstream::HostCounters::*cell) {
    uint64_t total = 0;
    for (const upstream::HostCounters& counters : host.counters) total += (counters.*cell).get();
    out.Set(name, static_cast<double>(total));
  };
  sum("cxTotal", &upstream::HostCounters::cx_total);
  sum("cxActive", &upstream::HostCounters::cx_active);
  sum("cxConnectFail", &upstream::HostCounters::cx_connect_fail);
  sum("rqTotal", &upstream::HostCounters::rq_total);
  sum("rqActive", &upstream::HostCounters::rq_active);
  sum("rqPendingActive", &upstream::HostCounters::rq_pending);
  sum("rqSuccess", &upstream::HostCounters::rq_success);
  sum("rqError", &upstream::HostCounters::rq_error);
  sum("rqTimeout", &upstream::HostCounters::rq_timeout);
  return out;
}

Napi::Value hostStats(const Napi::CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  const snapshot::SnapshotPtr snapshot = currentProcess()->store().current();
  const auto part =
      std::static_pointer_cast<const upstream::EndpointsPart>(snapshot->at(snapshot::Kind::kEndpoints, numberAt(info, 0)));
  if (part == nullptr) return out;
  for (const upstream::Member& member : part->members) out.Set(out.Length(), hostObject(info.Env(), *member.host));
  return out;
}

Napi::Value publishBreakers(const Napi::CallbackInfo& info) {
  Process& process = *currentProcess();
  const snapshot::SnapshotPtr snapshot = process.store().current();
  const auto* runtime = static_cast<const snapshot::RuntimePart*>(snapshot->at(snapshot::Kind::kRuntime, 0).get());
  snapshot->of(snapshot::Kind::kCluster).forEach([&](uint32_t, const snapshot::PartPtr& part) {
    upstream::publishBreakers(static_cast<const upstream::ClusterPart&>(*part), runtime, process.statistics());
  });
  return info.Env().Undefined();
}

Napi::Value memory(const Napi::CallbackInfo& info) {
  const struct mallinfo2 heap = mallinfo2();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("allocated", static_cast<double>(heap.uordblks + heap.hblkhd));
  out.Set("heapSize", static_cast<double>(heap.arena + heap.hblkhd));
  return out;
}

Napi::Value connectionCount(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(currentProcess()->connections()));
}

Napi::Value takeNotes(const Napi::CallbackInfo& info) {
  const std::vector<std::string> texts = base::Notes::process().take();
  Napi::Array out = Napi::Array::New(info.Env(), texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) out.Set(i, Napi::String::New(info.Env(), texts[i]));
  return out;
}

}  // namespace

void exportProcess(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, call, name));
  };
  add("init", init);
  add("selfTest", selfTest);
  add("stopListeners", stopListeners);
  add("drainListeners", drainListeners);
  add("setHealthFailed", setHealthFailed);
  add("reopenAccessLogs", reopenAccessLogs);
  add("flushAccessLogs", flushAccessLogs);
  add("setConnectionLimit", setConnectionLimit);
  add("fileStats", fileStats);
  add("accessLogStreamStats", accessLogStreamStats);
  add("takeAccessLogStreams", takeAccessLogStreams);
  add("hostStats", hostStats);
  add("publishBreakers", publishBreakers);
  add("memory", memory);
  add("connectionCount", connectionCount);
  add("takeNotes", takeNotes);
}

}  // namespace nuncio::binding
