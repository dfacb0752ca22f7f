/** What became of the v2 API: the hints that lead from an old file to one Envoy 1.40 reads. */

const fields: Readonly<Record<string, string>> = {
  'envoy.config.cluster.v3.Cluster.hosts': 'use load_assignment.endpoints[].lb_endpoints[].endpoint.address',
  'envoy.config.cluster.v3.Cluster.tls_context':
    'use transport_socket with an envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  'envoy.config.cluster.v3.Cluster.extension_protocol_options': 'use typed_extension_protocol_options',
  'envoy.config.listener.v3.FilterChain.tls_context':
    'use transport_socket with an envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  'envoy.config.listener.v3.FilterChainMatch.sni_domains': 'use server_names',
  'envoy.config.bootstrap.v3.Bootstrap.runtime': 'use layered_runtime',
  'envoy.config.bootstrap.v3.Bootstrap.rate_limit_service': 'use rate_limit_service of the rate limit filter',
  'envoy.config.route.v3.RouteMatch.regex': 'use safe_regex',
  'envoy.config.route.v3.HeaderMatcher.regex_match': 'use string_match.safe_regex',
  'envoy.config.route.v3.HeaderMatcher.value': 'use string_match.exact',
  'envoy.config.route.v3.HeaderMatcher.regex': 'use string_match.safe_regex',
  'envoy.config.route.v3.QueryParameterMatcher.value': 'use string_match',
  'envoy.config.route.v3.QueryParameterMatcher.regex': 'use string_match.safe_regex',
  'envoy.type.matcher.v3.StringMatcher.regex': 'use safe_regex',
  'envoy.config.route.v3.VirtualCluster.pattern': 'use headers',
  'envoy.config.route.v3.VirtualCluster.method': 'use headers with ":method"',
  'envoy.config.route.v3.RouteAction.request_mirror_policy': 'use request_mirror_policies',
  'envoy.config.route.v3.RouteAction.auto_host_rewrite_header': 'use host_rewrite_header',
  'envoy.config.route.v3.RouteAction.allow_origin':
    'use typed_per_filter_config with an envoy.extensions.filters.http.cors.v3.CorsPolicy',
  'envoy.config.route.v3.CorsPolicy.allow_origin': 'use allow_origin_string_match',
  'envoy.config.route.v3.CorsPolicy.allow_origin_regex': 'use allow_origin_string_match',
  'envoy.config.route.v3.CorsPolicy.enabled': 'use filter_enabled',
  'envoy.config.core.v3.ConfigSource.config_source': 'use api_config_source, ads or path_config_source',
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck.service_name': 'use service_name_matcher',
  'envoy.config.core.v3.HealthCheck.HttpHealthCheck.use_http2': 'use codec_client_type: HTTP2',
  'envoy.config.core.v3.HealthCheck.redis_health_check': 'use custom_health_check',
  'envoy.config.core.v3.ApiConfigSource.cluster_name': 'use cluster_names',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.idle_timeout':
    'use common_http_protocol_options.idle_timeout',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing.operation_name':
    "use the listener's traffic_direction",
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing.request_headers_for_tags':
    'use custom_tags',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.deprecated_v1': 'use filter_chain_match',
  'envoy.extensions.filters.http.jwt_authn.v3.JwtProvider.issuers': 'use issuer',
  'envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.cluster': 'use prefix_routes',
}

// Old members that many messages had.
const anywhere: Readonly<Record<string, string>> = {
  config: 'use typed_config with "@type"',
  per_filter_config: 'use typed_per_filter_config',
  hidden_envoy_deprecated_config: 'use typed_config with "@type"',
  hidden_envoy_deprecated_per_filter_config: 'use typed_per_filter_config',
}

/** What to write instead of a field that v3 no longer has. */
export function fieldSuccessor(typeName: string, name: string): string | undefined {
  const snake = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
  return lookUp(fields, `${typeName}.${snake}`) ?? lookUp(anywhere, snake)
}

const types: Readonly<Record<string, string>> = {
  'envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager':
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  'envoy.config.filter.http.rate_limit.v2.RateLimit': 'envoy.extensions.filters.http.ratelimit.v3.RateLimit',
  'envoy.config.filter.network.rate_limit.v2.RateLimit': 'envoy.extensions.filters.network.ratelimit.v3.RateLimit',
  'envoy.config.accesslog.v2.FileAccessLog': 'envoy.extensions.access_loggers.file.v3.FileAccessLog',
  'envoy.config.accesslog.v2.HttpGrpcAccessLogConfig':
    'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig',
  'envoy.config.accesslog.v2.TcpGrpcAccessLogConfig': 'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig',
  'envoy.api.v2.auth.DownstreamTlsContext': 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  'envoy.api.v2.auth.UpstreamTlsContext': 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  'envoy.api.v2.auth.Secret': 'envoy.extensions.transport_sockets.tls.v3.Secret',
  'envoy.api.v2.Listener': 'envoy.config.listener.v3.Listener',
  'envoy.api.v2.Cluster': 'envoy.config.cluster.v3.Cluster',
  'envoy.api.v2.RouteConfiguration': 'envoy.config.route.v3.RouteConfiguration',
  'envoy.api.v2.ClusterLoadAssignment': 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  'envoy.api.v2.ScopedRouteConfiguration': 'envoy.config.route.v3.ScopedRouteConfiguration',
  'envoy.config.filter.http.gzip.v2.Gzip': 'envoy.extensions.filters.http.compressor.v3.Compressor',
  'envoy.extensions.filters.http.gzip.v3.Gzip': 'envoy.extensions.filters.http.compressor.v3.Compressor',
  'envoy.config.filter.http.squash.v2.Squash': 'envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor',
  'envoy.config.trace.v2.ZipkinConfig': 'envoy.config.trace.v3.ZipkinConfig',
  'envoy.config.trace.v3.LightstepConfig': 'envoy.config.trace.v3.OpenTelemetryConfig',
  'envoy.config.trace.v3.OpenCensusConfig': 'envoy.config.trace.v3.OpenTelemetryConfig',
}

// Packages that moved as a whole: v2 filters became extensions.
const packages: readonly (readonly [RegExp, string])[] = [
  [
    /^envoy\.config\.filter\.(http|network|listener|udp|dubbo|thrift)\.(.+)\.v\d\w*\.(\w+)$/,
    'envoy.extensions.filters.$1.$2.v3.$3',
  ],
  [/^envoy\.config\.transport_socket\.(\w+)\.v2\w*\.(\w+)$/, 'envoy.extensions.transport_sockets.$1.v3.$2'],
  [/^envoy\.config\.cluster\.(\w+)\.v2\w*\.(\w+)$/, 'envoy.extensions.clusters.$1.v3.$2'],
  [/^envoy\.config\.(\w+)\.v2\w*\.(\w+)$/, 'envoy.config.$1.v3.$2'],
]

/** The v3 name of a type of the v2 API. */
export function typeSuccessor(typeName: string): string | undefined {
  const known = lookUp(types, typeName)
  if (known !== undefined) return known
  const moved = packages.find(([pattern]) => pattern.test(typeName))
  return moved && typeName.replace(moved[0], moved[1])
}

function lookUp(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
