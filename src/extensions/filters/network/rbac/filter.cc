// envoy.filters.network.rbac: judges a connection by policies when its first bytes come (or with all of them) and closes the
// one that may not go on. Shadow rules only tell what they would have done.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/network_filter_entry.h"
#include "loop/timer_wheel.h"
#include "src/extensions/filters/http/rbac/rules.h"

namespace nuncio::ext {
namespace network_rbac {
namespace {

using nuncio::tcp::ReadFilter;
using nuncio::tcp::ReadFilterHost;
using nuncio::tcp::ReadVerdict;
using rbac_rules::Rules;

/** "a" and "a." are the same beginning of a statistic's name. */
std::string withDot(std::string text) {
  if (!text.empty() && text.back() != '.') text.push_back('.');
  return text;
}

/** White space would split a log line into the wrong fields. */
std::string detailsOf(std::string_view policy) {
  std::string name(policy.empty() ? std::string_view("none") : policy);
  std::replace_if(name.begin(), name.end(), [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }, '_');
  return "rbac_access_denied_matched_policy[" + name + "]";
}

struct Config {
  plan::rbac::Rbac plan;
  std::unique_ptr<const Rules> rules;  // null: everything is allowed
  std::unique_ptr<const Rules> shadow;
};

struct Counters {
  Counters(stats::WorkerStats& stats, const plan::rbac::Rbac& plan)
      : prefix(withDot(plan.stat_prefix) + "rbac."),
        shadow_prefix(prefix + withDot(plan.shadow_stat_prefix)),
        allowed(stats, prefix + "allowed"),
        denied(stats, prefix + "denied"),
        shadow_allowed(stats, shadow_prefix + "shadow_allowed"),
        shadow_denied(stats, shadow_prefix + "shadow_denied") {}
  const std::string prefix;
  const std::string shadow_prefix;
  const http_proxy::FilterCounter allowed;
  const http_proxy::FilterCounter denied;
  const http_proxy::FilterCounter shadow_allowed;
  const http_proxy::FilterCounter shadow_denied;
};

class Runtime final : public nuncio::tcp::ReadFilterRuntime {
 public:
  Runtime(WorkerContext& worker_context, const Config& settings)
      : config(settings), worker(worker_context), counters(worker.stats, settings.plan) {}
  std::unique_ptr<ReadFilter> create(const ReadFilterHost& host) override;

  const Config& config;
  WorkerContext& worker;
  const Counters counters;
};

class Filter final : public ReadFilter {
 public:
  Filter(Runtime& runtime, const ReadFilterHost& host) : runtime_(runtime), host_(host) {}
  ~Filter() override { delay_.cancel(); }

  ReadVerdict onData(std::string_view& data, bool) override {
    if (!refused_ && (!judged_ || runtime_.config.plan.continuous)) judge();
    if (!refused_) return ReadVerdict::kContinue;
    data = {};  // what comes while the close waits is thrown away
    return ReadVerdict::kStop;
  }
  void onClosed(net::CloseCause) override { delay_.cancel(); }

 private:
  void judge() {
    judged_ = true;
    http::ConnectionInfo& connection = host_.downstream().info;
    base::Arena arena(host_.downstream().connection.io().chunks());
    http::HeaderMap none(arena);
    http::StreamInfo info;
    info.downstream = &connection;
    if (connection.facts != nullptr) info.dynamic_metadata = &connection.facts->metadata;
    const rbac_rules::Subject subject{none, info, arena};
    if (runtime_.config.shadow != nullptr) judgeShadow(subject, connection);
    if (runtime_.config.rules == nullptr) return;
    const Rules::Judgement judgement = runtime_.config.rules->judge(subject);
    if (runtime_.config.rules->action() == Rules::Action::LOG) {
      metadata(connection).set("envoy.common", "access_log_hint", http::MetadataValue::boolean(judgement.matched));
    }
    (judgement.allowed ? runtime_.counters.allowed : runtime_.counters.denied).inc();
    if (!judgement.allowed) refuse(connection, judgement.policy);
  }

  void judgeShadow(const rbac_rules::Subject& subject, http::ConnectionInfo& connection) {
    const Rules::Judgement judgement = runtime_.config.shadow->judge(subject);
    (judgement.allowed ? runtime_.counters.shadow_allowed : runtime_.counters.shadow_denied).inc();
    const std::string& prefix = runtime_.config.plan.shadow_stat_prefix;
    http::DynamicMetadata& store = metadata(connection);
    if (!judgement.policy.empty()) {
      store.setString("envoy.filters.network.rbac", prefix + "shadow_effective_policy_id", judgement.policy);
    }
    store.setString("envoy.filters.network.rbac", prefix + "shadow_engine_result", judgement.allowed ? "allowed" : "denied");
  }
  http::DynamicMetadata& metadata(http::ConnectionInfo& connection) {
    return connection.makeFacts(host_.downstream().connection.io().chunks()).metadata;
  }

  void refuse(http::ConnectionInfo& connection, std::string_view policy) {
    refused_ = true;
    connection.makeEnd().termination_details = metadata(connection).arena().copy(detailsOf(policy));
    const uint32_t delay = runtime_.config.plan.delay_deny_ms;
    if (delay == 0) {
      close();
    } else {
      delay_.arm(host_.loop().timers(), delay);
    }
  }
  void close() { host_.close("rbac_deny_close"); }

  Runtime& runtime_;
  const ReadFilterHost& host_;
  bool judged_ = false;
  bool refused_ = false;
  loop::MemberTimer<&Filter::close> delay_{this};
};

std::unique_ptr<ReadFilter> Runtime::create(const ReadFilterHost& host) { return std::make_unique<Filter>(*this, host); }

class Factory final : public nuncio::tcp::ReadFilterFactory {
 public:
  explicit Factory(Config config) : config_(std::move(config)) {}
  std::unique_ptr<nuncio::tcp::ReadFilterRuntime> makeRuntime(WorkerContext& worker,
                                                              const nuncio::tcp::ListenerFacts&) const override {
    return std::make_unique<Runtime>(worker, config_);
  }

 private:
  const Config config_;
};

base::Result<nuncio::tcp::ReadFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  Config config;
  if (!plan::rbac::decode(bytes, config.plan)) return std::string("malformed plan of the network RBAC filter");
  for (const auto& [from, to] : {std::pair(&config.plan.rules, &config.rules), {&config.plan.shadow, &config.shadow}}) {
    if (!*from) continue;
    auto made = Rules::make(**from);
    if (!made.ok()) return std::move(made.error());
    *to = std::move(made.value());
  }
  return nuncio::tcp::ReadFilterFactoryPtr(std::make_unique<Factory>(std::move(config)));
}

}  // namespace
}  // namespace network_rbac

namespace network {
extern const nuncio::tcp::NetworkFilterEntry rbac;
const nuncio::tcp::NetworkFilterEntry rbac = {"envoy.filters.network.rbac", nullptr, &network_rbac::make};
}  // namespace network

}  // namespace nuncio::ext
