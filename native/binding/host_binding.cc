#include "binding/host_binding.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/function_ref.h"
#include "binding/arguments.h"
#include "upstream/host_tunnel.h"
#include "worker/process.h"

namespace nuncio::binding {
namespace {

/** The members in the slot that the first argument says, as they are in use. */
std::shared_ptr<const upstream::EndpointsPart> membersInUse(const Napi::CallbackInfo& info) {
  return std::static_pointer_cast<const upstream::EndpointsPart>(
      currentProcess()->store().current()->at(snapshot::Kind::kEndpoints, numberAt(info, 0)));
}

/** setHostFlags(planId, first, flags): of active checks, of the hosts of an endpoints plan from `first` on; false when the plan is not known. */
Napi::Value setHostFlags(const Napi::CallbackInfo& info) {
  using namespace upstream::host_flag;
  const auto part = std::static_pointer_cast<const upstream::EndpointsPart>(
      currentProcess()->store().find(snapshot::Kind::kEndpoints, textAt(info, 0)));
  const size_t first = numberAt(info, 1);
  if (info.Length() < 3 || !info[2].IsTypedArray()) return fail(info.Env(), "setHostFlags: expected an array of flags");
  const auto flags = info[2].As<Napi::Uint32Array>();
  if (part == nullptr) return Napi::Boolean::New(info.Env(), false);
  for (size_t i = 0; i < flags.ElementLength() && first + i < part->members.size(); ++i) {
    upstream::Host& host = *part->members[first + i].host;
    const uint32_t before = host.flags.load(std::memory_order_relaxed);  // main alone writes them
    host.flags.store((before & kOfOutlierDetection) | (flags[i] & ~kOfOutlierDetection), std::memory_order_relaxed);
    const bool is_back = (before & kFailedActiveCheck) != 0 && (flags[i] & kFailedActiveCheck) == 0;
    if (is_back) host.serving_since_ns.store(base::monotonicNs(), std::memory_order_relaxed);
  }
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value refreshCluster(const Napi::CallbackInfo& info) {
  currentProcess()->refreshCluster(numberAt(info, 0));
  return info.Env().Undefined();
}

/** hostOutcomes(slot): five numbers for each member in use: its id, answers, good ones, attempts, good ones. */
Napi::Value hostOutcomes(const Napi::CallbackInfo& info) {
  const auto part = membersInUse(info);
  const size_t count = part == nullptr ? 0 : part->members.size();
  auto out = Napi::Float64Array::New(info.Env(), 5 * count);
  for (size_t i = 0; i < count; ++i) {
    uint64_t sums[4] = {};
    for (const upstream::HostCounters& counters : part->members[i].host->counters) {
      sums[0] += counters.answers.get();
      sums[1] += counters.good_answers.get();
      sums[2] += counters.attempts.get();
      sums[3] += counters.good_attempts.get();
    }
    out[5 * i] = static_cast<double>(part->members[i].host->id);
    for (size_t k = 0; k < 4; ++k) out[5 * i + 1 + k] = static_cast<double>(sums[k]);
  }
  return out;
}

/** memberAt(slot, index): {address, hostname} of a member in use; undefined: there is none. */
Napi::Value memberAt(const Napi::CallbackInfo& info) {
  const auto part = membersInUse(info);
  const size_t index = numberAt(info, 1);
  if (part == nullptr || index >= part->members.size()) return info.Env().Undefined();
  const upstream::Host& host = *part->members[index].host;
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("address", std::string(host.address.text()));
  out.Set("hostname", host.hostname);
  return out;
}

/** Calls with each member in use whose id is among those of the second argument. */
void forEachOf(const Napi::CallbackInfo& info, base::FunctionRef<void(upstream::Host&)> visit) {
  const auto part = membersInUse(info);
  if (part == nullptr || info.Length() < 2 || !info[1].IsTypedArray()) return;
  const auto ids = info[1].As<Napi::Float64Array>();
  std::vector<uint64_t> wanted;
  for (size_t i = 0; i < ids.ElementLength(); ++i) wanted.push_back(static_cast<uint64_t>(ids[i]));
  std::sort(wanted.begin(), wanted.end());
  for (const upstream::Member& member : part->members) {
    if (std::binary_search(wanted.begin(), wanted.end(), member.host->id)) visit(*member.host);
  }
}

/** markHosts(slot, ids, flags, set): flags of outlier detection of members in use; how many have others than before. */
Napi::Value markHosts(const Napi::CallbackInfo& info) {
  const uint32_t flags = numberAt(info, 2) & upstream::host_flag::kOfOutlierDetection;
  const bool set = flagAt(info, 3);
  uint32_t changed = 0;
  forEachOf(info, [&](upstream::Host& host) {
    const uint32_t before = host.flags.load(std::memory_order_relaxed);  // main alone writes them
    const uint32_t after = set ? before | flags : before & ~flags;
    if (after == before) return;
    host.flags.store(after, std::memory_order_relaxed);
    ++changed;
  });
  return Napi::Number::New(info.Env(), changed);
}

/** endErrorRuns(slot, ids, which): of members in use; "server", "gateway", "local" or "all". */
Napi::Value endErrorRuns(const Napi::CallbackInfo& info) {
  const std::string which = textAt(info, 2);
  forEachOf(info, [&](upstream::Host& host) {
    if (which == "all" || which == "server") host.runs.server.store(0, std::memory_order_relaxed);
    if (which == "all" || which == "gateway") host.runs.gateway.store(0, std::memory_order_relaxed);
    if (which == "all" || which == "local") host.runs.local.store(0, std::memory_order_relaxed);
  });
  return info.Env().Undefined();
}

/** openTunnel({clusterPlanId, clusterSlot, address, port, hostname, transportSocket, alpn, announces}): a descriptor, or why there is none. */
Napi::Value openTunnel(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsObject()) return fail(info.Env(), "openTunnel: expected a target");
  const auto wanted = info[0].As<Napi::Object>();
  const auto text = [&](const char* key) {
    const Napi::Value value = wanted.Get(key);
    return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  };
  const auto no = [&](const char* why) -> Napi::Value { return Napi::String::New(info.Env(), why); };
  upstream::TunnelTarget target;
  target.slot = static_cast<uint32_t>(numberOf(wanted, "clusterSlot", 0));
  target.cluster = std::static_pointer_cast<const upstream::ClusterPart>(
      currentProcess()->store().find(snapshot::Kind::kCluster, text("clusterPlanId")));
  if (target.cluster == nullptr) return no("the cluster is gone");
  const auto port = static_cast<uint16_t>(numberOf(wanted, "port", 0));
  const std::string ip = text("address");
  if (ip.starts_with('/') || ip.starts_with('@')) {
    target.address = net::Address::unixPath(ip);
  } else if (!net::Address::parseIp(ip, port, target.address)) {
    return no("not an address");
  }
  target.hostname = text("hostname");
  target.transport_socket = static_cast<uint32_t>(numberOf(wanted, "transportSocket", 0));
  if (wanted.Get("alpn").IsArray()) {
    const auto alpn = wanted.Get("alpn").As<Napi::Array>();
    for (uint32_t i = 0; i < alpn.Length(); ++i) target.alpn.push_back(alpn.Get(i).ToString().Utf8Value());
  }
  target.announces = wanted.Get("announces").ToBoolean().Value();
  const int fd = currentProcess()->openTunnel(target);
  if (fd < 0) return no("no socket to be had");
  return Napi::Number::New(info.Env(), fd);
}

constexpr const char* kNews[] = {"server-errors", "gateway-errors", "local-errors", "immediate-failure"};

struct News {
  upstream::HostNews what;
  std::string cluster;
  std::string address;
  std::string hostname;
  uint64_t id;
};

/** onHostNews(callback): it is called with (what, cluster, address, hostname, id); more than main takes is lost. */
Napi::Value onHostNews(const Napi::CallbackInfo& info) {
  constexpr size_t kQueued = 1024;
  if (info.Length() < 1 || !info[0].IsFunction()) return fail(info.Env(), "onHostNews: expected a function");
  auto tell = Napi::ThreadSafeFunction::New(info.Env(), info[0].As<Napi::Function>(), "onHostNews", kQueued, 1);
  tell.Unref(info.Env());
  currentProcess()->setHostNewsHandler([tell](upstream::HostNews what, std::string_view cluster, const upstream::Host& host) {
    auto news = std::make_unique<News>(News{what, std::string(cluster), std::string(host.address.text()), host.hostname, host.id});
    const auto call = [](Napi::Env env, Napi::Function callback, News* data) {
      const std::unique_ptr<News> owned(data);
      callback.Call({Napi::String::New(env, kNews[static_cast<size_t>(owned->what)]), Napi::String::New(env, owned->cluster),
                     Napi::String::New(env, owned->address), Napi::String::New(env, owned->hostname),
                     Napi::Number::New(env, static_cast<double>(owned->id))});
    };
    if (tell.NonBlockingCall(news.get(), call) != napi_ok) return false;
    news.release();
    return true;
  });
  return info.Env().Undefined();
}

}  // namespace

void exportHosts(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, call, name));
  };
  add("setHostFlags", setHostFlags);
  add("refreshCluster", refreshCluster);
  add("hostOutcomes", hostOutcomes);
  add("memberAt", memberAt);
  add("markHosts", markHosts);
  add("endErrorRuns", endErrorRuns);
  add("openTunnel", openTunnel);
  add("onHostNews", onHostNews);
}

}  // namespace nuncio::binding
