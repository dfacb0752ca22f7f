/** Envoy's log levels, least to most severe. `warn` is accepted for `warning`. */
export const logLevels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const

export type LogLevel = (typeof logLevels)[number]

/** Lower case only, as Envoy. */
export function parseLogLevel(name: string): LogLevel | undefined {
  if (name === 'warn') return 'warning'
  return logLevels.find(level => level === name)
}

/** Envoy 1.40's loggers: the names of --component-log-level and of `/logging`, in the order of that page. */
export const logComponents = [
  'a2a',
  'admin',
  'ai_protocol_manager',
  'alternate_protocols_cache',
  'aws',
  'assert',
  'backtrace',
  'basic_auth',
  'cache_filter',
  'client',
  'config',
  'connection',
  'conn_handler',
  'compression',
  'credential_injector',
  'decompression',
  'dns',
  'dubbo',
  'envoy_bug',
  'ext_authz',
  'ext_proc',
  'rocketmq',
  'file',
  'filter',
  'forward_proxy',
  'geolocation',
  'grpc',
  'happy_eyeballs',
  'hc',
  'health_checker',
  'http',
  'http2',
  'hystrix',
  'init',
  'io',
  'jwt',
  'json_rpc',
  'kafka',
  'key_value_store',
  'lua',
  'local_rate_limit',
  'main',
  'matcher',
  'mcp',
  'misc',
  'mongo',
  'multi_connection',
  'notification',
  'oauth2',
  'quic',
  'quic_stream',
  'pool',
  'rate_limit_quota',
  'rbac',
  'rds',
  'redis',
  'router',
  'runtime',
  'stats',
  'secret',
  'sse',
  'tap',
  'testing',
  'thrift',
  'tracing',
  'upstream',
  'udp',
  'wasm',
  'websocket',
  'golang',
  'stats_sinks',
  'dynamic_modules',
  'ip_tagging',
] as const

export type LogComponent = (typeof logComponents)[number]

export function isLogComponent(name: string): name is LogComponent {
  return (logComponents as readonly string[]).includes(name)
}
