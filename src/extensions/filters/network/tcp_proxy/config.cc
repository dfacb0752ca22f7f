#include "src/extensions/filters/network/tcp_proxy/config.h"

#include <utility>

namespace nuncio::ext::tcp {

base::Result<std::unique_ptr<const Config>, std::string> Config::make(std::span<const uint8_t> bytes,
                                                                     http_proxy::DecodeContext& context) {
  auto config = std::make_unique<Config>();
  if (!plan::decode(bytes, config->plan)) return std::string("malformed plan of the TCP proxy");
  for (const plan::WeightedCluster& cluster : config->plan.weighted) {
    config->total_weight += cluster.weight;
    const auto& match = cluster.metadata_match;
    config->weighted_matches.push_back(match ? std::make_unique<const routing::OwnedSubsetCriteria>(*match) : nullptr);
  }
  if (const auto& match = config->plan.metadata_match)
    config->metadata_match = std::make_unique<const routing::OwnedSubsetCriteria>(*match);
  if (config->plan.tunneling) {
    if (std::string error = config->fillTunnel(*config->plan.tunneling); !error.empty()) return error;
  }
  auto loggers = http_proxy::makeLoggers(config->plan.access_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  config->access_logs = std::move(loggers.value());
  return std::unique_ptr<const Config>(std::move(config));
}

std::string Config::fillTunnel(const plan::Tunneling& tunnel) {
  const auto fill = [](const std::optional<plan::Format>& plan, std::optional<http::Formatter>& out) -> std::string {
    if (!plan) return {};
    auto made = http::Formatter::make(*plan);
    if (!made.ok()) return std::move(made.error().message);
    out.emplace(std::move(made.value()));
    return {};
  };
  for (std::string error : {fill(tunnel.hostname, tunnel_host), fill(tunnel.post_path, tunnel_path)}) {
    if (!error.empty()) return error;
  }
  if (!tunnel_host) return "a tunnel without a host";
  auto headers = http::HeaderMutations::make(tunnel.headers, http::MessageSide::kRequest);
  if (!headers.ok()) return std::move(headers.error());
  tunnel_headers = std::move(headers.value());
  return {};
}

Target Config::pick(uint64_t random) const {
  if (total_weight == 0) return {plan.slot, plan.cluster, metadata_match.get()};
  uint64_t ticket = random % total_weight;
  size_t index = 0;
  while (index + 1 < plan.weighted.size() && ticket >= plan.weighted[index].weight) ticket -= plan.weighted[index++].weight;
  return {plan.weighted[index].slot, plan.weighted[index].name, weighted_matches[index].get()};
}

}  // namespace nuncio::ext::tcp
