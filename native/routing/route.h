// Route and VirtualHost: what a look-up in a route table yields. Immutable, owned by the RouteTable, shared by all
// workers; a stream leases the table for as long as it holds pointers to them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/header_mutation.h"
#include "http/match_tree.h"
#include "http/substitution/body_formatter.h"
#include "routing/cluster_action.h"
#include "routing/extension_configs.h"
#include "routing/path_index.h"
#include "routing/redirect.h"
#include "routing/retry_policy.h"
#include "routing/route_match.h"
#include "routing/route_tracing.h"

namespace nuncio::routing {

class RouteTable;
struct VirtualHost;

struct DirectResponse {
  uint32_t status = 200;
  std::string body;
  std::optional<http::BodyFormatter> format;
};

/** A group of requests that has statistics of its own. */
struct VirtualCluster {
  std::string name;
  http::FieldMatchers headers;
};

enum class RouteKind : uint8_t {
  kCluster,        // `cluster` is set
  kRedirect,       // `redirect` is set
  kDirect,         // `direct` is set
  kNonForwarding,  // the router refuses it
  kTlsRedirect,    // made up by require_tls: 301 to tlsLocationOf()
};

struct Route {
  static base::Result<std::unique_ptr<Route>, std::string> make(const plan::Route& plan, const SettingsDecoder& decode = noSettings);

  RouteKind kind = RouteKind::kNonForwarding;
  uint32_t index = 0;  // place in its virtual host
  const VirtualHost* virtual_host = nullptr;
  std::string name;
  std::string stat_prefix;
  std::string metadata_json;
  RouteMatch match;
  std::unique_ptr<const ClusterAction> cluster;
  std::unique_ptr<const Redirect> redirect;
  std::unique_ptr<const DirectResponse> direct;
  http::HeaderMutations request_mutations;
  http::HeaderMutations response_mutations;
  std::optional<uint64_t> request_body_buffer_limit;  // the virtual host's when the route has none
  ExtensionConfigs filter_configs;
  std::unique_ptr<const RouteTracing> tracing;    // null: as the connection manager says
  std::unique_ptr<const Decorator> decorator;     // null: none

  /** The route's retry policy, else its virtual host's; null when neither has one. */
  const RetryPolicy* retryPolicy() const;
  /** The route's mirrors, else the virtual host's, else the table's. */
  const std::vector<MirrorPolicy>& mirrors() const;
  /** The route's hash policies, else the virtual host's. */
  const HashPolicies& hashPolicies() const;

  /** The levels that have settings of filters, the most specific first; `out` has room for kLevels. Returns how many. */
  static constexpr size_t kLevels = 4;
  size_t filterLevels(const WeightedCluster* weighted, const ExtensionConfigs** out) const;

  /**
   * Header mutations of all levels, host rewrite, path rewrite, in Envoy's order. `original`: also keep what was there
   * in x-envoy-original-path and x-envoy-original-host. For cluster routes.
   */
  void prepareRequest(http::HeaderMap& headers, const WeightedCluster* weighted, const http::FormatContext& context,
                      base::TextBuffer& scratch, bool original) const;
  /** Header mutations of all levels on the answer. */
  void prepareResponse(http::HeaderMap& headers, const WeightedCluster* weighted, const http::FormatContext& context,
                       base::TextBuffer& scratch) const;

  /** For redirect, direct and TLS routes: applies redirect rewrites to :path and yields the Location (in the arena). */
  std::string_view location(http::HeaderMap& headers, bool original, const RedirectContext* context = nullptr) const;
  /** The status of such a route. */
  uint32_t status() const;

 private:
  explicit Route(RouteMatch conditions) : match(std::move(conditions)) {}
};

struct VirtualHost {
  enum class RequireTls : uint8_t { kNone, kExternalOnly, kAll };

  static base::Result<std::unique_ptr<VirtualHost>, std::string> make(const plan::VirtualHost& plan, const SettingsDecoder& decode = noSettings);

  /** The first route that matches; null when none does. `path`: as RouteMatch::matches wants it. */
  const Route* match(const MatchInput& input, std::string_view path) const;
  /** The route its matcher tree leads to. */
  const Route* matchTree(const MatchInput& input, std::string_view path) const;
  /** The same by trying every route in turn: for tests of the index. */
  const Route* matchLinear(const MatchInput& input, std::string_view path) const;
  /** The first virtual cluster whose headers match; null when none does. */
  const VirtualCluster* virtualCluster(http::HeaderMap& headers) const;

  const RouteTable* table = nullptr;
  std::string name;
  std::string metadata_json;
  RequireTls require_tls = RequireTls::kNone;
  bool include_attempt_count = false;
  bool include_attempt_count_in_response = false;
  bool include_is_timeout_retry_header = false;
  std::vector<std::unique_ptr<Route>> routes;
  std::optional<http::MatchTree> matcher;        // chooses one of `matched`, in place of the first route that matches
  std::vector<std::vector<uint32_t>> matched;    // lists of places in `routes`
  std::unique_ptr<Route> tls_redirect;  // when require_tls may ask for it
  std::optional<RetryPolicy> retry_policy;
  std::optional<uint64_t> request_body_buffer_limit;
  std::vector<VirtualCluster> virtual_clusters;
  std::vector<MirrorPolicy> mirrors;
  HashPolicies hash_policies;
  RateLimits rate_limits;
  http::HeaderMutations request_mutations;
  http::HeaderMutations response_mutations;
  ExtensionConfigs filter_configs;
  PathIndex index;
};

}  // namespace nuncio::routing
