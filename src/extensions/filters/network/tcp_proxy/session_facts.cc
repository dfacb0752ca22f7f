#include "src/extensions/filters/network/tcp_proxy/session_facts.h"

#include <cstring>

namespace nuncio::ext::tcp {
namespace {

std::string_view nameOf(const upstream::Host& host) {
  return host.hostname.empty() ? host.address.text() : std::string_view(host.hostname);
}

std::string textOf(const ConnectError& failure, const net::Address& address) {
  char buffer[128];
  std::string text(failure.immediate ? "immediate connect error: " : "delayed connect error: ");
  text += strerror_r(failure.error, buffer, sizeof(buffer));
  if (failure.immediate) text.append("|remote address:").append(address.text());
  return text;
}

}  // namespace

void SessionFacts::attempted(upstream::HostRuntime& tried) {
  ++attempts;
  if (attempts > 1) {
    if (attempts == 2) {
      hosts_attempted = host->address().text();
      host_names_attempted = nameOf(host->host());
    }
    hosts_attempted.append(",").append(tried.address().text());
    host_names_attempted.append(",").append(nameOf(tried.host()));
  }
  host = upstream::HostRef(&tried);
}

void SessionFacts::fill(http::StreamInfo& out, std::string& failure_text) const {
  out.start_wall_ns = start_wall_ns;
  out.at.start = start_ns;
  out.at.upstream_pool_ready = pool_ready_ns;
  out.flags = flags;
  out.bytes_received = out.downstream_wire_received = received;
  out.bytes_sent = out.downstream_wire_sent = sent;
  out.upstream_attempts = attempts;
  out.upstream_close_type = upstream_close_type;
  out.upstream_local_close_reason = upstream_local_close_reason;
  out.request_id = {stream_id, sizeof(stream_id)};
  if (cluster) {
    const plan::Cluster& plan = cluster->plan();
    out.cluster_name = plan.stat_name.empty() ? plan.name : plan.stat_name;
    out.cluster_raw_name = plan.name;
    out.cluster_metadata_json = plan.metadata_json;
  }
  if (host) {
    if (!overflowed) {
      out.upstream_host = &host->address();
      out.upstream_host_name = host->host().hostname;
      out.upstream_metadata_json = host->member().metadata_json;
    }
    out.hosts_attempted = attempts > 1 ? std::string_view(hosts_attempted) : host->address().text();
    out.host_names_attempted = attempts > 1 ? std::string_view(host_names_attempted) : nameOf(host->host());
    if (!transport_failure.empty()) {
      out.upstream_transport_failure = transport_failure;
    } else if (failure.error != 0) {
      failure_text = textOf(failure, host->address());
      out.upstream_transport_failure = failure_text;
    }
  }
  if (upstream == nullptr) return;
  out.at.upstream_connect_begin = upstream->connect_began_ns;
  out.at.upstream_connect_end = upstream->connected_ns;
  out.upstream_tls = upstream->tls.get();
  if (upstream->tls) {
    out.at.upstream_connect_end = upstream->tcp_connected_ns;
    out.at.upstream_handshake_end = upstream->connected_ns;
  }
  out.upstream_connection_id = upstream->id;
  out.upstream_local = upstream->local;
  out.upstream_remote = host->address();
  out.upstream_wire_sent = received;
  out.upstream_wire_received = sent;
}

}  // namespace nuncio::ext::tcp
