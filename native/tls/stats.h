// TlsStats: what the contexts of one listener or cluster count in one worker: `<prefix>ssl.…` and the counters whose names
// are the ciphers, versions, groups and signature algorithms seen. Counted by reference; worker thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/local_ref.h"
#include "stats/registry.h"

namespace nuncio::tls {

class TlsStats : public base::LocalCounted {
 public:
  /** `prefix`: "listener.127.0.0.1_443." or "cluster.a."; `factory`: "server_ssl_socket_factory". */
  TlsStats(stats::WorkerStats& worker, std::string prefix, std::string_view factory);
  ~TlsStats();

  stats::ScopeRef<stats::Tls>& counters() { return counters_; }
  stats::ScopeRef<stats::TlsFactory>& factory() { return factory_; }

  /** A counter by name, made when first hit. `number` is unique within `group` ("ciphers"). */
  enum class Group : uint8_t { kCiphers, kVersions, kCurves, kSignatures };
  void count(Group group, uint32_t number, std::string_view name);

 private:
  struct Named {
    Group group;
    uint32_t number;
    stats::ScopeRef<stats::NamedCounter> counter;
  };
  stats::WorkerStats& worker_;
  const std::string prefix_;
  stats::ScopeRef<stats::Tls> counters_;
  stats::ScopeRef<stats::TlsFactory> factory_;
  std::vector<Named> named_;  // a handful
};
using TlsStatsRef = base::LocalRef<TlsStats>;

}  // namespace nuncio::tls
