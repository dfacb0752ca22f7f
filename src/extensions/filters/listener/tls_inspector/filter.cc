// envoy.filters.listener.tls_inspector: is this TLS, for which server name, offering which protocols, from what kind of
// client; so that filter chains can be chosen by it.
#include <algorithm>
#include <utility>

#include "generated/plan.h"
#include "http_proxy/listener_filter_entry.h"
#include "http_proxy/worker_context.h"
#include "src/extensions/filters/listener/tls_inspector/client_hello.h"
#include "src/extensions/filters/listener/tls_inspector/fingerprint.h"

namespace nuncio::ext::listener {
namespace tls_hello {
namespace {

using tcp::AcceptedConnection;
using tcp::ListenerVerdict;
using Stat = stats::TlsInspectorStat;

class Runtime final : public tcp::ListenerFilterRuntime {
 public:
  Runtime(WorkerContext& worker, const plan::TlsInspector& settings)
      : plan(settings), stats(worker.stats.scope<stats::TlsInspector>("tls_inspector")), worker_(worker) {}
  ~Runtime() override { worker_.stats.release(stats); }
  std::unique_ptr<tcp::ListenerFilter> create() override;

  const plan::TlsInspector& plan;
  const stats::ScopeRef<stats::TlsInspector> stats;

 private:
  WorkerContext& worker_;
};

class Filter final : public tcp::ListenerFilter {
 public:
  explicit Filter(Runtime& runtime) : runtime_(runtime), wanted_(std::min(plan().initial_read_size, plan().max_client_hello_size)) {}

  ListenerVerdict onAccept(AcceptedConnection&) override { return ListenerVerdict::kNeedData; }
  ListenerVerdict onData(AcceptedConnection& connection, std::string_view bytes) override;
  size_t inspects() const override { return wanted_; }

 private:
  const plan::TlsInspector& plan() const { return runtime_.plan; }
  ListenerVerdict needMore(size_t there);
  void takeServerName(http::ConnectionFacts& facts, std::string_view name);
  void takeFingerprints(http::ConnectionFacts& facts, const ClientHello& hello);
  void take(http::ConnectionFacts& facts, const ClientHello& hello);

  Runtime& runtime_;
  size_t wanted_;
};

std::unique_ptr<tcp::ListenerFilter> Runtime::create() { return std::make_unique<Filter>(*this); }

ListenerVerdict Filter::onData(AcceptedConnection& connection, std::string_view bytes) {
  http::ConnectionFacts& facts = connection.facts();
  ClientHello hello;
  const HelloResult result = parseClientHello(bytes, plan().max_client_hello_size, facts.arena, hello);
  if (result.status == HelloParse::kNeedMore) return needMore(bytes.size());
  runtime_.stats.record(stats::TlsInspectorHistogram::bytes_processed, result.size);
  switch (result.status) {
    case HelloParse::kDone:
      take(facts, hello);
      return ListenerVerdict::kContinue;
    case HelloParse::kVersionRefused:
      takeServerName(facts, hello.server_name);
      takeFingerprints(facts, hello);
      runtime_.stats.inc(Stat::tls_not_found);
      return ListenerVerdict::kReject;
    default: break;
  }
  runtime_.stats.inc(Stat::tls_not_found);
  return plan().close_on_error ? ListenerVerdict::kReject : ListenerVerdict::kContinue;
}

ListenerVerdict Filter::needMore(size_t there) {
  if (there < wanted_) return ListenerVerdict::kNeedData;
  if (wanted_ >= plan().max_client_hello_size) {
    runtime_.stats.inc(Stat::client_hello_too_large);
    return ListenerVerdict::kReject;
  }
  wanted_ = std::min<size_t>(2 * wanted_, plan().max_client_hello_size);
  return ListenerVerdict::kNeedData;
}

void Filter::takeServerName(http::ConnectionFacts& facts, std::string_view name) {
  runtime_.stats.inc(name.empty() ? Stat::sni_not_found : Stat::sni_found);
  if (name.empty()) return;
  char* const lower = facts.arena.array<char>(name.size());
  std::transform(name.begin(), name.end(), lower, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  facts.server_name = {lower, name.size()};
}

void Filter::take(http::ConnectionFacts& facts, const ClientHello& hello) {
  facts.transport_protocol = "tls";
  runtime_.stats.inc(Stat::tls_found);
  takeServerName(facts, hello.server_name);
  runtime_.stats.inc(hello.protocols.empty() ? Stat::alpn_not_found : Stat::alpn_found);
  if (!hello.protocols.empty()) {
    auto* list = facts.arena.array<std::string_view>(hello.protocols.size());
    for (size_t i = 0; i < hello.protocols.size(); ++i) list[i] = facts.arena.copy(hello.protocols[i]);
    facts.application_protocols = {list, hello.protocols.size()};
  }
  takeFingerprints(facts, hello);
}

void Filter::takeFingerprints(http::ConnectionFacts& facts, const ClientHello& hello) {
  if (plan().ja3) facts.ja3_fingerprint = ja3(hello, facts.arena);
  if (plan().ja4) facts.ja4_fingerprint = ja4(hello, facts.arena);
}

class Factory final : public tcp::ListenerFilterFactory {
 public:
  explicit Factory(plan::TlsInspector plan) : plan_(std::move(plan)) {}
  std::unique_ptr<tcp::ListenerFilterRuntime> makeRuntime(WorkerContext& worker) const override {
    return std::make_unique<Runtime>(worker, plan_);
  }

 private:
  const plan::TlsInspector plan_;
};

base::Result<tcp::ListenerFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::TlsInspector plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the TLS inspector");
  return tcp::ListenerFilterFactoryPtr(std::make_unique<Factory>(std::move(plan)));
}

}  // namespace
}  // namespace tls_hello

extern const tcp::ListenerFilterEntry tls_inspector;
const tcp::ListenerFilterEntry tls_inspector = {"envoy.filters.listener.tls_inspector", &tls_hello::make};

}  // namespace nuncio::ext::listener
