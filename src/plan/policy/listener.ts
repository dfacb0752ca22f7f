import { carried, isFalse, later, type PolicyTable, tuning, whole } from './verdict.js'

export const listenerPolicy: PolicyTable = {
  'envoy.config.listener.v3.Listener': {
    ...carried(
      'address additional_addresses filter_chains default_filter_chain socket_options connection_balance_config listener_filters tcp_keepalive deprecated_v1',
    ),
    ...whole('name stat_prefix per_connection_buffer_limit_bytes transparent'),
    ...whole(
      'freebind tcp_fast_open_queue_length traffic_direction reuse_port enable_reuse_port access_log tcp_backlog_size',
    ),
    ...whole('max_connections_to_accept_per_socket_event bind_to_port drain_type metadata'),
    ...whole('listener_filters_timeout continue_on_listener_filters_timeout'),
    ...tuning('ignore_global_conn_limit', 'has no effect: there is no limit for the whole process'),
    ...tuning('bypass_overload_manager', 'has no effect: there are no actions against overload'),
    ...tuning('stats_matcher', 'has no effect: all statistics of the listener are kept'),
    ...tuning('per_connection_buffer_high_watermark_timeout'),
    ...whole('filter_chain_matcher use_original_dst'),
    ...later('udp_listener_config', 'UDP and QUIC listeners'),
    ...later('api_listener', 'API listeners'),
    ...carried('internal_listener'),
    ...later('enable_mptcp', 'MPTCP', isFalse),
    ...later('fcds_config', 'filter chain discovery'),
  },
  'envoy.config.listener.v3.Listener.InternalListenerConfig': {},
  'envoy.config.listener.v3.Listener.DeprecatedV1': { ...whole('bind_to_port') },
  'envoy.config.listener.v3.Listener.ConnectionBalanceConfig': {
    ...whole('exact_balance'),
    ...later('extend_balance', 'connection balance extensions'),
    ...later('cpu_locality_balance', 'CPU locality balance'),
  },
  'envoy.config.listener.v3.AdditionalAddress': {
    ...carried('address'),
    ...later('socket_options tcp_keepalive', 'socket options of one additional address'),
  },
  'envoy.config.listener.v3.ListenerFilter': {
    ...whole('name'),
    ...carried('typed_config config_discovery'),
    ...whole('filter_disabled'),
  },
  'envoy.config.listener.v3.FilterChain': {
    ...carried('filter_chain_match filters transport_socket'),
    ...whole('name metadata transport_socket_connect_timeout'),
    ...later('use_proxy_proto', 'the PROXY protocol', isFalse),
  },
  'envoy.config.listener.v3.FilterChainMatch': {
    ...whole(
      'destination_port prefix_ranges direct_source_prefix_ranges source_type source_prefix_ranges source_ports',
    ),
    ...whole('server_names transport_protocol application_protocols'),
    ...later('address_suffix suffix_len', 'matching by address suffix'),
  },
  'envoy.config.listener.v3.Filter': {
    ...whole('name'),
    ...carried('typed_config config_discovery'),
  },
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector': {
    ...whole('enable_ja3_fingerprinting enable_ja4_fingerprinting initial_read_buffer_size'),
    ...whole('close_connection_on_client_hello_parsing_errors max_client_hello_size'),
  },
  'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector': {},
  'envoy.extensions.filters.listener.original_dst.v3.OriginalDst': {},
  'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol': {
    ...whole('rules allow_requests_without_proxy_protocol pass_through_tlvs disallowed_versions stat_prefix'),
    ...whole('tlv_location'),
  },
  'envoy.extensions.filters.network.echo.v3.Echo': {},
  'envoy.extensions.filters.network.sni_cluster.v3.SniCluster': {},
  'envoy.extensions.filters.network.direct_response.v3.Config': { ...whole('response') },
  'envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit': {
    ...whole('stat_prefix token_bucket runtime_enabled'),
  },
  'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit': {
    ...whole('stat_prefix token_bucket runtime_enabled'),
    ...later('share_key', 'token buckets shared by several filters'),
  },
  'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit': {
    ...whole('stat_prefix max_connections delay runtime_enabled'),
  },
  'envoy.config.core.v3.TransportSocket': { ...whole('name'), ...carried('typed_config') },
  'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': {},
  'envoy.type.v3.HashPolicy': whole('source_ip filter_state'),
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': {
    ...whole('stat_prefix cluster idle_timeout access_log max_connect_attempts max_downstream_connection_duration'),
    ...whole('access_log_flush_interval flush_access_log_on_connected'),
    ...carried('weighted_clusters access_log_options backoff_options'),
    ...later('downstream_idle_timeout upstream_idle_timeout', 'separate idle timeouts of the two sides'),
    ...carried('on_demand'),
    ...whole('metadata_match'),
    ...carried('hash_policy'),
    ...carried('tunneling_config'),
    ...whole('max_downstream_connection_duration_jitter_percentage'),
    ...later('proxy_protocol_tlvs proxy_protocol_tlv_merge_policy', 'the PROXY protocol'),
    ...later('upstream_connect_mode max_early_data_bytes', 'upstream connect modes'),
    ...later('check_drain_close', 'drain of TCP proxies', isFalse),
  },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand': {
    ...whole('odcds_config timeout'),
    ...later('resources_locator', 'collections of clusters that come on demand'),
  },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig': {
    ...whole('hostname use_post headers_to_add post_path'),
    ...later('propagate_response_headers propagate_response_trailers', 'filter state made of responses', isFalse),
    ...later('request_id_extension request_id_header request_id_metadata_key', 'request ids of tunnels'),
    ...later('formatters', 'formatter extensions'),
  },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster': { ...carried('clusters') },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight': {
    ...whole('name weight metadata_match'),
  },
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions': {
    ...whole('access_log_flush_interval flush_access_log_on_connected'),
    ...later('flush_access_log_on_start', 'access log lines at the start of a connection', isFalse),
  },
  'envoy.config.core.v3.BackoffStrategy': { ...whole('base_interval max_interval') },
}
