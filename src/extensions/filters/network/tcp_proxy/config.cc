#include "src/extensions/filters/network/tcp_proxy/config.h"

#include <utility>

namespace nuncio::ext::tcp {

base::Result<std::unique_ptr<const Config>, std::string> Config::make(std::span<const uint8_t> bytes,
                                                                     http_proxy::DecodeContext& context) {
  auto config = std::make_unique<Config>();
  if (!plan::decode(bytes, config->plan)) return std::string("malformed plan of the TCP proxy");
  for (const plan::WeightedCluster& cluster : config->plan.weighted) config->total_weight += cluster.weight;
  auto loggers = http_proxy::makeLoggers(config->plan.access_logs, context.writers);
  if (!loggers.ok()) return std::move(loggers.error());
  config->access_logs = std::move(loggers.value());
  return std::unique_ptr<const Config>(std::move(config));
}

Target Config::pick(uint64_t random) const {
  if (total_weight == 0) return {plan.slot, plan.cluster};
  uint64_t ticket = random % total_weight;
  for (const plan::WeightedCluster& cluster : plan.weighted) {
    if (ticket < cluster.weight) return {cluster.slot, cluster.name};
    ticket -= cluster.weight;
  }
  return {plan.weighted.back().slot, plan.weighted.back().name};
}

}  // namespace nuncio::ext::tcp
