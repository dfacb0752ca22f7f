import { healthCheckPolicy } from './health-check.js'
import { carried, isFalse, later, type PolicyTable, tcpDns, tuning, whole } from './verdict.js'

const cluster = 'envoy.config.cluster.v3'
const endpoint = 'envoy.config.endpoint.v3'
const upstreamHttp = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const policies = 'envoy.extensions.load_balancing_policies'
const localityLb = 'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig'
const slowStart = carried('slow_start_config')
const slowStartFields = { ...whole('slow_start_window min_weight_percent'), ...carried('aggression') }
const consistentHashing = whole('use_hostname_for_hashing hash_balance_factor')
const subsetLb = {
  ...whole('fallback_policy default_subset locality_weight_aware scale_locality_weight panic_mode_any list_as_any'),
  ...whole('metadata_fallback_policy'),
  ...carried('subset_selectors'),
}
const subsetSelector = whole('keys fallback_policy fallback_keys_subset single_host_per_subset')
const h3 = 'HTTP/3 upstream'

export const clusterPolicy: PolicyTable = {
  [`${cluster}.Cluster`]: {
    ...carried(
      'cluster_type load_assignment circuit_breakers common_http_protocol_options http_protocol_options typed_extension_protocol_options',
    ),
    ...carried(
      'upstream_bind_config least_request_lb_config round_robin_lb_config common_lb_config transport_socket upstream_connection_options transport_socket_matches',
    ),
    ...carried(
      'load_balancing_policy upstream_config upstream_http_protocol_options dns_resolution_config typed_dns_resolver_config',
    ),
    ...whole(
      'name alt_stat_name type connect_timeout per_connection_buffer_limit_bytes lb_policy max_requests_per_connection dns_refresh_rate',
    ),
    ...whole('dns_failure_refresh_rate respect_dns_ttl dns_lookup_family dns_resolvers'),
    ...whole('dns_jitter protocol_selection metadata'),
    ...tuning('use_tcp_for_dns_lookups', tcpDns),
    ...tuning('wait_for_warm_on_init', 'has no effect: a cluster is routed to when it is warm'),
    ...whole('cleanup_interval'),
    ...whole('close_connections_on_host_health_failure ignore_health_on_host_removal'),
    ...tuning('track_timeout_budgets track_cluster_stats stats_matcher', 'has no effect on statistics'),
    ...tuning('preconnect_policy queuing_policies per_connection_buffer_high_watermark_timeout'),
    ...carried('ring_hash_lb_config maglev_lb_config'),
    ...carried('original_dst_lb_config'),
    ...later('transport_socket_matcher', 'transport sockets chosen by a matcher tree'),
    ...carried('eds_cluster_config'),
    ...later('connection_pool_per_downstream_connection', 'connection pools per downstream connection', isFalse),
    ...carried('health_checks'),
    ...carried('http2_protocol_options outlier_detection lb_subset_config'),
    ...later('filters', 'upstream network filters'),
    ...later('lrs_server lrs_report_endpoint_metrics', 'load reporting (LRS)'),
  },
  [`${cluster}.OutlierDetection`]: {
    ...whole('consecutive_5xx consecutive_gateway_failure consecutive_local_origin_failure'),
    ...whole('enforcing_consecutive_5xx enforcing_consecutive_gateway_failure'),
    ...whole('enforcing_consecutive_local_origin_failure split_external_local_origin_errors'),
    ...whole('interval base_ejection_time max_ejection_time max_ejection_time_jitter'),
    ...whole('max_ejection_percent always_eject_one_host successful_active_health_check_uneject_host'),
    ...whole('success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor'),
    ...whole('enforcing_success_rate enforcing_local_origin_success_rate'),
    ...whole('failure_percentage_threshold failure_percentage_minimum_hosts failure_percentage_request_volume'),
    ...whole('enforcing_failure_percentage enforcing_failure_percentage_local_origin'),
    ...later('monitors', 'monitors of outlier detection'),
    ...later('detect_degraded_hosts', 'degraded hosts by outlier detection', isFalse),
  },
  [`${cluster}.Cluster.EdsClusterConfig`]: { ...whole('service_name'), ...carried('eds_config') },
  [`${cluster}.Cluster.CustomClusterType`]: { ...whole('name'), ...carried('typed_config') },
  'envoy.extensions.clusters.dns.v3.DnsCluster': {
    ...whole('dns_refresh_rate dns_failure_refresh_rate respect_dns_ttl dns_jitter dns_lookup_family'),
    ...carried('typed_dns_resolver_config'),
    ...whole('all_addresses_in_single_endpoint dns_min_refresh_rate'),
  },
  [`${cluster}.CircuitBreakers`]: {
    ...carried('thresholds'),
    ...carried('per_host_thresholds'),
  },
  [`${cluster}.CircuitBreakers.Thresholds`]: {
    ...whole(
      'priority max_connections max_pending_requests max_requests max_retries track_remaining max_connection_pools',
    ),
    ...carried('retry_budget'),
  },
  [`${cluster}.CircuitBreakers.Thresholds.RetryBudget`]: {
    ...whole('budget_percent min_retry_concurrency'),
    ...tuning('budget_interval', 'has no effect: the budget counts requests in flight'),
  },
  [`${cluster}.Cluster.CommonLbConfig`]: {
    ...whole('healthy_panic_threshold'),
    ...carried('zone_aware_lb_config'),
    ...whole('locality_weighted_lb_config'),
    ...whole('close_connections_on_host_set_change'),
    ...tuning('update_merge_window', 'has no effect: changes of assignments are applied at once, as in Envoy'),
    ...whole('ignore_new_hosts_until_first_hc'),
    ...tuning('override_host_status', 'has no effect without stateful sessions'),
    ...carried('consistent_hashing_lb_config'),
  },
  [`${cluster}.Cluster.CommonLbConfig.ConsistentHashingLbConfig`]: consistentHashing,
  [`${cluster}.Cluster.RingHashLbConfig`]: { ...whole('minimum_ring_size maximum_ring_size hash_function') },
  [`${cluster}.Cluster.MaglevLbConfig`]: { ...whole('table_size') },
  [`${cluster}.Cluster.CommonLbConfig.ZoneAwareLbConfig`]: {
    ...whole('routing_enabled min_cluster_size fail_traffic_on_panic'),
  },
  [`${cluster}.Cluster.LeastRequestLbConfig`]: { ...whole('choice_count active_request_bias'), ...slowStart },
  [`${cluster}.Cluster.RoundRobinLbConfig`]: { ...slowStart },
  [`${cluster}.Cluster.SlowStartConfig`]: slowStartFields,
  [`${policies}.common.v3.SlowStartConfig`]: slowStartFields,
  'envoy.config.core.v3.RuntimeDouble': {
    ...whole('default_value'),
    ...tuning('runtime_key', 'the default value counts'),
  },
  [`${cluster}.Cluster.LbSubsetConfig`]: subsetLb,
  [`${cluster}.Cluster.LbSubsetConfig.LbSubsetSelector`]: subsetSelector,
  [`${policies}.subset.v3.Subset`]: {
    ...subsetLb,
    ...whole('allow_redundant_keys'),
    ...carried('subset_lb_policy'),
  },
  [`${policies}.subset.v3.Subset.LbSubsetSelector`]: subsetSelector,
  [`${cluster}.UpstreamConnectionOptions`]: {
    ...carried('tcp_keepalive'),
    ...tuning('set_local_interface_name_on_upstream_connections', 'is not shown in access logs yet'),
    ...tuning('happy_eyeballs_config', 'is used with several addresses of one endpoint only'),
  },
  [`${cluster}.Cluster.OriginalDstLbConfig`]: {
    ...whole('use_http_header http_header_name upstream_port_override metadata_key'),
  },
  [`${cluster}.LoadBalancingPolicy`]: { ...carried('policies') },
  [`${cluster}.LoadBalancingPolicy.Policy`]: { ...whole('typed_extension_config') },
  [`${policies}.round_robin.v3.RoundRobin`]: { ...slowStart, ...carried('locality_lb_config') },
  [`${policies}.least_request.v3.LeastRequest`]: {
    ...slowStart,
    ...carried('locality_lb_config'),
    ...whole('choice_count active_request_bias enable_full_scan selection_method'),
  },
  [`${policies}.ring_hash.v3.RingHash`]: {
    ...whole('hash_function minimum_ring_size maximum_ring_size use_hostname_for_hashing locality_weighted_lb_config'),
    ...carried('consistent_hashing_lb_config'),
    ...whole('hash_balance_factor'),
  },
  [`${policies}.maglev.v3.Maglev`]: {
    ...whole('table_size locality_weighted_lb_config'),
    ...carried('consistent_hashing_lb_config'),
  },
  [`${policies}.common.v3.ConsistentHashingLbConfig`]: {
    ...consistentHashing,
    ...later('hash_policy', 'hash policies of a load balancer'),
  },
  [`${policies}.override_host.v3.OverrideHost`]: {
    ...whole('override_host_sources'),
    ...carried('fallback_policy'),
    ...later('selected_host_key', 'the chosen host in metadata'),
  },
  [`${policies}.random.v3.Random`]: { ...carried('locality_lb_config') },
  [localityLb]: { ...carried('zone_aware_lb_config'), ...whole('locality_weighted_lb_config') },
  [`${localityLb}.ZoneAwareLbConfig`]: {
    ...whole('routing_enabled min_cluster_size fail_traffic_on_panic'),
    ...whole('force_locality_direct_routing force_local_zone locality_basis'),
  },
  [`${endpoint}.ClusterLoadAssignment`]: {
    ...whole('cluster_name'),
    ...carried('endpoints policy'),
    ...tuning('named_endpoints', 'is not read, as in Envoy, which refuses endpoint_name'),
  },
  [`${endpoint}.ClusterLoadAssignment.Policy`]: {
    ...whole('drop_overloads overprovisioning_factor endpoint_stale_after'),
    ...later('weighted_priority_health', 'priorities by weighted health', isFalse),
  },
  [`${endpoint}.LocalityLbEndpoints`]: {
    ...whole('locality metadata load_balancing_weight priority'),
    ...carried('lb_endpoints leds_cluster_locality_config'),
    ...tuning('proximity'),
    ...later('load_balancer_endpoints', 'named endpoints'),
  },
  [`${endpoint}.LedsClusterLocalityConfig`]: { ...carried('leds_config'), ...whole('leds_collection_name') },
  [`${endpoint}.LbEndpoint`]: {
    ...carried('endpoint'),
    ...whole('health_status metadata load_balancing_weight'),
    ...later('endpoint_name', 'named endpoints'),
  },
  [`${endpoint}.Endpoint`]: {
    ...carried('address'),
    ...whole('hostname'),
    ...later('additional_addresses', 'several addresses of one endpoint'),
    ...carried('health_check_config'),
    ...tuning('observability_name', 'is not shown in statistics yet'),
  },
  [`${endpoint}.Endpoint.HealthCheckConfig`]: whole('port_value hostname address disable_active_health_check'),
  ...healthCheckPolicy,
  [upstreamHttp]: {
    ...carried(
      'common_http_protocol_options upstream_http_protocol_options explicit_http_config use_downstream_protocol_config',
    ),
    ...carried('auto_config request_mirror_policies http_filters'),
    ...later('header_validation_config', 'header validators'),
    ...later('outlier_detection', 'what counts as an error for outlier detection'),
    ...later('hash_policy', 'hash policies of a cluster'),
    ...later('retry_policy', 'retry policies of a cluster'),
  },
  [`${upstreamHttp}.ExplicitHttpConfig`]: {
    ...carried('http_protocol_options http2_protocol_options'),
    ...later('http3_protocol_options', h3),
  },
  [`${upstreamHttp}.AutoHttpConfig`]: {
    ...carried('http_protocol_options http2_protocol_options'),
    ...later('http3_protocol_options', h3),
    ...tuning('alternate_protocols_cache_options', 'has no effect until HTTP/3 is carried'),
  },
  [`${upstreamHttp}.UseDownstreamHttpConfig`]: {
    ...carried('http_protocol_options http2_protocol_options'),
    ...tuning('http3_protocol_options', 'has no effect until HTTP/3 is carried'),
  },
  'envoy.config.core.v3.UpstreamHttpProtocolOptions': {
    ...whole('auto_sni auto_san_validation override_auto_sni_header'),
  },
  [`${cluster}.Cluster.TransportSocketMatch`]: { ...whole('name match'), ...carried('transport_socket') },
  'envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions': tuning(
    'idle_timeout',
    'has no effect: idle connections of TCP proxies are not pooled',
  ),
  'envoy.extensions.upstreams.http.generic.v3.GenericConnectionPoolProto': {},
  'envoy.extensions.upstreams.http.http.v3.HttpConnectionPoolProto': {},
}
