// Envoy configs of scenarios: YAML fragments put together. A fragment says only what its scenario is about.
import { parse, stringify } from 'yaml'

type Value = unknown
type Fields = Record<string, Value>

const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'
const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
const FILE_LOG = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog'
export const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** One line per request, in what every scenario compares. */
export const LOG_FORMAT =
  '%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% in=%BYTES_RECEIVED% out=%BYTES_SENT%\n'

function fields(yaml: string): Fields {
  return yaml.trim() === '' ? {} : (parse(yaml) as Fields)
}

/** Before each line of the kit's logs: when the stream began, by which a scenario knows its own lines. */
const LOG_CLOCK = '%START_TIME(%s%3f)% '

export function fileLog(path: string, format = LOG_FORMAT): Fields {
  return {
    name: 'file',
    typed_config: {
      '@type': FILE_LOG,
      path,
      log_format: { text_format_source: { inline_string: LOG_CLOCK + format } },
    },
  }
}

export interface HttpListener {
  /** Fields of the HttpConnectionManager over the defaults of the kit. */
  readonly hcm?: string
  /** Items of `virtual_hosts`; by default one, `all`, with `routes`. */
  readonly vhosts?: string
  /** Items of `routes` of the default virtual host; by default everything goes to cluster `up`. */
  readonly routes?: string
  /** More fields of the default virtual host. */
  readonly vhost?: string
  /** More fields of the route configuration. */
  readonly routeConfig?: string
  /** Fields of the router filter. */
  readonly router?: string
  /** More fields of the listener; may replace `address`. */
  readonly listener?: string
  /** More fields of its filter chain. */
  readonly chain?: string
  /** Format of the kit's access log line. */
  readonly log?: string
}

/** A listener with a connection manager, named `name`, on 127.0.0.1 port 0, logging to `$tmp/NAME.log`. */
export function http(name: string, options: HttpListener = {}): Fields {
  const routes =
    options.routes === undefined
      ? [{ match: { prefix: '/' }, route: { cluster: 'up' } }]
      : (parse(options.routes) as Value)
  const vhosts =
    options.vhosts === undefined
      ? [{ name: 'all', domains: ['*'], routes, ...fields(options.vhost ?? '') }]
      : (parse(options.vhosts) as Value)
  const hcm: Fields = {
    '@type': HCM,
    stat_prefix: name,
    delayed_close_timeout: '0.05s',
    access_log: [fileLog(`\${tmp}/${name}.log`, options.log)],
    route_config: { name: `${name}-routes`, virtual_hosts: vhosts, ...fields(options.routeConfig ?? '') },
    http_filters: [{ name: 'router', typed_config: { '@type': ROUTER, ...fields(options.router ?? '') } }],
    ...fields(options.hcm ?? ''),
  }
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: hcm }], ...fields(options.chain ?? '') }],
    ...fields(options.listener ?? ''),
  }
}

/** A listener with a TCP proxy; `config` has at least the cluster. */
export function tcp(name: string, config: string, listener = '', log?: string, chain = ''): Fields {
  const proxy: Fields = {
    '@type': TCP_PROXY,
    stat_prefix: name,
    access_log: [fileLog(`\${tmp}/${name}.log`, log ?? '%RESPONSE_FLAGS% in=%BYTES_RECEIVED% out=%BYTES_SENT%\n')],
    ...fields(config),
  }
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'tcp', typed_config: proxy }], ...fields(chain) }],
    ...fields(listener),
  }
}

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'

/** `transport_socket` of a filter chain, as a YAML fragment: the certificate `$tmp/NAME.pem` with its key beside it, or none. */
export function serverTls(certificate: string | readonly string[], common = '', more = ''): string {
  const names = [certificate].flat()
  const tls_certificates = names.map(name => ({
    certificate_chain: { filename: `\${tmp}/${name}.pem` },
    private_key: { filename: `\${tmp}/${name}.key` },
  }))
  return tlsSocket('DownstreamTlsContext', { tls_certificates, ...fields(common) }, more)
}

/** `transport_socket` of a cluster, as a YAML fragment. */
export const clientTls = (common = '', more = ''): string => tlsSocket('UpstreamTlsContext', fields(common), more)

function tlsSocket(type: string, common: Fields, more: string): string {
  const typed_config = { '@type': `${TLS}.${type}`, common_tls_context: common, ...fields(more) }
  return stringify({ transport_socket: { name: 'envoy.transport_sockets.tls', typed_config } })
}

/** A STATIC cluster of the named upstreams; `more` are fields over the kit's. */
export function cluster(name: string, upstreams: readonly string[] = [name], more = ''): Fields {
  const endpoints = upstreams.map(upstream => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: `\${${upstream}}` } } },
  }))
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...fields(more),
  }
}

/** `typed_extension_protocol_options` of a cluster, as a YAML fragment for its `more`. */
export function httpOptions(yaml: string): string {
  const options = {
    '@type': `type.googleapis.com/${HTTP_OPTIONS}`,
    explicit_http_config: { http_protocol_options: {} },
    ...fields(yaml),
  }
  return stringify({ typed_extension_protocol_options: { [HTTP_OPTIONS]: options } })
}

export interface Parts {
  readonly listeners?: readonly Fields[]
  readonly clusters?: readonly Fields[]
  readonly secrets?: readonly Fields[]
  /** More fields of the bootstrap. */
  readonly more?: string
}

/** The bootstrap as YAML text, with admin on port 0. `${name}` is still to be filled in: see `fill`. */
export function bootstrap(parts: Parts): string {
  const whole: Fields = {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    static_resources: {
      listeners: parts.listeners ?? [],
      clusters: parts.clusters ?? [cluster('up')],
      ...(parts.secrets && { secrets: parts.secrets }),
    },
    ...fields(parts.more ?? ''),
  }
  return stringify(whole, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' })
}

/** Puts values where `${name}` stands; a number that was quoted only for its `$` loses its quotes. */
export function fill(text: string, values: ReadonlyMap<string, string | number>): string {
  return text.replace(/(["']?)\$\{([\w.-]+)\}\1/g, (_whole, quote: string, name: string) => {
    const value = values.get(name)
    if (value === undefined) throw new Error(`\${${name}} is not known`)
    return typeof value === 'number' || quote === '' ? String(value) : `${quote}${value}${quote}`
  })
}

/** `http_filters` for the `hcm` of a listener: each [name, type of its configuration, fields], and the router behind them. */
export function httpFilters(
  ...filters: readonly (readonly [name: string, type: string, yaml: string, more?: string])[]
): string {
  const configured = filters.map(([name, type, yaml, more]) => ({
    name,
    typed_config: { '@type': `type.googleapis.com/${type}`, ...fields(yaml) },
    ...fields(more ?? ''),
  }))
  return stringify({ http_filters: [...configured, { name: 'router', typed_config: { '@type': ROUTER } }] })
}

/** One entry of `typed_per_filter_config`, in YAML's flow style. */
export function perFilter(name: string, type: string, yaml: string): string {
  return `{${name}: {"@type": type.googleapis.com/${type}, ${yaml}}}`
}
