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
  auto loggers = http_proxy::makeLoggers(config->plan.access_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  config->access_logs = std::move(loggers.value());
  return std::unique_ptr<const Config>(std::move(config));
}

Target Config::pick(uint64_t random) const {
  if (total_weight == 0) return {plan.slot, plan.cluster, metadata_match.get()};
  uint64_t ticket = random % total_weight;
  size_t index = 0;
  while (index + 1 < plan.weighted.size() && ticket >= plan.weighted[index].weight) ticket -= plan.weighted[index++].weight;
  return {plan.weighted[index].slot, plan.weighted[index].name, weighted_matches[index].get()};
}

}  // namespace nuncio::ext::tcp
