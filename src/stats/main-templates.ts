import type { HistogramTemplate, KindTemplate, StatTemplate } from './template.js'

// What only the main thread counts, under Envoy 1.40's names. The kinds that workers count are in native/stats/templates.h.

interface Names {
  readonly counters?: string
  readonly gauges?: string
  readonly histograms?: readonly HistogramTemplate[]
  readonly prefix?: string
}

function words(text: string | undefined, type: StatTemplate['type']): StatTemplate[] {
  return (text ?? '')
    .split(/\s+/)
    .filter(Boolean)
    .map(name => ({ name, type }))
}

function kind(name: string, names: Names): KindTemplate {
  return {
    kind: name,
    prefix: names.prefix ?? '',
    stats: [...words(names.counters, 'counter'), ...words(names.gauges, 'gauge')],
    histograms: names.histograms ?? [],
  }
}

const subscription = {
  counters: 'init_fetch_timeout update_attempt update_failure update_rejected update_success',
  gauges: 'update_time version',
  histograms: [{ name: 'update_duration', unit: 'milliseconds', lazy: false }],
} as const satisfies Names

/** Scope names: `server`, `listener_manager`, … unless the comment says otherwise. */
export const mainTemplates: readonly KindTemplate[] = [
  kind('server', {
    counters: `
      debug_assertion_failures dropped_stat_flushes dynamic_unknown_fields envoy_bug_failures
      envoy_notifications static_unknown_fields wip_protos`,
    gauges: `
      compilation_settings.fips_mode concurrency days_until_first_cert_expiring hot_restart_epoch
      live memory_allocated memory_heap_size memory_physical_size
      parent_connections seconds_until_first_ocsp_response_expiring state stats_recent_lookups
      total_connections uptime version`,
    histograms: [{ name: 'initialization_time_ms', unit: 'milliseconds', lazy: false }],
  }),
  kind('listener_manager', {
    counters: `
      listener_added listener_create_failure listener_create_success listener_in_place_updated
      listener_modified listener_removed listener_stopped`,
    gauges: `
      total_filter_chains_draining total_listeners_active total_listeners_draining
      total_listeners_warming workers_pinned workers_started`,
  }),
  // `<cluster>.health_check`, of clusters that are checked.
  kind('health_check', {
    prefix: 'cluster.',
    counters: 'attempt failure network_failure passive_failure success verify_cluster',
    gauges: 'degraded healthy',
  }),
  // `<cluster>.ring_hash_lb`, `<cluster>.maglev_lb`, of clusters that hash.
  kind('ring_hash_lb', { prefix: 'cluster.', gauges: 'max_hashes_per_host min_hashes_per_host size' }),
  kind('maglev_lb', { prefix: 'cluster.', gauges: 'max_entries_per_host min_entries_per_host' }),
  // `<cluster>.outlier_detection`, of clusters that have it.
  kind('outlier_detection', {
    prefix: 'cluster.',
    counters: `
      ejections_consecutive_5xx ejections_detected_consecutive_5xx
      ejections_detected_consecutive_gateway_failure ejections_detected_consecutive_local_origin_failure
      ejections_detected_degradation
      ejections_detected_failure_percentage ejections_detected_local_origin_failure_percentage
      ejections_detected_local_origin_success_rate ejections_detected_success_rate
      ejections_enforced_consecutive_5xx ejections_enforced_consecutive_gateway_failure
      ejections_enforced_consecutive_local_origin_failure ejections_enforced_failure_percentage
      ejections_enforced_local_origin_failure_percentage ejections_enforced_local_origin_success_rate
      ejections_enforced_success_rate ejections_enforced_total ejections_overflow ejections_success_rate
      ejections_total`,
    gauges: 'ejections_active',
  }),
  kind('cluster_manager', {
    counters: `
      cluster_added cluster_modified cluster_removed cluster_updated cluster_updated_via_merge
      update_merge_cancelled update_out_of_merge_window`,
    gauges: 'active_clusters warming_clusters',
  }),
  kind('runtime', {
    counters: `
      deprecated_feature_use load_error load_success override_dir_exists override_dir_not_exists`,
    gauges: 'admin_overrides_active deprecated_feature_seen_since_process_start num_keys num_layers',
  }),
  kind('filesystem', {
    counters: 'flushed_by_timer reopen_failed write_buffered write_completed write_failed',
    gauges: 'write_total_buffered',
  }),
  kind('grpc_access_log', {
    prefix: 'access_logs.',
    counters: 'grpc_entries_flush_failed grpc_entries_flushed logs_dropped logs_written',
  }),
  // dns.cares
  kind('dns', {
    counters: 'get_addr_failure not_found reinits resolve_total timeouts',
    gauges: 'pending_resolutions',
  }),
  // main_thread, workers, server.main_thread, server.worker_<n>
  kind('watchdog', { counters: 'watchdog_mega_miss watchdog_miss' }),
  // thread_local_cluster_manager.main_thread, thread_local_cluster_manager.worker_<n>
  kind('thread_local_clusters', { gauges: 'clusters_inflated' }),
  // listener_manager.lds, runtime: a subscription to a management server.
  kind('subscription', subscription),
  // cluster_manager.cds
  kind('cds', {
    ...subscription,
    counters: `${subscription.counters} config_reload`,
    gauges: `${subscription.gauges} config_reload_time_ms`,
  }),
  // <stat_prefix>.rds.<route configuration>
  kind('rds', {
    ...subscription,
    prefix: 'http.',
    counters: `${subscription.counters} config_reload update_empty`,
    gauges: `${subscription.gauges} config_reload_time_ms`,
  }),
  // <stat_prefix>.scoped_rds.<scopes>
  kind('srds', {
    ...subscription,
    prefix: 'http.',
    counters: `${subscription.counters} config_reload update_empty`,
    gauges: `${subscription.gauges} active_scopes all_scopes config_reload_time_ms on_demand_scopes`,
  }),
  // <stat_prefix>.rds.vhds.<route configuration>
  kind('vhds', {
    ...subscription,
    prefix: 'http.',
    counters: `${subscription.counters} config_reload update_empty`,
  }),
  // http_filter.<filter>, network_filter.<filter>, tcp_listener_filter.<filter>
  kind('ecds', {
    ...subscription,
    prefix: 'extension_config_discovery.',
    counters: `${subscription.counters} config_conflict config_fail config_reload`,
  }),
  // <secret>
  kind('sds', { ...subscription, prefix: 'sds.', counters: `${subscription.counters} key_rotation_failed` }),
  // <cluster>: what an EDS cluster has besides what every cluster has.
  kind('eds', { ...subscription, prefix: 'cluster.', counters: 'init_fetch_timeout update_rejected' }),
  // <cluster>.leds
  kind('leds', { ...subscription, prefix: 'cluster.', counters: `${subscription.counters} update_empty` }),
  // control_plane of the shared stream, <subscription>.control_plane of others.
  kind('control_plane', { counters: 'rate_limit_enforced', gauges: 'connected_state pending_requests' }),
  kind('overload', { histograms: [{ name: 'refresh_interval_delay', unit: 'milliseconds', lazy: false }] }),
  // envoy.overload_actions.<action>
  kind('overload_action', { counters: 'count' }),
  // <cluster>.<transport socket match>
  kind('transport_socket_match', { prefix: 'cluster.', counters: 'total_match_count' }),
]
