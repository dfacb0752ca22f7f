// ClusterAction: all a route says about forwarding: which cluster, what becomes of path and host, time limits, retries,
// mirrors, hashing, upgrades. Immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/regex.h"
#include "base/result.h"
#include "generated/plan.h"
#include "http/header_map.h"
#include "http/header_mutation.h"
#include "http/substitution/formatter.h"
#include "routing/extension_configs.h"
#include "routing/fraction.h"
#include "routing/hash_policy.h"
#include "routing/rate_limits.h"
#include "routing/retry_policy.h"
#include "routing/subset_criteria.h"

namespace nuncio::routing {

/** A cluster by slot, or by the name a request header carries. */
struct ClusterRef {
  uint32_t slot = 0;
  std::string name;
  std::string header;  // not empty: the name is this request header's value

  /** The name wanted: the configured one, or the header's value (null data when the request has no such header). */
  std::string_view nameFor(http::HeaderMap& headers) const { return header.empty() ? std::string_view(name) : headers.get(header); }
};

struct WeightedCluster {
  ClusterRef cluster;
  uint32_t weight = 0;
  std::string host_rewrite;
  http::HeaderMutations request_mutations;
  http::HeaderMutations response_mutations;
  ExtensionConfigs filter_configs;
  SubsetCriteriaPtr metadata_match;  // the route's are merged in; null: any host
};

struct MirrorPolicy {
  static base::Result<MirrorPolicy, std::string> make(const plan::MirrorPolicy& plan);

  ClusterRef cluster;
  std::optional<Fraction> fraction;  // absent: always
  bool keep_host = false;            // else "-shadow" is put after the host
  std::string host_rewrite;
  http::HeaderMutations request_mutations;
};

/** An upgrade a route allows or forbids. */
struct UpgradeRule {
  std::string type;  // lower case: "websocket", "connect"
  bool enabled = true;
  bool connect = false;  // connect_config: the tunnel ends here
  bool connect_allow_post = false;
};

/** The rule for an upgrade type in any case; null when the list says nothing of it. */
const UpgradeRule* findUpgrade(const std::vector<UpgradeRule>& rules, std::string_view type);

struct InternalRedirect {
  uint32_t max_redirects = 1;
  std::vector<uint32_t> codes;
  bool allow_cross_scheme = false;
  std::vector<std::string> copy_headers;
  // ---- predicates
  bool previous_routes = false;                           // no route may lead to the same one twice
  bool safe_cross_scheme = false;                         // not from http to https
  std::vector<std::vector<std::string>> allowed_routes;   // the target's name is in each of them
};

/** A runtime number by key; null when there is none. */
using NumberLookup = base::FunctionRef<std::optional<uint64_t>(std::string_view key)>;

struct ClusterAction {
  static base::Result<std::unique_ptr<const ClusterAction>, std::string> make(const plan::ClusterAction& plan,
                                                                             const SettingsDecoder& decode = noSettings);

  /** One of the weighted clusters; null when there are none (then `cluster` counts). */
  const WeightedCluster* pick(http::HeaderMap& headers, uint64_t random, const NumberLookup* runtime = nullptr) const;

  /** The new :path, or null data when the path stays. `matched`: bytes of the path the route matched. */
  std::string_view rewrittenPath(http::HeaderMap& headers, size_t matched, const http::FormatContext& context,
                                 base::TextBuffer& scratch) const;
  /** The new :authority (auto_host_rewrite apart), or an empty view when it stays. */
  std::string_view rewrittenHost(http::HeaderMap& headers, const http::FormatContext& context, base::TextBuffer& scratch) const;

  ClusterRef cluster;
  std::vector<WeightedCluster> weighted;
  uint64_t total_weight = 0;
  uint32_t not_found_code = 503;

  std::string prefix_rewrite;
  std::optional<base::RegexRewrite> regex_rewrite;
  std::optional<http::Formatter> path_format;
  std::string host_literal;
  bool auto_host = false;
  std::string host_header;
  std::optional<base::RegexRewrite> host_path_regex;
  std::optional<http::Formatter> host_format;
  bool append_x_forwarded_host = false;

  uint32_t timeout_ms = 15000;  // 0: off
  std::optional<uint32_t> idle_timeout_ms;
  std::optional<uint32_t> flush_timeout_ms;
  std::optional<uint32_t> max_stream_duration_ms;
  std::optional<uint32_t> grpc_timeout_header_max_ms;  // 0: any
  std::optional<uint32_t> grpc_timeout_header_offset_ms;
  std::optional<uint32_t> max_grpc_timeout_ms;  // the old settings
  std::optional<uint32_t> grpc_timeout_offset_ms;
  bool high_priority = false;

  std::optional<RetryPolicy> retry_policy;  // the route's own; Route::retryPolicy() falls back on the virtual host's
  HashPolicies hash_policies;
  std::vector<MirrorPolicy> mirrors;
  std::vector<UpgradeRule> upgrades;
  RateLimits rate_limits;
  bool include_vh_rate_limits = false;  // the virtual host's count beside the route's
  std::optional<InternalRedirect> internal_redirect;
  SubsetCriteriaPtr metadata_match;  // null: any host
  std::string weighted_random_header;
  std::vector<std::string> weight_keys;  // runtime keys of the weights, when a prefix is configured
};

}  // namespace nuncio::routing
