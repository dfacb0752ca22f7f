import { carried, isFalse, later, type PolicyTable, tuning, whole } from './verdict.js'

const core = 'envoy.config.core.v3.HealthCheck'

/** Active health checks of clusters. */
export const healthCheckPolicy: PolicyTable = {
  [core]: {
    ...whole(
      'timeout interval initial_jitter interval_jitter interval_jitter_percent unhealthy_threshold healthy_threshold',
    ),
    ...whole('reuse_connection no_traffic_interval no_traffic_healthy_interval unhealthy_interval'),
    ...whole('unhealthy_edge_interval healthy_edge_interval event_log_path transport_socket_match_criteria'),
    ...whole('always_log_health_check_failures always_log_health_check_success'),
    ...carried('http_health_check tcp_health_check grpc_health_check event_logger tls_options'),
    ...later('custom_health_check', 'health checks of other protocols'),
    ...tuning('name', 'has no effect with one health check'),
    ...tuning('alt_port event_service', 'has no effect in Envoy either'),
  },
  [`${core}.TlsOptions`]: whole('alpn_protocols'),
  [`${core}.Payload`]: whole('text binary'),
  [`${core}.HttpHealthCheck`]: {
    ...whole('host path method codec_client_type response_buffer_size send receive'),
    ...whole('expected_statuses retriable_statuses request_headers_to_add request_headers_to_remove'),
    ...carried('service_name_matcher'),
    ...later('use_alpn_protocol', 'health checks in the protocol that ALPN says', isFalse),
  },
  [`${core}.TcpHealthCheck`]: {
    ...whole('send receive'),
    ...carried('proxy_protocol_config'),
  },
  [`${core}.GrpcHealthCheck`]: whole('service_name authority initial_metadata'),
  'envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink': whole('event_log_path'),
}
