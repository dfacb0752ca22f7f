// envoy.filters.listener.proxy_protocol: the addresses a connection is forwarded for take the place of the socket's; TLVs
// of version 2 become dynamic metadata or filter state, and are kept for upstream headers.
#include <algorithm>
#include <string>
#include <utility>

#include "base/text_buffer.h"
#include "generated/plan.h"
#include "http_proxy/listener_filter_entry.h"
#include "http_proxy/worker_context.h"
#include "net/proxy_protocol.h"
#include "src/extensions/filters/listener/proxy_protocol/tlv_text.h"

namespace nuncio::ext::listener {
namespace proxy_header {
namespace {

using tcp::AcceptedConnection;
using tcp::ListenerVerdict;
using VersionStats = stats::ScopeRef<stats::ProxyProtoVersion>;
using VersionStat = stats::ProxyProtoVersionStat;

constexpr std::string_view kFilterState = "envoy.network.proxy_protocol.tlv";

class Runtime final : public tcp::ListenerFilterRuntime {
 public:
  Runtime(WorkerContext& worker, const plan::ProxyProtocolListener& settings)
      : plan(settings),
        stats(worker.stats.scope<stats::ProxyProto>(settings.stat_scope)),
        errors(worker.stats.scope<stats::NamedCounter>("downstream_cx_proxy_proto_error")),
        versions{worker.stats.scope<stats::ProxyProtoVersion>(settings.stat_scope + ".versions.v1"),
                 worker.stats.scope<stats::ProxyProtoVersion>(settings.stat_scope + ".versions.v2")},
        worker_(worker) {}
  ~Runtime() override {
    worker_.stats.release(stats);
    worker_.stats.release(errors);
    for (const VersionStats& version : versions) worker_.stats.release(version);
  }
  std::unique_ptr<tcp::ListenerFilter> create() override;

  const plan::ProxyProtocolListener& plan;
  const stats::ScopeRef<stats::ProxyProto> stats;
  const stats::ScopeRef<stats::NamedCounter> errors;
  const VersionStats versions[2];

 private:
  WorkerContext& worker_;
};

class Filter final : public tcp::ListenerFilter {
 public:
  explicit Filter(Runtime& runtime) : runtime_(runtime) {}

  ListenerVerdict onAccept(AcceptedConnection&) override { return ListenerVerdict::kNeedData; }
  ListenerVerdict onData(AcceptedConnection& connection, std::string_view bytes) override;
  size_t inspects() const override { return wanted_; }

 private:
  ListenerVerdict absent();
  ListenerVerdict wrong(uint8_t version);
  void take(AcceptedConnection& connection, const net::ProxyHeader& header);
  void keepTlvs(http::ConnectionFacts& facts, const net::ProxyHeader& header);
  bool keeps(uint8_t type) const;

  Runtime& runtime_;
  // Of version 2's longest address and then some; more once a header says how long it is.
  size_t wanted_ = 256;
};

std::unique_ptr<tcp::ListenerFilter> Runtime::create() { return std::make_unique<Filter>(*this); }

ListenerVerdict Filter::onData(AcceptedConnection& connection, std::string_view bytes) {
  const plan::ProxyProtocolListener& plan = runtime_.plan;
  if (plan.allow_without) {
    // What can be no header of a version that is allowed is the client's own data.
    const bool may_come = (!plan.disallow_v1 && net::maybeProxyV1(bytes)) || (!plan.disallow_v2 && net::maybeProxyV2(bytes));
    if (!may_come) return absent();
  }
  net::ProxyHeader header;
  const net::ProxyParseResult result = net::parseProxyHeader(bytes, connection.facts().arena, header);
  const bool is_disallowed = (result.version == 1 && plan.disallow_v1) || (result.version == 2 && plan.disallow_v2);
  if (is_disallowed) {
    runtime_.versions[result.version - 1].inc(VersionStat::found);
    runtime_.versions[result.version - 1].inc(VersionStat::disallowed);
    return ListenerVerdict::kReject;
  }
  switch (result.status) {
    case net::ProxyParse::kNeedMore:
      wanted_ = std::max(wanted_, result.size);
      return ListenerVerdict::kNeedData;
    case net::ProxyParse::kNotProxy:
      // Envoy makes up its mind when a version 2 header's fixed part could have come, or a line is there to be read.
      if (!plan.allow_without && bytes.size() < net::kProxyV2Prefix) {
        return bytes.find("\r\n") == std::string_view::npos ? ListenerVerdict::kNeedData : wrong(1);
      }
      return absent();
    case net::ProxyParse::kInvalid: return wrong(result.version);
    case net::ProxyParse::kDone: break;
  }
  runtime_.versions[header.version - 1].inc(VersionStat::found);
  take(connection, header);
  connection.consume(result.size);
  return ListenerVerdict::kContinue;
}

ListenerVerdict Filter::absent() {
  if (runtime_.plan.allow_without) {
    runtime_.stats.inc(stats::ProxyProtoStat::not_found_allowed);
    return ListenerVerdict::kContinue;
  }
  runtime_.stats.inc(stats::ProxyProtoStat::not_found_disallowed);
  runtime_.errors.inc(stats::NamedCounterStat::value);
  return ListenerVerdict::kReject;
}

ListenerVerdict Filter::wrong(uint8_t version) {
  if (version != 0) runtime_.versions[version - 1].inc(VersionStat::error);
  runtime_.errors.inc(stats::NamedCounterStat::value);
  return ListenerVerdict::kReject;
}

void Filter::take(AcceptedConnection& connection, const net::ProxyHeader& header) {
  http::ConnectionFacts& facts = connection.facts();
  if (!header.local) {
    connection.info().remote = header.source;
    connection.info().local = header.destination;
    facts.local_restored = true;
  }
  for (const net::ProxyTlv& tlv : header.tlvs) {
    for (const plan::ProxyTlvRule& rule : runtime_.plan.rules) {
      if (rule.type != tlv.type) continue;
      base::TextBuffer text;
      if (rule.base64) {
        appendBase64(tlv.value, text);
      } else {
        appendSanitized(tlv.value, text);
      }
      if (runtime_.plan.to_filter_state) {
        facts.filter_state.setField(kFilterState, rule.key, text.view());
      } else if (const http::MetadataValue* space = facts.metadata.find(rule.metadata_namespace);
                 space == nullptr || space->find(rule.key) == nullptr) {
        facts.metadata.setString(rule.metadata_namespace, rule.key, text.view());  // of several, the first counts
      }
    }
  }
  keepTlvs(facts, header);
}

bool Filter::keeps(uint8_t type) const {
  const auto& wanted = runtime_.plan.keep_tlvs;
  return runtime_.plan.keep_all_tlvs || std::find(wanted.begin(), wanted.end(), type) != wanted.end();
}

/** The header as a cluster's PROXY transport may send it on. */
void Filter::keepTlvs(http::ConnectionFacts& facts, const net::ProxyHeader& header) {
  auto* kept = facts.arena.make<net::ProxyHeader>(header);
  auto* tlvs = facts.arena.array<net::ProxyTlv>(header.tlvs.empty() ? 1 : header.tlvs.size());
  size_t count = 0;
  for (const net::ProxyTlv& tlv : header.tlvs) {
    if (keeps(tlv.type)) tlvs[count++] = {tlv.type, facts.arena.copy(tlv.value)};
  }
  kept->tlvs = {tlvs, count};
  facts.proxy_header = kept;
}

class Factory final : public tcp::ListenerFilterFactory {
 public:
  explicit Factory(plan::ProxyProtocolListener plan) : plan_(std::move(plan)) {}
  std::unique_ptr<tcp::ListenerFilterRuntime> makeRuntime(WorkerContext& worker) const override {
    return std::make_unique<Runtime>(worker, plan_);
  }

 private:
  const plan::ProxyProtocolListener plan_;
};

base::Result<tcp::ListenerFilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  plan::ProxyProtocolListener plan;
  if (!plan::decode(bytes, plan)) return std::string("malformed plan of the PROXY protocol filter");
  return tcp::ListenerFilterFactoryPtr(std::make_unique<Factory>(std::move(plan)));
}

}  // namespace
}  // namespace proxy_header

extern const tcp::ListenerFilterEntry proxy_protocol;
const tcp::ListenerFilterEntry proxy_protocol = {"envoy.filters.listener.proxy_protocol", &proxy_header::make};

}  // namespace nuncio::ext::listener
