// SessionFacts: what a TCP session keeps for its access log, small while it runs; the StreamInfo that formats ask is made
// from it when a line is written. Owned by the session; worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/request_id.h"
#include "http/stream_info.h"
#include "upstream/cluster_runtime.h"
#include "upstream/host_runtime.h"

namespace nuncio::ext::tcp {

/** Why an attempt to connect failed: an errno, found at once or later; 0: nothing to tell (too slow, not tried). */
struct ConnectError {
  int error = 0;
  bool immediate = false;
};

/** What exists only once an upstream connection stood. */
struct UpstreamFacts {
  int64_t connect_began_ns;
  int64_t connected_ns;
  uint64_t id;
  net::Address local;
  base::LocalRef<const net::TlsInfo> tls;  // null: clear text
  int64_t tcp_connected_ns;                // before the handshake
};

struct SessionFacts {
  int64_t start_ns = 0;
  int64_t start_wall_ns = 0;
  int64_t pool_ready_ns = 0;          // when the last attempt was decided; 0: there was no cluster
  uint64_t received = 0;              // from the client
  uint64_t sent = 0;                  // to the client, sent or queued
  http::FlagList flags;
  http::CloseType upstream_close_type = http::CloseType::kNormal;
  bool overflowed = false;            // the last attempt had no place to wait: no host to name
  uint32_t attempts = 0;
  ConnectError failure;
  std::string transport_failure;        // of the last attempt: "TLS_error:…"
  std::string_view upstream_local_close_reason;
  upstream::ClusterRef cluster;       // null: not found
  upstream::HostRef host;             // of the last attempt
  std::unique_ptr<UpstreamFacts> upstream;
  std::string hosts_attempted;        // "a:1,b:2", from the second attempt on
  std::string host_names_attempted;
  bool has_stream_id = false;
  char stream_id[http::kUuidLength];

  void attempted(upstream::HostRuntime& tried);
  /** `failure_text`: room for the text of `failure`; it and this must outlive `out`. */
  void fill(http::StreamInfo& out, std::string& failure_text) const;
};

}  // namespace nuncio::ext::tcp
