// Config: the TCP proxy's settings ready to use. Made once from its plan, immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generated/plan.h"
#include "http_proxy/manager_config.h"
#include "routing/subset_criteria.h"

namespace nuncio::ext::tcp {

struct Target {
  uint32_t slot;
  std::string_view name;
  const routing::OwnedSubsetCriteria* metadata_match;  // null: any host
};

struct Config {
  static base::Result<std::unique_ptr<const Config>, std::string> make(std::span<const uint8_t> plan,
                                                                      http_proxy::DecodeContext& context);

  /** The cluster of one connection. */
  Target pick(uint64_t random) const;

  /** What is wrong with it; empty: nothing. */
  std::string fillTunnel(const plan::Tunneling& tunnel);

  plan::TcpProxy plan;
  uint64_t total_weight = 0;  // 0: one cluster
  routing::SubsetCriteriaPtr metadata_match;
  std::vector<routing::SubsetCriteriaPtr> weighted_matches;  // as plan.weighted
  http_proxy::LoggerList access_logs;
  // ---- plan.tunneling
  std::optional<http::Formatter> tunnel_host;
  std::optional<http::Formatter> tunnel_path;  // of a POST; none: "/"
  http::HeaderMutations tunnel_headers;
};

}  // namespace nuncio::ext::tcp
