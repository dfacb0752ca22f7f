// ClusterPart and EndpointsPart: what the snapshot knows of a cluster: its settings, and its members. Immutable, shared
// by all workers; the members are separate because they change far more often. `ClusterDirectory` keeps what outlives a
// snapshot (breaker counts, hosts) by name; it is process-wide, guarded by a mutex, used only while plans are decoded.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "generated/plan.h"
#include "http/h1/options.h"
#include "http/h2/options.h"
#include "http/keep_alive.h"
#include "net/address.h"
#include "plan/plan_types.h"
#include "routing/cluster_action.h"
#include "snapshot/snapshot.h"
#include "tls/upstream.h"
#include "upstream/circuit_breaker.h"
#include "upstream/host.h"

namespace nuncio::upstream {

/** Upstream HTTP filters, and one worker's part of them: what they are is known to the HTTP proxy alone, which makes both. */
struct ClusterFilters {
  virtual ~ClusterFilters() = default;
};
struct ClusterFiltersRuntime {
  virtual ~ClusterFiltersRuntime() = default;
};
using MakeClusterFilters = base::FunctionRef<base::Result<std::shared_ptr<const ClusterFilters>, std::string>(const std::vector<plan::Extension>&)>;

struct ClusterPart final : snapshot::Part {
  plan::Cluster plan;
  plan::Thresholds limits[2];       // by Priority, as configured; see limits.h
  std::shared_ptr<CircuitBreakers> breakers;
  std::string stat_prefix;          // "cluster.<stat_name>."
  std::optional<plan::UpstreamProxyProtocol> proxy_protocol;  // connections begin with a PROXY header
  std::optional<plan::InternalUpstream> internal;  // what goes along to internal listeners
  tls::UpstreamConfigPtr tls;       // null: hosts are spoken to in clear text
  std::vector<tls::UpstreamConfigPtr> matched_tls;  // of transport_socket_matches; Member::transport_socket counts from 1
  http::h1::ClientOptions http1;    // what the HTTP/1 codecs of this cluster are told
  http::h2::ClientOptions http2;    // and those of HTTP/2
  std::vector<http::h2::Setting> custom_settings;  // that `http2` refers to
  http::KeepAliveOptions keep_alive;
  std::vector<routing::MirrorPolicy> mirrors;  // not empty: instead of the route's
  std::shared_ptr<const ClusterFilters> filters;  // null: none
};

/** One host as a cluster's membership lists it. */
struct Member {
  HostPtr host;
  uint32_t weight;
  uint32_t priority;
  uint32_t health;                  // Envoy's HealthStatus
  bool canary;
  std::string metadata_json;
  std::string zone;                 // for stats by zone
  uint32_t locality;                // index of its locality
  uint32_t locality_weight;         // 0: the locality gets nothing when localities are weighted
  std::string hash_key;             // for consistent hashing, instead of the address
  uint32_t transport_socket = 0;    // 0: the cluster's own; n: the nth of its matches
  std::vector<plan::SubsetValue> subset_values;  // of its metadata, for subset load balancing
  bool usable() const { return health <= 1 && !is(host_flag::kFailed | host_flag::kDegradedActiveCheck); }  // UNKNOWN, HEALTHY
  bool degraded() const {
    return !is(host_flag::kFailed) && (health == 5 || (health <= 1 && is(host_flag::kDegradedActiveCheck)));
  }
  /** As if it were not there when health is reckoned: DRAINING, or not checked yet. */
  bool excluded() const { return health == 3 || is(host_flag::kExcluded); }

 private:
  bool is(uint32_t flags) const { return (host->flags.load(std::memory_order_relaxed) & flags) != 0; }
};

/** Region, zone and sub-zone. */
using LocalityName = std::array<std::string, 3>;

struct EndpointsPart final : snapshot::Part {
  std::vector<Member> members;      // in order of configuration
  std::vector<LocalityName> localities;  // by Member::locality
  uint32_t priorities = 0;          // number of priorities
  uint32_t overprovisioning = 140;
  uint32_t drop_ppm = 0;
  bool warm = false;
};

class ClusterDirectory {
 public:
  explicit ClusterDirectory(size_t workers) : workers_(workers) {}

  base::Result<snapshot::PartPtr, std::string> decodeCluster(std::string_view name, std::span<const uint8_t> bytes,
                                                             const MakeClusterFilters& make_filters);
  base::Result<snapshot::PartPtr, std::string> decodeEndpoints(std::string_view name, std::span<const uint8_t> bytes);

 private:
  HostPtr hostFor(const std::string& cluster, const net::Address& address, const std::string& hostname);

  const size_t workers_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<CircuitBreakers>, std::less<>> breakers_;  // guarded by mutex_
  std::map<std::string, std::weak_ptr<Host>, std::less<>> hosts_;                // "<cluster>\n<address>\n<hostname>"
  size_t sweep_at_ = 1024;  // so many of them, and those that are gone are forgotten
};

/** A plan address as a socket address; an error for text that is none. */
base::Result<net::Address, std::string> toAddress(const plan::Address& address);

}  // namespace nuncio::upstream
