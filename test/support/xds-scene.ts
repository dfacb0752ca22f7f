// A proxy that is configured by a management server of the test's, with a few upstreams that say their names.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { ControlPlane, type ControlPlaneOptions, type TestResource } from './control-plane.js'
import { ProxyUnderTest } from './proxy-under-test.js'
import { poll } from './wait.js'

const url = (name: string): string => `type.googleapis.com/envoy.${name}`
export const ADS = { ads: {}, resource_api_version: 'V3' } as const

type Fields = Record<string, unknown>
type Json = Exclude<TestResource, { $typeName: string }>

export const endpoints = (cluster: string, ports: readonly number[]): Json =>
  ({
    '@type': url('config.endpoint.v3.ClusterLoadAssignment'),
    cluster_name: cluster,
    endpoints: [{ lb_endpoints: ports.map(port => ({ endpoint: { address: socket(port) } })) }],
  }) as Json

export const socket = (port: number): Fields => ({ socket_address: { address: '127.0.0.1', port_value: port } })

export const edsCluster = (name: string, more: Fields = {}): Json =>
  ({
    '@type': url('config.cluster.v3.Cluster'),
    name,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: { eds_config: ADS },
    ...more,
  }) as Json

export const manager = (more: Fields): Fields => ({
  '@type': url('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
  stat_prefix: 'main',
  http_filters: [{ name: 'router', typed_config: { '@type': url('extensions.filters.http.router.v3.Router') } }],
  ...more,
})

export const listener = (name: string, hcm: Fields, more: Fields = {}): Json =>
  ({
    '@type': url('config.listener.v3.Listener'),
    name,
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager(hcm) }] }],
    ...more,
  }) as Json

export const rds = (name: string, source: Fields = ADS): Fields => ({
  rds: { route_config_name: name, config_source: source },
})

export const says = (text: string): Fields => ({
  match: { prefix: '/' },
  direct_response: { status: 200, body: { inline_string: text } },
})

export const toCluster = (cluster: string): Fields => ({ match: { prefix: '/' }, route: { cluster } })

export const table = (name: string, ...routes: Fields[]): Fields => ({
  name,
  virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
})

export const routes = (name: string, ...all: Fields[]): Json =>
  ({ '@type': url('config.route.v3.RouteConfiguration'), ...table(name, ...all) }) as Json

export interface XdsOptions {
  readonly isDelta?: boolean
  readonly plane?: ControlPlaneOptions
  /** More of the bootstrap. */
  readonly more?: Fields
  readonly clusters?: readonly unknown[]
  readonly listeners?: readonly unknown[]
  /** Of the shared stream: config_validators. */
  readonly validators?: readonly unknown[]
  readonly hasCds?: boolean
  readonly hasLds?: boolean
  /** Sets the resources that are there from the start. */
  readonly prepare?: (plane: ControlPlane, ports: Upstreams) => void
  readonly waitUntilLive?: boolean
  readonly args?: readonly string[]
}

type Upstreams = readonly [number, number]

export class XdsScene {
  readonly plane: ControlPlane
  readonly proxy: ProxyUnderTest
  /** Ports of upstreams that say "one" and "two". */
  readonly upstreams: Upstreams

  private constructor(plane: ControlPlane, proxy: ProxyUnderTest, ports: Upstreams) {
    this.plane = plane
    this.proxy = proxy
    this.upstreams = ports
  }

  static async run(options: XdsOptions, act: (scene: XdsScene) => Promise<void>): Promise<void> {
    const plane = await ControlPlane.start(options.plane ?? {})
    const servers = await Promise.all(['one', 'two'].map(upstream))
    const ports = servers.map(server => (server.address() as AddressInfo).port) as unknown as Upstreams
    options.prepare?.(plane, ports)
    const proxy = await ProxyUnderTest.start({
      config: JSON.stringify(bootstrapOf(options, plane)),
      format: 'json',
      ...(options.waitUntilLive === false && { waitUntilLive: false }),
      ...(options.args && { args: options.args }),
    }).catch(async (error: unknown) => {
      await Promise.all([plane.close(), ...servers.map(close)])
      throw error
    })
    const scene = new XdsScene(plane, proxy, ports)
    try {
      if (options.waitUntilLive === false) await proxy.becomeReachable()
      await act(scene)
    } finally {
      await proxy.stop()
      await Promise.all([plane.close(), ...servers.map(close)])
    }
  }

  /** Where a listener listens now. */
  async port(name: string): Promise<number | undefined> {
    const { body } = await this.proxy.admin('/listeners')
    const line = body.split('\n').find(one => one.startsWith(`${name}::`))
    return line === undefined ? undefined : Number(line.split(':').at(-1))
  }

  /** Status and body, or "no answer". */
  async ask(name: string, path = '/', port?: number): Promise<string> {
    const at = port ?? (await this.port(name))
    return at === undefined ? 'no listener' : get(at, path)
  }

  /** Waits until the answer is this one. */
  becomes(name: string, wanted: string, path = '/'): Promise<true> {
    return poll(`the answer ${wanted}`, async () => (await this.ask(name, path)) === wanted || undefined)
  }

  /** Values of statistics, a line each. */
  async stats(...names: string[]): Promise<string> {
    const { body } = await this.proxy.admin('/stats')
    const lines = new Map(body.split('\n').map(line => [line.slice(0, line.indexOf(': ')), line]))
    return names.map(name => lines.get(name) ?? `${name} is not there`).join('\n')
  }

  /** Waits for a counter or gauge. */
  statBecomes(name: string, value: number): Promise<true> {
    return poll(`${name} to be ${value}`, async () => (await this.proxy.stats()).get(name) === value || undefined)
  }
}

function bootstrapOf(options: XdsOptions, plane: ControlPlane): Fields {
  const { isDelta = false, clusters = [], listeners = [], hasCds = true, hasLds = true, more = {} } = options
  const http2 = { explicit_http_config: { http2_protocol_options: {} } }
  const protocol = url('extensions.upstreams.http.v3.HttpProtocolOptions')
  return {
    node: { id: 'test', cluster: 'tests' },
    admin: { address: socket(0) },
    dynamic_resources: {
      ads_config: {
        api_type: isDelta ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        ...(options.validators && { config_validators: options.validators }),
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      ...(hasCds && { cds_config: ADS }),
      ...(hasLds && { lds_config: ADS }),
    },
    static_resources: {
      listeners,
      clusters: [
        {
          name: 'xds',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': { '@type': protocol, ...http2 },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(plane.port) } }] }],
          },
        },
        ...clusters,
      ],
    },
    ...more,
  }
}

/** Without keep-alive, so that each request is of the listener's newest version. */
function get(port: number, path: string): Promise<string> {
  return new Promise(resolve => {
    const request = http.get({ host: '127.0.0.1', port, path, agent: false, timeout: 5000 }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(`${response.statusCode} ${Buffer.concat(chunks).toString('utf8')}`.trim()))
      response.on('error', () => resolve('no answer'))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve('no answer'))
  })
}

async function upstream(text: string): Promise<http.Server> {
  const server = http.createServer((_, response) => response.end(text))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

const close = (server: http.Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
