// ListenerPart: a listener as the snapshot carries it: its plan, its filter chains ready to make filters, its loggers.
// Made on main from the plan, immutable, shared by all workers; a connection leases it until it is gone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/match_tree.h"
#include "http_proxy/manager_config.h"
#include "net/filter_chain_match.h"
#include "plan/plan_types.h"
#include "snapshot/snapshot.h"
#include "tcp/listener_filter.h"
#include "tcp/network_filter.h"
#include "tls/downstream.h"

namespace nuncio {

struct ListenerFilterPart {
  std::string name;
  tcp::ListenerFilterFactoryPtr factory;                    // null: discovered (ECDS)
  const plan::ListenerFilterPredicate* disabled = nullptr;  // of the plan; null: never
  std::optional<uint32_t> config_slot = std::nullopt;       // of kind extension-config
};

/** Does a connection to this address have it? */
bool holds(const plan::ListenerFilterPredicate& predicate, const net::Address& local);

struct FilterChainPart {
  std::string name;
  std::string id;                       // what is configured, as a hash
  tls::DownstreamConfigPtr tls;         // null: clear text
  uint32_t handshake_timeout_ms;        // 0: none
  tcp::NetworkFilterFactoryPtr filter;  // the terminal filter; null: the chain has none and its connections are closed
  std::string metadata_json;            // for logs
};

struct ListenerPart final : snapshot::Part {
  plan::Listener plan;
  net::FilterChainMatcher matcher;
  std::optional<http::MatchTree> chain_tree;  // in place of `matcher`; its actions are places in `chains`
  std::vector<ListenerFilterPart> listener_filters;
  std::vector<FilterChainPart> chains;
  std::optional<FilterChainPart> default_chain;
  http_proxy::LoggerList access_logs;
};

/** Of kind extension-config. */
base::Result<snapshot::PartPtr, std::string> decodeExtensionConfig(std::string_view name, std::span<const uint8_t> bytes,
                                                                   http_proxy::DecodeContext& context);

base::Result<snapshot::PartPtr, std::string> decodeListener(std::string_view name, std::span<const uint8_t> bytes,
                                                            http_proxy::DecodeContext& context);

}  // namespace nuncio
