import { carried, isFalse, later, type PolicyTable, tuning, whole } from './verdict.js'

const hcm = 'envoy.extensions.filters.network.http_connection_manager.v3'

export const httpPolicy: PolicyTable = {
  [`${hcm}.HttpConnectionManager`]: {
    ...carried(
      'route_config http_filters common_http_protocol_options http_protocol_options http2_protocol_options access_log_options',
    ),
    ...carried('internal_address_config scheme_header_transformation upgrade_configs local_reply_config'),
    ...carried('request_id_extension'),
    ...whole(
      'codec_type stat_prefix server_name server_header_transformation max_request_headers_kb stream_idle_timeout request_timeout',
    ),
    ...whole(
      'request_headers_timeout drain_timeout delayed_close_timeout access_log access_log_flush_interval flush_access_log_on_new_request',
    ),
    ...whole(
      'use_remote_address xff_num_trusted_hops skip_xff_append via generate_request_id preserve_external_request_id',
    ),
    ...whole('always_set_request_id_in_response forward_client_cert_details proxy_100_continue'),
    ...whole(
      'normalize_path merge_slashes path_with_escaped_slashes_action strip_matching_host_port strip_any_host_port',
    ),
    ...whole('stream_error_on_invalid_http_message strip_trailing_host_dot append_x_forwarded_port'),
    ...whole('http1_safe_max_connection_duration add_user_agent'),
    ...whole('stream_flush_timeout'),
    ...tuning('append_local_overload', 'has no effect without an overload manager'),
    ...whole('set_current_client_cert_details'),
    ...whole('forward_proto_config'),
    ...later('represent_ipv4_remote_address_as_ipv4_mapped_ipv6', 'IPv4 addresses written as IPv6', isFalse),
    ...tuning('http3_protocol_options', 'has no effect until HTTP/3 is carried'),
    ...tuning('add_proxy_protocol_connection_state', 'has no effect until the PROXY protocol is carried'),
    ...tuning('drain_timeout_jitter record_route_resolution_stats'),
    ...carried('rds'),
    ...carried('scoped_routes'),
    ...carried('tracing'),
    ...carried('original_ip_detection_extensions early_header_mutation_extensions'),
    ...tuning('path_normalization_options', 'has no effect, as in Envoy'),
    ...later('proxy_status_config', 'the proxy-status header'),
    ...later('typed_header_validation_config', 'header validators'),
    ...later('forward_client_cert_matcher', 'client certificates chosen by a matcher'),
  },
  [`${hcm}.HttpConnectionManager.Tracing`]: {
    ...whole(
      'client_sampling random_sampling overall_sampling verbose max_path_tag_length spawn_upstream_span operation upstream_operation',
    ),
    ...whole('no_context_propagation'),
    ...carried('custom_tags provider'),
  },
  [`${hcm}.HttpConnectionManager.InternalAddressConfig`]: { ...whole('unix_sockets cidr_ranges') },
  [`${hcm}.HttpConnectionManager.UpgradeConfig`]: { ...whole('upgrade_type enabled'), ...carried('filters') },
  [`${hcm}.HttpConnectionManager.HcmAccessLogOptions`]: {
    ...whole('access_log_flush_interval flush_access_log_on_new_request'),
    ...later('flush_log_on_tunnel_successfully_established', 'access log lines when a tunnel is established', isFalse),
  },
  [`${hcm}.Rds`]: { ...whole('route_config_name'), ...carried('config_source') },
  [`${hcm}.LocalReplyConfig`]: { ...carried('mappers'), ...whole('body_format') },
  [`${hcm}.ResponseMapper`]: { ...whole('filter status_code body body_format_override'), ...carried('headers_to_add') },
  [`${hcm}.RequestIDExtension`]: { ...carried('typed_config') },
  [`${hcm}.ScopedRoutes`]: {
    ...whole('name'),
    ...carried('scope_key_builder rds_config_source scoped_route_configurations_list scoped_rds'),
  },
  [`${hcm}.ScopedRoutes.ScopeKeyBuilder`]: carried('fragments'),
  [`${hcm}.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder`]: carried('header_value_extractor'),
  [`${hcm}.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor`]: {
    ...whole('name element_separator index'),
    ...carried('element'),
  },
  [`${hcm}.ScopedRoutes.ScopeKeyBuilder.FragmentBuilder.HeaderValueExtractor.KvElement`]: whole('separator key'),
  [`${hcm}.ScopedRouteConfigurationsList`]: carried('scoped_route_configurations'),
  [`${hcm}.ScopedRds`]: { ...whole('srds_resources_locator'), ...carried('scoped_rds_config_source') },
  [`${hcm}.HttpFilter`]: {
    ...whole('name is_optional disabled'),
    ...carried('typed_config config_discovery'),
  },
  'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig': {
    ...whole('pack_trace_reason use_request_id_for_trace_sampling'),
  },
  'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig': whole(
    'header_name allow_extension_to_set_address_as_trusted reject_with_status',
  ),
  'envoy.extensions.http.original_ip_detection.xff.v3.XffConfig': whole(
    'xff_num_trusted_hops xff_trusted_cidrs skip_xff_append',
  ),
  'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation': carried('mutations'),
  'envoy.extensions.filters.http.router.v3.Router': {
    ...whole('dynamic_stats upstream_log suppress_envoy_headers strict_check_headers respect_expected_rq_timeout'),
    ...tuning('suppress_grpc_request_failure_code_stats', 'has no effect on statistics'),
    ...whole('start_child_span'),
    ...later('upstream_log_options', 'options of the upstream access log'),
    ...carried('upstream_http_filters'),
    ...later('reject_connect_request_early_data', 'CONNECT', isFalse),
  },
  'envoy.config.core.v3.HttpProtocolOptions': {
    ...whole(
      'idle_timeout max_connection_duration max_headers_count max_response_headers_kb max_stream_duration headers_with_underscores_action max_requests_per_connection',
    ),
    ...whole('max_connection_duration_jitter'),
  },
  'envoy.config.core.v3.Http1ProtocolOptions': {
    ...whole('allow_absolute_url accept_http_10 default_host_for_http_10 enable_trailers allow_chunked_length'),
    ...whole(
      'override_stream_error_on_invalid_http_message send_fully_qualified_url allow_custom_methods ignore_http_11_upgrade',
    ),
    ...carried('header_key_format'),
    ...tuning('use_balsa_parser'),
  },
  'envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat': {
    ...whole('proper_case_words'),
    ...carried('stateful_formatter'),
  },
  'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig': {
    ...whole('forward_reason_phrase'),
    ...later('formatter_type_on_envoy_headers', 'the case of added headers', value => value === 0),
  },
  'envoy.config.core.v3.Http2ProtocolOptions': {
    ...whole('hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size'),
    ...whole('allow_connect max_outbound_frames max_outbound_control_frames enable_huffman_encoding'),
    ...whole('max_consecutive_inbound_frames_with_empty_payload max_inbound_priority_frames_per_stream'),
    ...whole('max_inbound_window_update_frames_per_data_frame_sent custom_settings_parameters connection_keepalive'),
    ...whole('stream_error_on_invalid_http_messaging override_stream_error_on_invalid_http_message'),
    ...whole('allow_metadata max_metadata_size disallow_obs_text'),
    ...tuning('use_oghttp2_codec', 'has no effect: there is one HTTP/2 codec'),
    ...tuning('max_header_field_size_kb', 'has no effect: max_request_headers_kb is the limit'),
    ...tuning('stream_reset_burst stream_reset_rate', 'has no effect: premature resets are limited'),
  },
  'envoy.config.core.v3.SchemeHeaderTransformation': {
    ...whole('scheme_to_overwrite'),
    ...tuning('match_upstream', 'has no effect until TLS or HTTP/2 is carried'),
  },
  'envoy.config.core.v3.HeaderValueOption': { ...carried('header'), ...whole('append append_action keep_empty_value') },
  'envoy.config.core.v3.HeaderValue': { ...whole('key value raw_value') },
}
