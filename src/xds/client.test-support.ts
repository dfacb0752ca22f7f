/** A client with what follows a subscription in the order Envoy has it, and without the meaning of resources: for tests of the protocol. */
import type { ConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import { type DescMessage, fromBinary, fromJson, type JsonValue } from '@bufbuild/protobuf'
import { systemFiles } from '../support/files.js'
import { Log } from '../support/log.js'
import { makeDiscoveryClient } from './client.js'
import { type ControlPlane, testTypes } from './control-plane.test-support.js'
import { makeNode } from './node.js'
import type {
  ControlPlaneEvent,
  DiscoveryClient,
  DiscoveryClientOptions,
  ResourceType,
  Subscription,
  SubscriptionEvent,
  Update,
  Watcher,
} from './types.js'

export function configSource(json: JsonValue): ConfigSource {
  const schema = testTypes.message('envoy.config.core.v3.ConfigSource') as DescMessage
  return fromJson(schema, json, { registry: testTypes.registry }) as ConfigSource
}

export interface GrpcSource {
  readonly isDelta?: boolean
  /** More fields of the ApiConfigSource. */
  readonly api?: Readonly<Record<string, JsonValue>>
  /** More fields of its GrpcService. */
  readonly service?: Readonly<Record<string, JsonValue>>
  readonly timeout?: string
}

/** A stream of its own through cluster `xds`. */
export function grpcSource({ isDelta = false, api = {}, service = {}, timeout }: GrpcSource = {}): ConfigSource {
  return configSource({
    resource_api_version: 'V3',
    ...(timeout !== undefined && { initial_fetch_timeout: timeout }),
    api_config_source: {
      api_type: isDelta ? 'DELTA_GRPC' : 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds' }, ...service }],
      ...api,
    },
  })
}

export const adsSource = (timeout = '15s'): ConfigSource =>
  configSource({ resource_api_version: 'V3', ads: {}, initial_fetch_timeout: timeout })

export const testLog = new Log({ level: 'off', format: '%v', write: () => undefined }).component('config')

export interface TestClient {
  readonly client: DiscoveryClient
  readonly shared: ControlPlaneEvent[]
}

export function testClient(
  plane: ControlPlane,
  options: Partial<DiscoveryClientOptions> & { readonly ads?: GrpcSource } = {},
): TestClient {
  const shared: ControlPlaneEvent[] = []
  const { ads, ...rest } = options
  const source = ads && grpcSource(ads).configSourceSpecifier
  const client = makeDiscoveryClient({
    types: testTypes,
    node: makeNode(
      {
        node: undefined,
        id: 'n1',
        cluster: 'c1',
        zone: '',
        version: { majorNumber: 1, minorNumber: 40, patch: 0 },
        build: {},
        extensions: [],
      },
      testTypes,
    ),
    adsConfig: source?.case === 'apiConfigSource' ? source.value : undefined,
    log: testLog,
    files: systemFiles,
    environment: process.env,
    reach: cluster => ({ host: '127.0.0.1', port: cluster === 'rest' ? plane.restPort : plane.port }),
    random: () => 0.1,
    onSharedStream: event => void shared.push(event),
    ...rest,
  })
  return { client, shared }
}

/** A watcher that writes down what it is told, and answers as the test says. */
export class Recorder implements Watcher {
  readonly updates: Update[] = []
  readonly failures: string[] = []
  readonly events: SubscriptionEvent[] = []
  subscription: Subscription | undefined
  readonly #onUpdate: (update: Update) => Promise<string | undefined> | string | undefined
  #wake: () => void = () => undefined

  constructor(onUpdate: (update: Update) => Promise<string | undefined> | string | undefined = () => undefined) {
    this.#onUpdate = onUpdate
  }

  async onUpdate(update: Update): Promise<string | undefined> {
    this.updates.push(update)
    this.#wake()
    return this.#onUpdate(update)
  }

  onFailure(reason: string): void {
    this.failures.push(reason)
    this.#wake()
  }

  count(kind: SubscriptionEvent['kind']): number {
    return this.events.filter(event => event.kind === kind).length
  }

  async waitFor(what: string, isThere: () => boolean): Promise<void> {
    const deadline = Date.now() + 8000
    while (!isThere()) {
      if (Date.now() > deadline) throw new Error(`waited for ${what}; ${JSON.stringify(this.failures)}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 50)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/** What one subscribes with. */
export function ask(
  client: DiscoveryClient,
  type: ResourceType,
  source: ConfigSource,
  names?: readonly string[],
  recorder = new Recorder(),
): Recorder {
  recorder.subscription = client.subscribe({
    type,
    source,
    names: names && new Set(names),
    watcher: recorder,
    onEvent: event => void recorder.events.push(event),
  })
  return recorder
}

/**
 * Clusters and the endpoints of those that ask for them, as Envoy goes about it: endpoints are held back while clusters are taken, and
 * the answer to clusters comes after the question for endpoints.
 */
export class ClusterFollower {
  readonly clusters: Recorder
  readonly endpoints = new Map<string, Recorder>()
  readonly #client: DiscoveryClient
  readonly #source: ConfigSource
  /** By cluster: what is wrong with it. */
  readonly wrongClusters = new Map<string, string>()
  readonly wrongEndpoints = new Map<string, string>()

  constructor(client: DiscoveryClient, source: ConfigSource) {
    this.#client = client
    this.#source = source
    this.clusters = ask(client, 'cluster', source, undefined, new Recorder(update => this.#take(update)))
  }

  #take({ added, removed, isFullState }: Update): string | undefined {
    const resume = this.#client.pause(['endpoint', 'secret'])
    const wrong: string[] = []
    for (const { name, bytes } of added) {
      const reason = this.wrongClusters.get(name)
      if (reason !== undefined) wrong.push(`Error adding/updating cluster(s) ${name}: ${reason}`)
      else if (asksForEndpoints(bytes) && !this.endpoints.has(name)) this.#ask(name)
    }
    const names = new Set(added.map(({ name }) => name))
    const gone = isFullState ? [...this.endpoints.keys()].filter(name => !names.has(name)) : removed
    for (const name of gone) {
      this.endpoints.get(name)?.subscription?.close()
      this.endpoints.delete(name)
    }
    resume()
    return wrong.length > 0 ? wrong.join('\n') : undefined
  }

  #ask(name: string): void {
    const recorder = new Recorder(() => this.wrongEndpoints.get(name))
    this.endpoints.set(name, ask(this.#client, 'endpoint', this.#source, [name], recorder))
  }
}

const edsType = 3

function asksForEndpoints(bytes: Uint8Array): boolean {
  const cluster = fromBinary(testTypes.message('envoy.config.cluster.v3.Cluster') as DescMessage, bytes) as Cluster
  return cluster.clusterDiscoveryType.case === 'type' && cluster.clusterDiscoveryType.value === edsType
}

/** Resources as small as they get. */
export function edsCluster(name: string): JsonValue {
  return {
    '@type': typeOf('config.cluster.v3.Cluster'),
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {} } },
  }
}

export function staticCluster(name: string): JsonValue {
  return { '@type': typeOf('config.cluster.v3.Cluster'), name, type: 'STATIC' }
}

export function assignment(name: string, port = 80): JsonValue {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } }
  const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }]
  return { '@type': typeOf('config.endpoint.v3.ClusterLoadAssignment'), cluster_name: name, endpoints }
}

export function routeTable(name: string): JsonValue {
  return { '@type': typeOf('config.route.v3.RouteConfiguration'), name }
}

export function plainListener(name: string): JsonValue {
  return { '@type': typeOf('config.listener.v3.Listener'), name }
}

const typeOf = (name: string): string => `type.googleapis.com/envoy.${name}`
