// The names of all statistics that C++ keeps, by kind of scope: one X-macro list each. A stat's full name is
// `<prefix of the kind><scope name>.<stat>`; nobody writes it out before somebody asks. The lists are those of Envoy
// 1.40, so that `/stats` prints the same names; stats that only the main thread keeps are in
// src/stats/main-templates.ts.
//
//   COUNTER, GAUGE     always printed once the scope is known
//   LAZY_COUNTER       printed after its first increment
//   HISTOGRAM          (name, unit) always printed
//   LAZY_HISTOGRAM     (name, unit) printed after its first value
#pragma once

// What a listener does with connections: `listener.<address>.`.
#define NUNCIO_LISTENER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(downstream_cx_destroy) COUNTER(downstream_cx_overflow) COUNTER(downstream_cx_overload_reject) \
  COUNTER(downstream_cx_total) COUNTER(downstream_cx_transport_socket_connect_timeout) \
  COUNTER(downstream_global_cx_overflow) COUNTER(downstream_listener_filter_error) \
  COUNTER(downstream_listener_filter_remote_close) COUNTER(downstream_pre_cx_timeout) COUNTER(no_filter_chain_match) \
  GAUGE(downstream_cx_active) GAUGE(downstream_pre_cx_active) \
  HISTOGRAM(connections_accepted_per_socket_event, kUnspecified) HISTOGRAM(downstream_cx_length_ms, kMilliseconds)

// Extension configs a listener waits for: `listener.<address>.` (absent from the admin listener).
#define NUNCIO_LISTENER_EXTENSION_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(extension_config_missing) COUNTER(network_extension_config_missing)

// One worker's share of a listener: `listener.<address>.worker_<n>.`.
#define NUNCIO_LISTENER_WORKER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(downstream_cx_total) GAUGE(downstream_cx_active)

// One connection manager on one listener: `listener.<address>.http.<prefix>.`.
#define NUNCIO_LISTENER_HTTP_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(downstream_rq_1xx) COUNTER(downstream_rq_2xx) COUNTER(downstream_rq_3xx) COUNTER(downstream_rq_4xx) \
  COUNTER(downstream_rq_5xx) COUNTER(downstream_rq_completed)

// HTTP connection manager: `http.<prefix>.`.
#define NUNCIO_HTTP_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(downstream_cx_delayed_close_timeout) COUNTER(downstream_cx_destroy) \
  COUNTER(downstream_cx_destroy_active_rq) COUNTER(downstream_cx_destroy_local) \
  COUNTER(downstream_cx_destroy_local_active_rq) COUNTER(downstream_cx_destroy_remote) \
  COUNTER(downstream_cx_destroy_remote_active_rq) COUNTER(downstream_cx_drain_close) \
  COUNTER(downstream_cx_http1_total) COUNTER(downstream_cx_http2_total) COUNTER(downstream_cx_http3_total) \
  COUNTER(downstream_cx_idle_timeout) COUNTER(downstream_cx_max_duration_reached) \
  COUNTER(downstream_cx_max_requests_reached) COUNTER(downstream_cx_overload_disable_keepalive) \
  COUNTER(downstream_cx_protocol_error) COUNTER(downstream_cx_rx_bytes_total) COUNTER(downstream_cx_ssl_total) \
  COUNTER(downstream_cx_total) COUNTER(downstream_cx_tx_bytes_total) COUNTER(downstream_cx_upgrades_total) \
  COUNTER(downstream_flow_control_paused_reading_total) COUNTER(downstream_flow_control_resumed_reading_total) \
  COUNTER(downstream_rq_1xx) COUNTER(downstream_rq_2xx) COUNTER(downstream_rq_3xx) COUNTER(downstream_rq_4xx) \
  COUNTER(downstream_rq_5xx) COUNTER(downstream_rq_completed) COUNTER(downstream_rq_failed_path_normalization) \
  COUNTER(downstream_rq_header_timeout) COUNTER(downstream_rq_http1_total) COUNTER(downstream_rq_http2_total) \
  COUNTER(downstream_rq_http3_total) COUNTER(downstream_rq_idle_timeout) COUNTER(downstream_rq_max_duration_reached) \
  COUNTER(downstream_rq_non_relative_path) COUNTER(downstream_rq_overload_close) \
  COUNTER(downstream_rq_redirected_with_normalized_path) COUNTER(downstream_rq_rejected_via_ip_detection) \
  COUNTER(downstream_rq_response_before_rq_complete) COUNTER(downstream_rq_rx_reset) COUNTER(downstream_rq_timeout) \
  COUNTER(downstream_rq_too_large) COUNTER(downstream_rq_too_many_premature_resets) COUNTER(downstream_rq_total) \
  COUNTER(downstream_rq_tx_reset) COUNTER(downstream_rq_ws_on_non_ws_route) COUNTER(rs_too_large) \
  GAUGE(downstream_cx_active) GAUGE(downstream_cx_http1_active) GAUGE(downstream_cx_http1_soft_drain) \
  GAUGE(downstream_cx_http2_active) GAUGE(downstream_cx_http3_active) GAUGE(downstream_cx_rx_bytes_buffered) \
  GAUGE(downstream_cx_ssl_active) GAUGE(downstream_cx_tx_bytes_buffered) GAUGE(downstream_cx_upgrades_active) \
  GAUGE(downstream_rq_active) HISTOGRAM(downstream_cx_length_ms, kMilliseconds) \
  HISTOGRAM(downstream_rq_time, kMilliseconds)

// Router filter: `http.<prefix>.`.
#define NUNCIO_ROUTER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(no_cluster) COUNTER(no_route) COUNTER(passthrough_internal_redirect_bad_location) \
  COUNTER(passthrough_internal_redirect_no_route) COUNTER(passthrough_internal_redirect_predicate) \
  COUNTER(passthrough_internal_redirect_too_many_redirects) COUNTER(passthrough_internal_redirect_unsafe_scheme) \
  COUNTER(rq_direct_response) COUNTER(rq_overload_local_reply) COUNTER(rq_redirect) \
  COUNTER(rq_reset_after_downstream_response_started) COUNTER(rq_total)

// Tracing decisions: `http.<prefix>.tracing.`; scope name `<prefix>.tracing`.
#define NUNCIO_TRACING_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(client_enabled) COUNTER(health_check) COUNTER(not_traceable) COUNTER(random_sampling) \
  COUNTER(service_forced)

// Cluster: `cluster.<name>.`.
#define NUNCIO_CLUSTER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(assignment_stale) COUNTER(assignment_timeout_received) COUNTER(assignment_use_cached) COUNTER(bind_errors) \
  COUNTER(lb_healthy_panic) COUNTER(lb_local_cluster_not_ok) COUNTER(lb_recalculate_zone_structures) \
  COUNTER(lb_subsets_created) COUNTER(lb_subsets_fallback) COUNTER(lb_subsets_fallback_panic) \
  COUNTER(lb_subsets_removed) COUNTER(lb_subsets_selected) COUNTER(lb_zone_cluster_too_small) \
  COUNTER(lb_zone_no_capacity_left) COUNTER(lb_zone_routing_all_directly) COUNTER(lb_zone_routing_cross_zone) \
  COUNTER(lb_zone_routing_sampled) COUNTER(membership_change) COUNTER(original_dst_host_invalid) \
  COUNTER(retry_or_shadow_abandoned) COUNTER(update_attempt) COUNTER(update_empty) COUNTER(update_failure) \
  COUNTER(update_no_rebuild) COUNTER(update_success) COUNTER(upstream_cx_close_notify) \
  COUNTER(upstream_cx_connect_attempts_exceeded) COUNTER(upstream_cx_connect_fail) \
  COUNTER(upstream_cx_connect_timeout) COUNTER(upstream_cx_connect_with_0_rtt) COUNTER(upstream_cx_destroy) \
  COUNTER(upstream_cx_destroy_local) COUNTER(upstream_cx_destroy_local_with_active_rq) \
  COUNTER(upstream_cx_destroy_remote) COUNTER(upstream_cx_destroy_remote_with_active_rq) \
  COUNTER(upstream_cx_destroy_with_active_rq) COUNTER(upstream_cx_http1_total) COUNTER(upstream_cx_http2_total) \
  COUNTER(upstream_cx_http3_total) COUNTER(upstream_cx_idle_timeout) COUNTER(upstream_cx_max_duration_reached) \
  COUNTER(upstream_cx_max_requests) COUNTER(upstream_cx_none_healthy) COUNTER(upstream_cx_overflow) \
  COUNTER(upstream_cx_pool_overflow) COUNTER(upstream_cx_preconnect_skipped) COUNTER(upstream_cx_protocol_error) \
  COUNTER(upstream_cx_rx_bytes_total) COUNTER(upstream_cx_total) COUNTER(upstream_cx_tx_bytes_total) \
  COUNTER(upstream_flow_control_backed_up_total) COUNTER(upstream_flow_control_drained_total) \
  COUNTER(upstream_flow_control_paused_reading_total) COUNTER(upstream_flow_control_resumed_reading_total) \
  COUNTER(upstream_http3_broken) COUNTER(upstream_internal_redirect_failed_total) \
  COUNTER(upstream_internal_redirect_succeeded_total) COUNTER(upstream_rq_0rtt) COUNTER(upstream_rq_active_overflow) \
  COUNTER(upstream_rq_cancelled) COUNTER(upstream_rq_completed) COUNTER(upstream_rq_maintenance_mode) \
  COUNTER(upstream_rq_max_duration_reached) COUNTER(upstream_rq_pending_failure_eject) \
  COUNTER(upstream_rq_pending_overflow) COUNTER(upstream_rq_pending_total) COUNTER(upstream_rq_per_try_idle_timeout) \
  COUNTER(upstream_rq_per_try_timeout) COUNTER(upstream_rq_retry) COUNTER(upstream_rq_retry_backoff_exponential) \
  COUNTER(upstream_rq_retry_backoff_ratelimited) COUNTER(upstream_rq_retry_limit_exceeded) \
  COUNTER(upstream_rq_retry_overflow) COUNTER(upstream_rq_retry_success) COUNTER(upstream_rq_rx_reset) \
  COUNTER(upstream_rq_rx_reset_no_error) COUNTER(upstream_rq_timeout) COUNTER(upstream_rq_total) \
  COUNTER(upstream_rq_tx_reset) GAUGE(lb_subsets_active) GAUGE(max_host_weight) GAUGE(membership_degraded) \
  GAUGE(membership_excluded) GAUGE(membership_healthy) GAUGE(membership_total) GAUGE(upstream_cx_active) \
  GAUGE(upstream_cx_rx_bytes_buffered) GAUGE(upstream_cx_tx_bytes_buffered) GAUGE(upstream_queue_overloaded) \
  GAUGE(upstream_rq_active) GAUGE(upstream_rq_pending_active) GAUGE(version) GAUGE(warming_state) \
  HISTOGRAM(upstream_cx_connect_ms, kMilliseconds) HISTOGRAM(upstream_cx_length_ms, kMilliseconds) \
  HISTOGRAM(upstream_rq_per_cx, kUnspecified) LAZY_HISTOGRAM(upstream_rq_time, kMilliseconds)

// `cluster.<name>.circuit_breakers.<priority>.`; set only, process-wide: use `Registry::shared`.
#define NUNCIO_CIRCUIT_BREAKER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  GAUGE(cx_open) GAUGE(cx_pool_open) GAUGE(rq_open) GAUGE(rq_pending_open) GAUGE(rq_retry_open)

// The same scope, with `track_remaining`; set only, process-wide.
#define NUNCIO_CIRCUIT_BREAKER_REMAINING_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  GAUGE(remaining_cx) GAUGE(remaining_cx_pools) GAUGE(remaining_pending) GAUGE(remaining_retries) \
  GAUGE(remaining_rq)

// Cluster with `track_timeout_budgets`.
#define NUNCIO_TIMEOUT_BUDGET_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  HISTOGRAM(upstream_rq_timeout_budget_per_try_percent_used, kUnspecified) \
  HISTOGRAM(upstream_rq_timeout_budget_percent_used, kUnspecified)

// Cluster with `request_response_sizes`.
#define NUNCIO_REQUEST_RESPONSE_SIZE_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  HISTOGRAM(upstream_rq_body_size, kBytes) HISTOGRAM(upstream_rq_headers_count, kUnspecified) \
  HISTOGRAM(upstream_rq_headers_size, kBytes) HISTOGRAM(upstream_rs_body_size, kBytes) \
  HISTOGRAM(upstream_rs_headers_count, kUnspecified) HISTOGRAM(upstream_rs_headers_size, kBytes)

// Response codes under a prefix of their own: `cluster.<name>.{external,internal,canary,retry,zone.<a>.<b>}.`;
// The scope name is the whole prefix without the last dot.
#define NUNCIO_RESPONSES_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  LAZY_COUNTER(upstream_rq_completed) LAZY_HISTOGRAM(upstream_rq_time, kMilliseconds)

// TCP proxy: `tcp.<prefix>.`.
#define NUNCIO_TCP_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(downstream_cx_drain_close) COUNTER(downstream_cx_no_route) COUNTER(downstream_cx_overload_close) \
  COUNTER(downstream_cx_rx_bytes_total) COUNTER(downstream_cx_total) COUNTER(downstream_cx_tx_bytes_total) \
  COUNTER(downstream_flow_control_paused_reading_total) COUNTER(downstream_flow_control_resumed_reading_total) \
  COUNTER(early_data_received_count_total) COUNTER(idle_timeout) COUNTER(max_downstream_connection_duration) \
  COUNTER(route_delayed_total) COUNTER(upstream_flush_total) GAUGE(downstream_cx_rx_bytes_buffered) \
  GAUGE(downstream_cx_tx_bytes_buffered) GAUGE(upstream_flush_active)

// TCP proxy that asks for clusters on demand: `tcp.<prefix>.`.
#define NUNCIO_TCP_ON_DEMAND_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(on_demand_cluster_attempt) COUNTER(on_demand_cluster_missing) COUNTER(on_demand_cluster_success) \
  COUNTER(on_demand_cluster_timeout)

// `vhost.<vhost>.vcluster.<name>.` and `vhost.<vhost>.route.<stat_prefix>.`; scope name `<vhost>.vcluster.<name>`.
#define NUNCIO_VIRTUAL_CLUSTER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  LAZY_COUNTER(upstream_rq_completed) COUNTER(upstream_rq_retry) COUNTER(upstream_rq_retry_limit_exceeded) \
  COUNTER(upstream_rq_retry_overflow) COUNTER(upstream_rq_retry_success) COUNTER(upstream_rq_timeout) \
  COUNTER(upstream_rq_total) LAZY_HISTOGRAM(upstream_rq_time, kMilliseconds)

// HTTP/1 codec: `http1.` downstream, `cluster.<name>.http1.` upstream; the scope name is the whole
// Prefix without the last dot.
#define NUNCIO_HTTP1_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(dropped_headers_with_underscores) COUNTER(metadata_not_supported_error) \
  COUNTER(requests_rejected_with_underscores_in_headers) COUNTER(response_flood)

// HTTP/2 codec: `http2.` downstream, `cluster.<name>.http2.` upstream; the scope name is the whole prefix without the last dot.
#define NUNCIO_HTTP2_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(cookies_total_bytes_too_large) COUNTER(dropped_headers_with_underscores) COUNTER(goaway_sent) \
  COUNTER(header_list_size_too_large) COUNTER(header_overflow) COUNTER(headers_cb_no_stream) \
  COUNTER(inbound_empty_frames_flood) COUNTER(inbound_priority_frames_flood) \
  COUNTER(inbound_window_update_frames_flood) COUNTER(keepalive_timeout) COUNTER(metadata_empty_frames) \
  COUNTER(nghttp2_downstream_connections) COUNTER(nghttp2_upstream_connections) COUNTER(oghttp2_downstream_connections) \
  COUNTER(oghttp2_upstream_connections) COUNTER(outbound_control_flood) COUNTER(outbound_flood) \
  COUNTER(requests_rejected_with_underscores_in_headers) COUNTER(rx_messaging_error) COUNTER(rx_reset) \
  COUNTER(stream_refused_errors) COUNTER(trailers) COUNTER(tx_flush_timeout) COUNTER(tx_reset) \
  GAUGE(deferred_stream_close) GAUGE(outbound_control_frames_active) GAUGE(outbound_frames_active) \
  GAUGE(pending_send_bytes) GAUGE(streams_active) HISTOGRAM(cookie_count, kUnspecified) HISTOGRAM(cookie_size, kBytes) \
  HISTOGRAM(header_count, kUnspecified) HISTOGRAM(header_list_size, kBytes)

// Event loop, with `enable_dispatcher_stats`: `server.dispatcher.`, `listener_manager.worker_<n>.dispatcher.`.
#define NUNCIO_DISPATCHER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  HISTOGRAM(loop_duration_us, kMicroseconds) HISTOGRAM(poll_delay_us, kMicroseconds)

// Listener filters: `tls_inspector.`, `http_inspector.`; `proxy_proto[.<stat_prefix>].` and under it `versions.v1.`,
// `versions.v2.`. The scope name is the whole prefix without the last dot.
#define NUNCIO_TLS_INSPECTOR_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(alpn_found) COUNTER(alpn_not_found) COUNTER(client_hello_too_large) COUNTER(sni_found) \
  COUNTER(sni_not_found) COUNTER(tls_found) COUNTER(tls_not_found) HISTOGRAM(bytes_processed, kBytes)
#define NUNCIO_HTTP_INSPECTOR_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(http10_found) COUNTER(http11_found) COUNTER(http2_found) COUNTER(http_not_found) COUNTER(read_error)
#define NUNCIO_PROXY_PROTO_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(not_found_allowed) COUNTER(not_found_disallowed)
#define NUNCIO_PROXY_PROTO_VERSION_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(disallowed) COUNTER(error) COUNTER(found)

// `connection_limit.<prefix>.`; `local_rate_limit.<prefix>.` and `listener_local_ratelimit.<prefix>.`, whose scope name is
// the whole prefix.
#define NUNCIO_CONNECTION_LIMIT_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(limited_connections) GAUGE(active_connections)
#define NUNCIO_CONNECTION_RATE_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) COUNTER(rate_limited)

// TLS contexts of a listener or cluster: `listener.<address>.ssl.`, `cluster.<name>.ssl.`; the scope name is the whole prefix
// without the last dot. Ciphers, versions, curves and signature algorithms are named counters beside it.
#define NUNCIO_TLS_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(connection_error) COUNTER(fail_verify_cert_hash) COUNTER(fail_verify_error) COUNTER(fail_verify_no_cert) \
  COUNTER(fail_verify_san) COUNTER(handshake) COUNTER(no_certificate) COUNTER(ocsp_staple_failed) \
  COUNTER(ocsp_staple_omitted) COUNTER(ocsp_staple_requests) COUNTER(ocsp_staple_responses) COUNTER(session_reused)

// Making TLS contexts: `listener.<address>.server_ssl_socket_factory.`, `cluster.<name>.client_ssl_socket_factory.`.
#define NUNCIO_TLS_FACTORY_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) \
  COUNTER(downstream_context_secrets_not_ready) COUNTER(ssl_context_update_by_sds) \
  COUNTER(upstream_context_secrets_not_ready)

// Statistics with names of their own (an extension's, a filter's in TypeScript): the scope name is the whole name, and the
// one stat in it adds nothing to it.
#define NUNCIO_NAMED_COUNTER_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) COUNTER(value)
#define NUNCIO_NAMED_GAUGE_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) GAUGE(value)
#define NUNCIO_NAMED_HISTOGRAM_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) HISTOGRAM(value, kUnspecified)
#define NUNCIO_NAMED_TIME_STATS(COUNTER, GAUGE, LAZY_COUNTER, HISTOGRAM, LAZY_HISTOGRAM) HISTOGRAM(value, kMilliseconds)

// Every kind of scope: (type name, name towards TypeScript, prefix of the full name, list of stats).
#define NUNCIO_STAT_KINDS(KIND) \
  KIND(Listener, listener, "listener.", NUNCIO_LISTENER_STATS) \
  KIND(ListenerExtension, listener_extension, "listener.", NUNCIO_LISTENER_EXTENSION_STATS) \
  KIND(ListenerWorker, listener_worker, "listener.", NUNCIO_LISTENER_WORKER_STATS) \
  KIND(ListenerHttp, listener_http, "listener.", NUNCIO_LISTENER_HTTP_STATS) \
  KIND(Http, http, "http.", NUNCIO_HTTP_STATS) \
  KIND(Router, router, "http.", NUNCIO_ROUTER_STATS) \
  KIND(Tracing, tracing, "http.", NUNCIO_TRACING_STATS) \
  KIND(Cluster, cluster, "cluster.", NUNCIO_CLUSTER_STATS) \
  KIND(CircuitBreaker, circuit_breaker, "cluster.", NUNCIO_CIRCUIT_BREAKER_STATS) \
  KIND(CircuitBreakerRemaining, circuit_breaker_remaining, "cluster.", NUNCIO_CIRCUIT_BREAKER_REMAINING_STATS) \
  KIND(TimeoutBudget, timeout_budget, "cluster.", NUNCIO_TIMEOUT_BUDGET_STATS) \
  KIND(RequestResponseSize, request_response_size, "cluster.", NUNCIO_REQUEST_RESPONSE_SIZE_STATS) \
  KIND(Responses, responses, "", NUNCIO_RESPONSES_STATS) \
  KIND(Tcp, tcp, "tcp.", NUNCIO_TCP_STATS) \
  KIND(TcpOnDemand, tcp_on_demand, "tcp.", NUNCIO_TCP_ON_DEMAND_STATS) \
  KIND(VirtualCluster, virtual_cluster, "vhost.", NUNCIO_VIRTUAL_CLUSTER_STATS) \
  KIND(Http1, http1, "", NUNCIO_HTTP1_STATS) \
  KIND(Http2, http2, "", NUNCIO_HTTP2_STATS) \
  KIND(Dispatcher, dispatcher, "", NUNCIO_DISPATCHER_STATS) \
  KIND(TlsInspector, tls_inspector, "", NUNCIO_TLS_INSPECTOR_STATS) \
  KIND(HttpInspector, http_inspector, "", NUNCIO_HTTP_INSPECTOR_STATS) \
  KIND(ProxyProto, proxy_proto, "", NUNCIO_PROXY_PROTO_STATS) \
  KIND(ProxyProtoVersion, proxy_proto_version, "", NUNCIO_PROXY_PROTO_VERSION_STATS) \
  KIND(ConnectionLimit, connection_limit, "connection_limit.", NUNCIO_CONNECTION_LIMIT_STATS) \
  KIND(ConnectionRate, connection_rate, "", NUNCIO_CONNECTION_RATE_STATS) \
  KIND(Tls, tls, "", NUNCIO_TLS_STATS) \
  KIND(TlsFactory, tls_factory, "", NUNCIO_TLS_FACTORY_STATS) \
  KIND(NamedCounter, named_counter, "", NUNCIO_NAMED_COUNTER_STATS) \
  KIND(NamedGauge, named_gauge, "", NUNCIO_NAMED_GAUGE_STATS) \
  KIND(NamedHistogram, named_histogram, "", NUNCIO_NAMED_HISTOGRAM_STATS) \
  KIND(NamedTime, named_time, "", NUNCIO_NAMED_TIME_STATS)
