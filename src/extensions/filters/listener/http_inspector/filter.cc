// envoy.filters.listener.http_inspector: which HTTP a clear-text connection speaks, from its first line or HTTP/2's
// preface. The answer takes the place of ALPN: "http/1.0", "http/1.1", "h2c".
#include <utility>

#include "generated/plan.h"
#include "http_proxy/listener_filter_entry.h"
#include "http_proxy/worker_context.h"
#include "src/extensions/filters/listener/http_inspector/first_line.h"

namespace nuncio::ext::listener {
namespace first_line {
namespace {

using tcp::AcceptedConnection;
using tcp::ListenerVerdict;
using Stat = stats::HttpInspectorStat;

class Runtime final : public tcp::ListenerFilterRuntime {
 public:
  explicit Runtime(WorkerContext& worker) : stats(worker.stats.scope<stats::HttpInspector>("http_inspector")), worker_(worker) {}
  ~Runtime() override { worker_.stats.release(stats); }
  std::unique_ptr<tcp::ListenerFilter> create() override;

  const stats::ScopeRef<stats::HttpInspector> stats;

 private:
  WorkerContext& worker_;
};

class Filter final : public tcp::ListenerFilter {
 public:
  explicit Filter(Runtime& runtime) : runtime_(runtime) {}

  /** Behind TLS there is no first line to see. */
  ListenerVerdict onAccept(AcceptedConnection& connection) override {
    return connection.facts().transport_protocol == "tls" ? ListenerVerdict::kContinue : ListenerVerdict::kNeedData;
  }
  ListenerVerdict onData(AcceptedConnection& connection, std::string_view bytes) override;
  size_t inspects() const override { return wanted_; }

 private:
  ListenerVerdict found(AcceptedConnection& connection, Stat stat, std::string_view protocol);

  static constexpr size_t kFirstLook = 8 * 1024;
  static constexpr size_t kMost = 64 * 1024;
  Runtime& runtime_;
  size_t wanted_ = kFirstLook;
};

std::unique_ptr<tcp::ListenerFilter> Runtime::create() { return std::make_unique<Filter>(*this); }

ListenerVerdict Filter::onData(AcceptedConnection& connection, std::string_view bytes) {
  switch (detect(bytes)) {
    case Detected::kHttp10: return found(connection, Stat::http10_found, "http/1.0");
    case Detected::kHttp11: return found(connection, Stat::http11_found, "http/1.1");
    case Detected::kHttp2: return found(connection, Stat::http2_found, "h2c");
    case Detected::kNone:
      runtime_.stats.inc(Stat::http_not_found);
      return ListenerVerdict::kContinue;
    case Detected::kNeedMore: break;
  }
  if (bytes.size() < wanted_) return ListenerVerdict::kNeedData;
  if (wanted_ == kMost) {
    runtime_.stats.inc(Stat::read_error);
    return ListenerVerdict::kReject;
  }
  wanted_ = kMost;
  return ListenerVerdict::kNeedData;
}

ListenerVerdict Filter::found(AcceptedConnection& connection, Stat stat, std::string_view protocol) {
  runtime_.stats.inc(stat);
  http::ConnectionFacts& facts = connection.facts();
  auto* list = facts.arena.array<std::string_view>(1);
  list[0] = protocol;
  facts.application_protocols = {list, 1};
  return ListenerVerdict::kContinue;
}

class Factory final : public tcp::ListenerFilterFactory {
 public:
  std::unique_ptr<tcp::ListenerFilterRuntime> makeRuntime(WorkerContext& worker) const override {
    return std::make_unique<Runtime>(worker);
  }
};

base::Result<tcp::ListenerFilterFactoryPtr, std::string> make(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return tcp::ListenerFilterFactoryPtr(std::make_unique<Factory>());
}

}  // namespace
}  // namespace first_line

extern const tcp::ListenerFilterEntry http_inspector;
const tcp::ListenerFilterEntry http_inspector = {"envoy.filters.listener.http_inspector", &first_line::make};

}  // namespace nuncio::ext::listener
