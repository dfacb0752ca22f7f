import { carried, isFalse, later, type PolicyTable, tcpDns, tuning, whole } from './verdict.js'

const xds = 'dynamic configuration (xDS)'

export const bootstrapPolicy: PolicyTable = {
  'envoy.config.bootstrap.v3.Bootstrap': {
    ...carried(
      'static_resources dynamic_resources cluster_manager layered_runtime admin default_regex_engine bootstrap_extensions listener_manager',
    ),
    ...whole(
      'node stats_config stats_flush_interval stats_flush_on_admin stats_server_version_override application_log_config',
    ),
    ...carried('dns_resolution_config typed_dns_resolver_config'),
    ...tuning('use_tcp_for_dns_lookups', tcpDns),
    ...tuning('node_context_params config_sources default_config_source', 'is used with xdstp: names only'),
    ...tuning(
      'flags_path deferred_stat_options watchdog watchdogs enable_dispatcher_stats default_socket_interface inline_headers',
    ),
    ...tuning(
      'perf_tracing_file_path grpc_async_client_manager_config memory_allocator_manager stats_eviction_interval enable_worker_cpu_affinity',
    ),
    ...later('hds_config', 'delegated health checks (HDS)'),
    ...later('stats_sinks', 'stats sinks'),
    ...carried('tracing'),
    ...carried('overload_manager'),
    ...later('header_prefix', 'another prefix for x-envoy headers', value => value === 'x-envoy'),
    ...later('fatal_actions', 'fatal actions'),
    ...later('certificate_provider_instances', 'certificate providers'),
    ...later('xds_delegate_extension xds_config_tracker_extension', xds),
  },
  'envoy.config.bootstrap.v3.Bootstrap.StaticResources': {
    ...carried('listeners clusters secrets'),
  },
  'envoy.config.bootstrap.v3.Bootstrap.DynamicResources': {
    ...carried('lds_config cds_config ads_config'),
    ...whole('lds_resources_locator cds_resources_locator'),
  },
  'envoy.config.bootstrap.v3.ClusterManager': {
    ...carried('upstream_bind_config'),
    ...whole('local_cluster_name'),
    ...carried('outlier_detection'),
    ...tuning('enable_deferred_cluster_creation'),
    ...later('load_stats_config', 'load reporting (LRS)'),
  },
  'envoy.config.bootstrap.v3.ClusterManager.OutlierDetection': {
    ...whole('event_log_path'),
    ...later('event_service', 'outlier events for a service'),
  },
  'envoy.config.bootstrap.v3.Admin': {
    ...carried('address'),
    ...whole('access_log access_log_path profile_path socket_options ignore_global_conn_limit allow_paths'),
  },
  'envoy.config.overload.v3.OverloadManager': {
    ...carried('resource_monitors'),
    ...tuning('refresh_interval', 'is used with monitors of other resources only'),
    ...later('actions loadshed_points', 'actions against overload'),
    ...later('buffer_factory_config', 'accounting of buffers'),
  },
  'envoy.config.overload.v3.ResourceMonitor': { ...whole('name'), ...carried('typed_config') },
  'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig': {
    ...whole('max_active_downstream_connections'),
  },
  'envoy.config.bootstrap.v3.LayeredRuntime': { ...carried('layers') },
  'envoy.config.bootstrap.v3.RuntimeLayer': {
    ...whole('name static_layer admin_layer'),
    ...carried('disk_layer rtds_layer'),
  },
  'envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer': { ...whole('name'), ...carried('rtds_config') },
  'envoy.config.bootstrap.v3.RuntimeLayer.DiskLayer': { ...whole('symlink_root subdirectory append_service_cluster') },
  'envoy.extensions.regex_engines.v3.GoogleRE2': {},
  'envoy.config.core.v3.TypedExtensionConfig': { ...whole('name'), ...carried('typed_config') },
  'envoy.config.listener.v3.ListenerManager': {},
  'envoy.config.core.v3.DnsResolutionConfig': { ...carried('resolvers dns_resolver_options') },
  'envoy.config.core.v3.DnsResolverOptions': {
    ...whole('no_default_search_domain'),
    ...tuning('use_tcp_for_dns_lookups', tcpDns),
  },
  'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig': {
    ...carried('resolvers dns_resolver_options'),
    ...whole('query_timeout_seconds query_tries'),
    ...tuning(
      'filter_unroutable_families udp_max_queries rotate_nameservers edns0_max_payload_size max_udp_channel_duration',
    ),
    ...tuning('reinit_channel_on_timeout qcache_max_ttl'),
    ...later('use_resolvers_as_fallback', 'DNS resolvers used as a fallback', isFalse),
  },
  'envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig': tuning(
    'num_retries num_resolver_threads',
  ),
  // Addresses, on every side.
  'envoy.config.core.v3.Address': {
    ...carried('socket_address pipe envoy_internal_address'),
  },
  'envoy.config.core.v3.EnvoyInternalAddress': { ...whole('server_listener_name endpoint_id') },
  'envoy.extensions.bootstrap.internal_listener.v3.InternalListener': tuning(
    'buffer_size_kb',
    'has no effect: the kernel has the buffers between the two ends',
  ),
  'envoy.config.core.v3.SocketAddress': {
    ...whole('protocol address port_value named_port ipv4_compat'),
    ...later('resolver_name', 'address resolvers'),
    ...later('network_namespace_filepath', 'network namespaces'),
  },
  'envoy.config.core.v3.Pipe': { ...whole('path mode') },
  'envoy.config.core.v3.SocketOption': {
    ...whole('level name int_value buf_value state'),
    ...tuning('description', 'is a comment'),
    ...later('type ip_version', 'socket options by socket type'),
  },
  'envoy.config.core.v3.TcpKeepalive': { ...whole('keepalive_probes keepalive_time keepalive_interval') },
  'envoy.config.core.v3.BindConfig': {
    ...carried('source_address socket_options'),
    ...whole('freebind'),
    ...later('extra_source_addresses additional_source_addresses', 'several source addresses'),
    ...later('local_address_selector', 'local address selectors'),
    ...later('validate_network_namespaces', 'network namespaces', isFalse),
  },
}
