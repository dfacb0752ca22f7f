// Which counters, gauges and histograms there are, before and after traffic.
import { get } from '../support/bytes.js'
import { cluster, http, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const names = (body: string): string[] =>
  body
    .split('\n')
    .map(line => line.split(': ')[0] ?? '')
    .filter(name => name !== '')

feature(
  'names of stats',
  {
    file: import.meta.url,
    clusters: [cluster('up'), cluster('idle', ['up'])],
    listeners: [
      http('main', {
        vhost: 'virtual_clusters: [{name: vc, headers: [{name: ":path", string_match: {prefix: /vc}}]}]',
        routes:
          '[{match: {prefix: /sp}, route: {cluster: up}, stat_prefix: rs}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
      tcp('tcp', 'cluster: up'),
    ],
  },
  f => {
    const before =
      (prefix: string) =>
      async (s: Scene): Promise<void> => {
        const { body } = await s.proxy.admin('/stats')
        s.note(
          names(body)
            .filter(name => name.startsWith(prefix))
            .join('\n'),
        )
      }
    f.scenario(
      'of a cluster without traffic',
      {
        sees: `
    cluster.idle.assignment_stale
    cluster.idle.assignment_timeout_received
    cluster.idle.assignment_use_cached
    cluster.idle.bind_errors
    cluster.idle.circuit_breakers.default.cx_open
    cluster.idle.circuit_breakers.default.cx_pool_open
    cluster.idle.circuit_breakers.default.rq_open
    cluster.idle.circuit_breakers.default.rq_pending_open
    cluster.idle.circuit_breakers.default.rq_retry_open
    cluster.idle.circuit_breakers.high.cx_open
    cluster.idle.circuit_breakers.high.cx_pool_open
    cluster.idle.circuit_breakers.high.rq_open
    cluster.idle.circuit_breakers.high.rq_pending_open
    cluster.idle.circuit_breakers.high.rq_retry_open
    cluster.idle.default.total_match_count
    cluster.idle.lb_healthy_panic
    cluster.idle.lb_local_cluster_not_ok
    cluster.idle.lb_recalculate_zone_structures
    cluster.idle.lb_subsets_active
    cluster.idle.lb_subsets_created
    cluster.idle.lb_subsets_fallback
    cluster.idle.lb_subsets_fallback_panic
    cluster.idle.lb_subsets_removed
    cluster.idle.lb_subsets_selected
    cluster.idle.lb_zone_cluster_too_small
    cluster.idle.lb_zone_no_capacity_left
    cluster.idle.lb_zone_routing_all_directly
    cluster.idle.lb_zone_routing_cross_zone
    cluster.idle.lb_zone_routing_sampled
    cluster.idle.max_host_weight
    cluster.idle.membership_change
    cluster.idle.membership_degraded
    cluster.idle.membership_excluded
    cluster.idle.membership_healthy
    cluster.idle.membership_total
    cluster.idle.original_dst_host_invalid
    cluster.idle.retry_or_shadow_abandoned
    cluster.idle.update_attempt
    cluster.idle.update_empty
    cluster.idle.update_failure
    cluster.idle.update_no_rebuild
    cluster.idle.update_success
    cluster.idle.upstream_cx_active
    cluster.idle.upstream_cx_close_notify
    cluster.idle.upstream_cx_connect_attempts_exceeded
    cluster.idle.upstream_cx_connect_fail
    cluster.idle.upstream_cx_connect_timeout
    cluster.idle.upstream_cx_connect_with_0_rtt
    cluster.idle.upstream_cx_destroy
    cluster.idle.upstream_cx_destroy_local
    cluster.idle.upstream_cx_destroy_local_with_active_rq
    cluster.idle.upstream_cx_destroy_remote
    cluster.idle.upstream_cx_destroy_remote_with_active_rq
    cluster.idle.upstream_cx_destroy_with_active_rq
    cluster.idle.upstream_cx_http1_total
    cluster.idle.upstream_cx_http2_total
    cluster.idle.upstream_cx_http3_total
    cluster.idle.upstream_cx_idle_timeout
    cluster.idle.upstream_cx_max_duration_reached
    cluster.idle.upstream_cx_max_requests
    cluster.idle.upstream_cx_none_healthy
    cluster.idle.upstream_cx_overflow
    cluster.idle.upstream_cx_pool_overflow
    cluster.idle.upstream_cx_preconnect_skipped
    cluster.idle.upstream_cx_protocol_error
    cluster.idle.upstream_cx_rx_bytes_buffered
    cluster.idle.upstream_cx_rx_bytes_total
    cluster.idle.upstream_cx_total
    cluster.idle.upstream_cx_tx_bytes_buffered
    cluster.idle.upstream_cx_tx_bytes_total
    cluster.idle.upstream_flow_control_backed_up_total
    cluster.idle.upstream_flow_control_drained_total
    cluster.idle.upstream_flow_control_paused_reading_total
    cluster.idle.upstream_flow_control_resumed_reading_total
    cluster.idle.upstream_http3_broken
    cluster.idle.upstream_internal_redirect_failed_total
    cluster.idle.upstream_internal_redirect_succeeded_total
    cluster.idle.upstream_queue_overloaded
    cluster.idle.upstream_rq_0rtt
    cluster.idle.upstream_rq_active
    cluster.idle.upstream_rq_active_overflow
    cluster.idle.upstream_rq_cancelled
    cluster.idle.upstream_rq_completed
    cluster.idle.upstream_rq_maintenance_mode
    cluster.idle.upstream_rq_max_duration_reached
    cluster.idle.upstream_rq_pending_active
    cluster.idle.upstream_rq_pending_failure_eject
    cluster.idle.upstream_rq_pending_overflow
    cluster.idle.upstream_rq_pending_total
    cluster.idle.upstream_rq_per_try_idle_timeout
    cluster.idle.upstream_rq_per_try_timeout
    cluster.idle.upstream_rq_retry
    cluster.idle.upstream_rq_retry_backoff_exponential
    cluster.idle.upstream_rq_retry_backoff_ratelimited
    cluster.idle.upstream_rq_retry_limit_exceeded
    cluster.idle.upstream_rq_retry_overflow
    cluster.idle.upstream_rq_retry_success
    cluster.idle.upstream_rq_rx_reset
    cluster.idle.upstream_rq_rx_reset_no_error
    cluster.idle.upstream_rq_timeout
    cluster.idle.upstream_rq_total
    cluster.idle.upstream_rq_tx_reset
    cluster.idle.version
    cluster.idle.warming_state
    cluster.idle.upstream_cx_connect_ms
    cluster.idle.upstream_cx_length_ms
    cluster.idle.upstream_rq_per_cx
  `,
      },
      before('cluster.idle.'),
    )
    f.scenario(
      'of a connection manager without traffic',
      {
        sees: `
    http.main.downstream_cx_active
    http.main.downstream_cx_delayed_close_timeout
    http.main.downstream_cx_destroy
    http.main.downstream_cx_destroy_active_rq
    http.main.downstream_cx_destroy_local
    http.main.downstream_cx_destroy_local_active_rq
    http.main.downstream_cx_destroy_remote
    http.main.downstream_cx_destroy_remote_active_rq
    http.main.downstream_cx_drain_close
    http.main.downstream_cx_http1_active
    http.main.downstream_cx_http1_soft_drain
    http.main.downstream_cx_http1_total
    http.main.downstream_cx_http2_active
    http.main.downstream_cx_http2_total
    http.main.downstream_cx_http3_active
    http.main.downstream_cx_http3_total
    http.main.downstream_cx_idle_timeout
    http.main.downstream_cx_max_duration_reached
    http.main.downstream_cx_max_requests_reached
    http.main.downstream_cx_overload_disable_keepalive
    http.main.downstream_cx_protocol_error
    http.main.downstream_cx_rx_bytes_buffered
    http.main.downstream_cx_rx_bytes_total
    http.main.downstream_cx_ssl_active
    http.main.downstream_cx_ssl_total
    http.main.downstream_cx_total
    http.main.downstream_cx_tx_bytes_buffered
    http.main.downstream_cx_tx_bytes_total
    http.main.downstream_cx_upgrades_active
    http.main.downstream_cx_upgrades_total
    http.main.downstream_flow_control_paused_reading_total
    http.main.downstream_flow_control_resumed_reading_total
    http.main.downstream_rq_1xx
    http.main.downstream_rq_2xx
    http.main.downstream_rq_3xx
    http.main.downstream_rq_4xx
    http.main.downstream_rq_5xx
    http.main.downstream_rq_active
    http.main.downstream_rq_completed
    http.main.downstream_rq_failed_path_normalization
    http.main.downstream_rq_header_timeout
    http.main.downstream_rq_http1_total
    http.main.downstream_rq_http2_total
    http.main.downstream_rq_http3_total
    http.main.downstream_rq_idle_timeout
    http.main.downstream_rq_max_duration_reached
    http.main.downstream_rq_non_relative_path
    http.main.downstream_rq_overload_close
    http.main.downstream_rq_redirected_with_normalized_path
    http.main.downstream_rq_rejected_via_ip_detection
    http.main.downstream_rq_response_before_rq_complete
    http.main.downstream_rq_rx_reset
    http.main.downstream_rq_timeout
    http.main.downstream_rq_too_large
    http.main.downstream_rq_too_many_premature_resets
    http.main.downstream_rq_total
    http.main.downstream_rq_tx_reset
    http.main.downstream_rq_ws_on_non_ws_route
    http.main.no_cluster
    http.main.no_route
    http.main.passthrough_internal_redirect_bad_location
    http.main.passthrough_internal_redirect_no_route
    http.main.passthrough_internal_redirect_predicate
    http.main.passthrough_internal_redirect_too_many_redirects
    http.main.passthrough_internal_redirect_unsafe_scheme
    http.main.rq_direct_response
    http.main.rq_overload_local_reply
    http.main.rq_redirect
    http.main.rq_reset_after_downstream_response_started
    http.main.rq_total
    http.main.rs_too_large
    http.main.tracing.client_enabled
    http.main.tracing.health_check
    http.main.tracing.not_traceable
    http.main.tracing.random_sampling
    http.main.tracing.service_forced
    http.main.downstream_cx_length_ms
    http.main.downstream_rq_time
  `,
      },
      before('http.main.'),
    )
    f.scenario(
      'of a listener without traffic',
      {
        sees: `
    listener.127.0.0.1_0.downstream_cx_active
    listener.127.0.0.1_0.downstream_cx_destroy
    listener.127.0.0.1_0.downstream_cx_overflow
    listener.127.0.0.1_0.downstream_cx_overload_reject
    listener.127.0.0.1_0.downstream_cx_total
    listener.127.0.0.1_0.downstream_cx_transport_socket_connect_timeout
    listener.127.0.0.1_0.downstream_global_cx_overflow
    listener.127.0.0.1_0.downstream_listener_filter_error
    listener.127.0.0.1_0.downstream_listener_filter_remote_close
    listener.127.0.0.1_0.downstream_pre_cx_active
    listener.127.0.0.1_0.downstream_pre_cx_timeout
    listener.127.0.0.1_0.extension_config_missing
    listener.127.0.0.1_0.http.main.downstream_rq_1xx
    listener.127.0.0.1_0.http.main.downstream_rq_2xx
    listener.127.0.0.1_0.http.main.downstream_rq_3xx
    listener.127.0.0.1_0.http.main.downstream_rq_4xx
    listener.127.0.0.1_0.http.main.downstream_rq_5xx
    listener.127.0.0.1_0.http.main.downstream_rq_completed
    listener.127.0.0.1_0.network_extension_config_missing
    listener.127.0.0.1_0.no_filter_chain_match
    listener.127.0.0.1_0.worker_0.downstream_cx_active
    listener.127.0.0.1_0.worker_0.downstream_cx_total
    listener.127.0.0.1_0.connections_accepted_per_socket_event
    listener.127.0.0.1_0.downstream_cx_length_ms
  `,
      },
      before('listener.127.0.0.1_0.'),
    )
    f.scenario(
      'of the admin',
      {
        sees: `
    listener.admin.downstream_cx_active
    listener.admin.downstream_cx_destroy
    listener.admin.downstream_cx_overflow
    listener.admin.downstream_cx_overload_reject
    listener.admin.downstream_cx_total
    listener.admin.downstream_cx_transport_socket_connect_timeout
    listener.admin.downstream_global_cx_overflow
    listener.admin.downstream_listener_filter_error
    listener.admin.downstream_listener_filter_remote_close
    listener.admin.downstream_pre_cx_active
    listener.admin.downstream_pre_cx_timeout
    listener.admin.http.admin.downstream_rq_1xx
    listener.admin.http.admin.downstream_rq_2xx
    listener.admin.http.admin.downstream_rq_3xx
    listener.admin.http.admin.downstream_rq_4xx
    listener.admin.http.admin.downstream_rq_5xx
    listener.admin.http.admin.downstream_rq_completed
    listener.admin.main_thread.downstream_cx_active
    listener.admin.main_thread.downstream_cx_total
    listener.admin.no_filter_chain_match
    listener.admin.connections_accepted_per_socket_event
    listener.admin.downstream_cx_length_ms
  `,
      },
      before('listener.admin.'),
    )
    f.scenario(
      'of a TCP proxy',
      {
        sees: `
    tcp.tcp.downstream_cx_drain_close
    tcp.tcp.downstream_cx_no_route
    tcp.tcp.downstream_cx_overload_close
    tcp.tcp.downstream_cx_rx_bytes_buffered
    tcp.tcp.downstream_cx_rx_bytes_total
    tcp.tcp.downstream_cx_total
    tcp.tcp.downstream_cx_tx_bytes_buffered
    tcp.tcp.downstream_cx_tx_bytes_total
    tcp.tcp.downstream_flow_control_paused_reading_total
    tcp.tcp.downstream_flow_control_resumed_reading_total
    tcp.tcp.early_data_received_count_total
    tcp.tcp.idle_timeout
    tcp.tcp.max_downstream_connection_duration
    tcp.tcp.route_delayed_total
    tcp.tcp.upstream_flush_active
    tcp.tcp.upstream_flush_total
  `,
      },
      before('tcp.'),
    )
    f.scenario(
      'of the cluster manager',
      {
        sees: `
    cluster_manager.active_clusters
    cluster_manager.cluster_added
    cluster_manager.cluster_modified
    cluster_manager.cluster_removed
    cluster_manager.cluster_updated
    cluster_manager.cluster_updated_via_merge
    cluster_manager.update_merge_cancelled
    cluster_manager.update_out_of_merge_window
    cluster_manager.warming_clusters
  `,
      },
      before('cluster_manager.'),
    )
    f.scenario(
      'of the listener manager',
      {
        sees: `
    listener_manager.listener_added
    listener_manager.listener_create_failure
    listener_manager.listener_create_success
    listener_manager.listener_in_place_updated
    listener_manager.listener_modified
    listener_manager.listener_removed
    listener_manager.listener_stopped
    listener_manager.total_filter_chains_draining
    listener_manager.total_listeners_active
    listener_manager.total_listeners_draining
    listener_manager.total_listeners_warming
    listener_manager.workers_pinned
    listener_manager.workers_started
  `,
      },
      before('listener_manager.'),
    )
    f.scenario(
      'of the server',
      {
        sees: `
    server.compilation_settings.fips_mode
    server.concurrency
    server.days_until_first_cert_expiring
    server.debug_assertion_failures
    server.dropped_stat_flushes
    server.dynamic_unknown_fields
    server.envoy_bug_failures
    server.envoy_notifications
    server.hot_restart_epoch
    server.live
    server.main_thread.watchdog_mega_miss
    server.main_thread.watchdog_miss
    server.memory_allocated
    server.memory_heap_size
    server.memory_physical_size
    server.parent_connections
    server.seconds_until_first_ocsp_response_expiring
    server.state
    server.static_unknown_fields
    server.stats_recent_lookups
    server.total_connections
    server.uptime
    server.version
    server.wip_protos
    server.worker_0.watchdog_mega_miss
    server.worker_0.watchdog_miss
    server.initialization_time_ms
  `,
      },
      before('server.'),
    )
    f.scenario(
      'of the runtime',
      {
        sees: `
    runtime.admin_overrides_active
    runtime.deprecated_feature_seen_since_process_start
    runtime.deprecated_feature_use
    runtime.load_error
    runtime.load_success
    runtime.num_keys
    runtime.num_layers
    runtime.override_dir_exists
    runtime.override_dir_not_exists
  `,
      },
      before('runtime.'),
    )
    f.scenario(
      'of the file system',
      {
        sees: `
    filesystem.flushed_by_timer
    filesystem.reopen_failed
    filesystem.write_buffered
    filesystem.write_completed
    filesystem.write_failed
    filesystem.write_total_buffered
  `,
      },
      before('filesystem.'),
    )
    f.scenario(
      'of other kinds',
      {
        sees: `
    envoy.overload_actions.reset_high_memory_stream.count
    http1.dropped_headers_with_underscores
    http1.metadata_not_supported_error
    http1.requests_rejected_with_underscores_in_headers
    http1.response_flood
    main_thread.watchdog_mega_miss
    main_thread.watchdog_miss
    thread_local_cluster_manager.main_thread.clusters_inflated
    thread_local_cluster_manager.worker_0.clusters_inflated
    vhost.all.route.rs.upstream_rq_retry
    vhost.all.route.rs.upstream_rq_retry_limit_exceeded
    vhost.all.route.rs.upstream_rq_retry_overflow
    vhost.all.route.rs.upstream_rq_retry_success
    vhost.all.route.rs.upstream_rq_timeout
    vhost.all.route.rs.upstream_rq_total
    vhost.all.vcluster.other.upstream_rq_retry
    vhost.all.vcluster.other.upstream_rq_retry_limit_exceeded
    vhost.all.vcluster.other.upstream_rq_retry_overflow
    vhost.all.vcluster.other.upstream_rq_retry_success
    vhost.all.vcluster.other.upstream_rq_timeout
    vhost.all.vcluster.other.upstream_rq_total
    vhost.all.vcluster.vc.upstream_rq_retry
    vhost.all.vcluster.vc.upstream_rq_retry_limit_exceeded
    vhost.all.vcluster.vc.upstream_rq_retry_overflow
    vhost.all.vcluster.vc.upstream_rq_retry_success
    vhost.all.vcluster.vc.upstream_rq_timeout
    vhost.all.vcluster.vc.upstream_rq_total
    workers.watchdog_mega_miss
    workers.watchdog_miss
    overload.refresh_interval_delay
  `,
      },
      async s => {
        const { body } = await s.proxy.admin('/stats')
        s.note(
          names(body)
            .filter(
              name =>
                !/^(?:cluster\.|http\.|listener\.|tcp\.|cluster_manager\.|listener_manager\.|server\.|runtime\.|filesystem\.)/.test(
                  name,
                ),
            )
            .join('\n'),
        )
      },
    )
    f.scenario(
      'of virtual hosts and clusters',
      {
        sees: `
    vhost.all.route.rs.upstream_rq_200
    vhost.all.route.rs.upstream_rq_2xx
    vhost.all.route.rs.upstream_rq_completed
    vhost.all.route.rs.upstream_rq_retry
    vhost.all.route.rs.upstream_rq_retry_limit_exceeded
    vhost.all.route.rs.upstream_rq_retry_overflow
    vhost.all.route.rs.upstream_rq_retry_success
    vhost.all.route.rs.upstream_rq_timeout
    vhost.all.route.rs.upstream_rq_total
    vhost.all.vcluster.other.upstream_rq_200
    vhost.all.vcluster.other.upstream_rq_2xx
    vhost.all.vcluster.other.upstream_rq_completed
    vhost.all.vcluster.other.upstream_rq_retry
    vhost.all.vcluster.other.upstream_rq_retry_limit_exceeded
    vhost.all.vcluster.other.upstream_rq_retry_overflow
    vhost.all.vcluster.other.upstream_rq_retry_success
    vhost.all.vcluster.other.upstream_rq_timeout
    vhost.all.vcluster.other.upstream_rq_total
    vhost.all.vcluster.vc.upstream_rq_200
    vhost.all.vcluster.vc.upstream_rq_2xx
    vhost.all.vcluster.vc.upstream_rq_completed
    vhost.all.vcluster.vc.upstream_rq_retry
    vhost.all.vcluster.vc.upstream_rq_retry_limit_exceeded
    vhost.all.vcluster.vc.upstream_rq_retry_overflow
    vhost.all.vcluster.vc.upstream_rq_retry_success
    vhost.all.vcluster.vc.upstream_rq_timeout
    vhost.all.vcluster.vc.upstream_rq_total
    vhost.all.route.rs.upstream_rq_time
    vhost.all.vcluster.other.upstream_rq_time
    vhost.all.vcluster.vc.upstream_rq_time
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/vc'))
        await client.response(1)
        await client.send(get('/sp'))
        await client.response(2)
        await s.stat('vhost.all.vcluster.vc.upstream_rq_200', 1)
        await s.stat('vhost.all.route.rs.upstream_rq_200', 1)
        const { body } = await s.proxy.admin('/stats')
        s.note(
          names(body)
            .filter(name => name.startsWith('vhost.'))
            .join('\n'),
        )
      },
    )
    f.scenario(
      'that are used after one request',
      {
        sees: `
    cluster.up.circuit_breakers.default.cx_open
    cluster.up.circuit_breakers.default.cx_pool_open
    cluster.up.circuit_breakers.default.rq_open
    cluster.up.circuit_breakers.default.rq_pending_open
    cluster.up.default.total_match_count
    cluster.up.external.upstream_rq_200
    cluster.up.external.upstream_rq_2xx
    cluster.up.external.upstream_rq_completed
    cluster.up.membership_change
    cluster.up.membership_degraded
    cluster.up.membership_excluded
    cluster.up.membership_healthy
    cluster.up.membership_total
    cluster.up.upstream_cx_active
    cluster.up.upstream_cx_http1_total
    cluster.up.upstream_cx_rx_bytes_buffered
    cluster.up.upstream_cx_rx_bytes_total
    cluster.up.upstream_cx_total
    cluster.up.upstream_cx_tx_bytes_total
    cluster.up.upstream_rq_200
    cluster.up.upstream_rq_2xx
    cluster.up.upstream_rq_active
    cluster.up.upstream_rq_completed
    cluster.up.upstream_rq_pending_active
    cluster.up.upstream_rq_pending_total
    cluster.up.upstream_rq_total
    cluster.up.warming_state
    cluster_manager.active_clusters
    cluster_manager.cluster_added
    cluster_manager.warming_clusters
    http.main.downstream_cx_active
    http.main.downstream_cx_destroy
    http.main.downstream_cx_destroy_remote
    http.main.downstream_cx_http1_active
    http.main.downstream_cx_http1_total
    http.main.downstream_cx_rx_bytes_buffered
    http.main.downstream_cx_rx_bytes_total
    http.main.downstream_cx_total
    http.main.downstream_cx_tx_bytes_total
    http.main.downstream_rq_2xx
    http.main.downstream_rq_active
    http.main.downstream_rq_completed
    http.main.downstream_rq_http1_total
    http.main.downstream_rq_total
    http.main.rq_total
    listener.127.0.0.1_0.downstream_cx_active
    listener.127.0.0.1_0.downstream_cx_destroy
    listener.127.0.0.1_0.downstream_cx_total
    listener.127.0.0.1_0.downstream_pre_cx_active
    listener.127.0.0.1_0.http.main.downstream_rq_2xx
    listener.127.0.0.1_0.http.main.downstream_rq_completed
    listener.127.0.0.1_0.worker_0.downstream_cx_active
    listener.127.0.0.1_0.worker_0.downstream_cx_total
    listener_manager.listener_added
    listener_manager.listener_create_success
    listener_manager.total_listeners_active
    listener_manager.total_listeners_warming
    listener_manager.workers_started
  `,
      },
      async s => {
        const { body } = await s.proxy.admin('/stats?usedonly')
        s.note(
          names(body)
            .filter(
              name =>
                /^(?:cluster\.up|http\.main|listener\.127|listener_manager\.|cluster_manager\.)/.test(name) &&
                !/_time$|length_ms/.test(name),
            )
            .join('\n'),
        )
      },
    )
    f.scenario(
      'values after start',
      {
        sees: `
    cluster_manager.active_clusters 2
    cluster_manager.cluster_added 2
    listener_manager.total_listeners_active 2
    listener_manager.listener_added 2
    listener_manager.workers_started 1
    listener_manager.listener_create_success 2
    server.live 1
    server.state 0
    server.concurrency 1
    server.hot_restart_epoch 0
    cluster.up.membership_total 1
    cluster.up.membership_healthy 1
    runtime.num_layers 0
    server.static_unknown_fields 0
    server.total_connections 0
    cluster.up.max_host_weight 0
    cluster.up.version 0
    cluster.up.update_attempt 0
  `,
      },
      async s => {
        const stats = await s.proxy.stats()
        for (const name of [
          'cluster_manager.active_clusters',
          'cluster_manager.cluster_added',
          'listener_manager.total_listeners_active',
          'listener_manager.listener_added',
          'listener_manager.workers_started',
          'listener_manager.listener_create_success',
          'server.live',
          'server.state',
          'server.concurrency',
          'server.hot_restart_epoch',
          'cluster.up.membership_total',
          'cluster.up.membership_healthy',
          'runtime.num_layers',
          'server.static_unknown_fields',
          'server.total_connections',
          'cluster.up.max_host_weight',
          'cluster.up.version',
          'cluster.up.update_attempt',
        ]) {
          s.note(`${name} ${stats.get(name)}`)
        }
      },
    )
  },
)

/** One request, counted. */
const traffic = async (s: Scene): Promise<void> => {
  const client = await s.connect()
  await client.send(get('/'))
  await client.response()
  await poll(
    'the count',
    async () => (await s.proxy.admin('/stats?filter=^http.main.downstream_rq_2xx')).body.endsWith(' 1\n') || undefined,
  ).catch(() => undefined)
}

feature(
  'stats kept out',
  {
    file: import.meta.url,
    listeners: [http('main')],
    more: 'stats_config: {stats_matcher: {exclusion_list: {patterns: [{prefix: cluster.}, {suffix: rq_total}]}}}',
  },
  f => {
    f.scenario(
      'an exclusion list',
      {
        sees: `
          clusters: false, totals: false, others: true
        `,
      },
      async s => {
        await traffic(s)
        const { body } = await s.proxy.admin('/stats')
        const all = names(body)
        s.note(
          `clusters: ${all.some(name => name.startsWith('cluster.'))}, totals: ${all.some(name => name.endsWith('rq_total'))}, others: ${all.includes('http.main.downstream_cx_total')}`,
        )
      },
    )
  },
)

feature(
  'stats let in',
  {
    file: import.meta.url,
    listeners: [http('main')],
    more: 'stats_config: {stats_matcher: {inclusion_list: {patterns: [{exact: http.main.downstream_rq_total}, {contains: upstream_cx}]}}}',
  },
  f => {
    f.scenario(
      'an inclusion list',
      {
        sees: `
          http.main.downstream_rq_total
        `,
      },
      async s => {
        await traffic(s)
        const { body } = await s.proxy.admin('/stats')
        s.note(
          names(body)
            .filter(name => !name.includes('upstream_cx'))
            .join('\n'),
        )
      },
    )
  },
)

feature(
  'tags',
  {
    file: import.meta.url,
    listeners: [http('main')],
    more: 'stats_config: {use_all_default_tags: true, stats_tags: [{tag_name: own, regex: "^cluster\\\\.((.+?)\\\\.)"}, {tag_name: fixed, fixed_value: v}]}',
  },
  f => {
    f.scenario(
      'own tags in the prometheus form',
      {
        sees: `
          # TYPE envoy_cluster_upstream_rq counter
          envoy_cluster_upstream_rq{envoy_response_code="200",fixed="v",envoy_cluster_name="up",own="up"} 1
          # TYPE envoy_cluster_upstream_rq_total counter
          envoy_cluster_upstream_rq_total{fixed="v",envoy_cluster_name="up",own="up"} 1
          # TYPE envoy_cluster_upstream_cx_active gauge
          envoy_cluster_upstream_cx_active{fixed="v",envoy_cluster_name="up",own="up"} 1

        `,
      },
      async s => {
        await traffic(s)
        s.note(
          (await s.proxy.admin('/stats?format=prometheus&filter=^cluster.up.upstream_(rq_total|rq_200|cx_active)'))
            .body,
        )
      },
    )
    f.scenario(
      'default tags in the prometheus form',
      {
        sees: `
          # TYPE envoy_http_downstream_rq_total counter
          envoy_http_downstream_rq_total{fixed="v",envoy_http_conn_manager_prefix="main"} 1
          # TYPE envoy_http_downstream_rq_xx counter
          envoy_http_downstream_rq_xx{envoy_response_code_class="2",fixed="v",envoy_http_conn_manager_prefix="main"} 1
          # TYPE envoy_listener_http_downstream_rq_xx counter
          envoy_listener_http_downstream_rq_xx{envoy_response_code_class="2",fixed="v",envoy_http_conn_manager_prefix="main",envoy_listener_address="127.0.0.1_0"} 1

        `,
      },
      async s => {
        await s.stat('http.main.downstream_rq_2xx', 1)
        s.note(
          (
            await s.proxy.admin(
              '/stats?format=prometheus&usedonly&filter=^http.main.downstream_rq_(2xx|total)|^listener.127.*rq_2xx',
            )
          ).body,
        )
      },
    )
  },
)

feature(
  'tags off',
  { file: import.meta.url, listeners: [http('main')], more: 'stats_config: {use_all_default_tags: false}' },
  f => {
    f.scenario(
      'without default tags',
      {
        sees: `
          # TYPE envoy_cluster_up_upstream_rq_total counter
          envoy_cluster_up_upstream_rq_total{} 1

        `,
      },
      async s => {
        await traffic(s)
        s.note((await s.proxy.admin('/stats?format=prometheus&filter=^cluster.up.upstream_rq_total')).body)
      },
    )
  },
)

feature(
  'buckets',
  {
    file: import.meta.url,
    listeners: [http('main')],
    more: 'stats_config: {histogram_bucket_settings: [{match: {prefix: cluster.up}, buckets: [1, 1000]}]}',
  },
  f => {
    f.scenario(
      'own buckets',
      {
        sees: `
          # TYPE envoy_cluster_upstream_cx_connect_ms histogram
          envoy_cluster_upstream_cx_connect_ms_bucket{envoy_cluster_name="up",le="1"} N
          envoy_cluster_upstream_cx_connect_ms_bucket{envoy_cluster_name="up",le="1000"} N
          envoy_cluster_upstream_cx_connect_ms_bucket{envoy_cluster_name="up",le="+Inf"} N
          envoy_cluster_upstream_cx_connect_ms_sum{envoy_cluster_name="up"} N
          envoy_cluster_upstream_cx_connect_ms_count{envoy_cluster_name="up"} N

        `,
      },
      async s => {
        await traffic(s)
        const read = async (): Promise<string> =>
          (await s.proxy.admin('/stats?format=prometheus&usedonly&filter=^cluster.up.upstream_cx_connect_ms')).body
        let text = await read()
        for (let tries = 0; tries < 400 && !text.includes('_bucket'); tries++) {
          await new Promise(resolve => setTimeout(resolve, 20))
          text = await read()
        }
        s.note(text.replace(/\} \d+$/gm, '} N'))
      },
    )
  },
)
