#include "upstream/proxy_preamble.h"

#include <algorithm>

#include "net/proxy_protocol.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::upstream {
namespace {

bool passes(const plan::UpstreamProxyProtocol& plan, uint8_t type) {
  const auto& wanted = plan.pass_tlvs;
  return plan.pass_all_tlvs || std::find(wanted.begin(), wanted.end(), type) != wanted.end();
}

/** Those of the configuration, then those received that it has no other for. */
std::span<const net::ProxyTlv> tlvsOf(const plan::UpstreamProxyProtocol& plan, const net::ProxyHeader* received, base::Arena& arena) {
  const size_t most = plan.added_tlvs.size() + (received == nullptr ? 0 : received->tlvs.size());
  if (most == 0) return {};
  auto* out = arena.array<net::ProxyTlv>(most);
  size_t count = 0;
  for (const plan::ProxyTlvEntry& added : plan.added_tlvs) out[count++] = {static_cast<uint8_t>(added.type), added.value};
  const size_t own = count;
  if (received == nullptr) return {out, count};
  for (const net::ProxyTlv& tlv : received->tlvs) {
    const bool replaced = std::any_of(out, out + own, [&](const net::ProxyTlv& one) { return one.type == tlv.type; });
    if (!replaced && passes(plan, tlv.type)) out[count++] = tlv;
  }
  return {out, count};
}

}  // namespace

void addProxyPreamble(ClusterRuntime& cluster, const http::ConnectionInfo& downstream, base::Arena& arena,
                      TransportOptions& options) {
  const auto& plan = cluster.part().proxy_protocol;
  if (!plan) return;
  if (plan->version == 1) {
    options.preamble = options.preamble_key = net::writeProxyV1(downstream.remote, downstream.local, arena);
    return;
  }
  const net::ProxyHeader* received = downstream.facts == nullptr ? nullptr : downstream.facts->proxy_header;
  size_t dropped = 0;
  options.preamble = net::writeProxyV2(downstream.remote, downstream.local, tlvsOf(*plan, received, arena), arena, dropped);
  if (dropped != 0) cluster.countDroppedTlvs();
  size_t none = 0;
  options.preamble_key =
      plan->tlvs_in_pool_key ? options.preamble : net::writeProxyV2(downstream.remote, downstream.local, {}, arena, none);
}

}  // namespace nuncio::upstream
