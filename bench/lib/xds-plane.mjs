// The control plane of the benchmark: one aggregated stream, state of the world or delta, resources in bytes made beforehand. Endpoints of
// one cluster can be changed; what is sent then is that one resource, in both dialects.

import grpc from '@grpc/grpc-js'
import { any, decode, encode } from './protobuf.mjs'
import { routePath } from './routes.mjs'

/** @typedef {import("./protobuf.mjs").Field} Field */
/** @typedef {"sotw" | "delta"} Dialect */
/** @typedef {{ name: string, bytes: Buffer }} Resource   `bytes` is its Any */

const kCluster = 'envoy.config.cluster.v3.Cluster'
const kEndpoints = 'envoy.config.endpoint.v3.ClusterLoadAssignment'
const kListener = 'envoy.config.listener.v3.Listener'
const kRoutes = 'envoy.config.route.v3.RouteConfiguration'
const kManager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const kRouter = 'envoy.extensions.filters.http.router.v3.Router'
const kService = 'envoy.service.discovery.v3.AggregatedDiscoveryService'
const kEndpointsEach = 5
const kManyNamesBytes = 50_000

/** ConfigSource { ads: {}, resource_api_version: V3 } @type {Field[]} */
const kAds = [
  [3, []],
  [6, 2],
]

/** @param {string} name */
function clusterResource(name) {
  /** @type {Field[]} */
  const fields = [
    [1, name],
    [2, 3], // EDS
    [3, [[1, kAds]]],
    [4, [[1, 5]]], // connect_timeout
  ]
  return { name, bytes: encode(any(kCluster, fields)) }
}

/** envoy.config.core.v3.Address. @param {string} address @param {number} port @returns {Field[]} */
function socketAddress(address, port) {
  return message(1, [2, address], [3, port])
}

/** A message with one field that is a message of these fields. @param {number} number @param {Field[]} fields @returns {Field[]} */
function message(number, ...fields) {
  return [[number, fields]]
}

/** @param {string} name @param {{ address: string, port: number }[]} hosts */
function endpointsResource(name, hosts) {
  const list = hosts.map(({ address, port }) => {
    const endpoint = message(1, ...message(1, ...socketAddress(address, port)))
    return /** @type {Field} */ ([2, endpoint])
  })
  return { name, bytes: encode(any(kEndpoints, [[1, name], ...message(2, ...list)])) }
}

/** @param {number} port */
function listenerResource(port) {
  const name = 'front'
  /** @type {Field[]} */
  const manager = [
    [2, name],
    ...message(3, [1, kAds], [2, 'routes']),
    ...message(5, [1, 'router'], [4, any(kRouter, [])]),
  ]
  const chain = message(3, [1, 'manager'], [4, any(kManager, manager)])
  const bytes = encode(
    any(kListener, [
      [1, name],
      [2, socketAddress('127.0.0.1', port)],
      [3, chain],
    ]),
  )
  return { name, bytes }
}

/** @param {string} prefix @param {string} cluster @returns {Field} */
function route(prefix, cluster) {
  return [3, [...message(1, [1, prefix]), ...message(2, [1, cluster])]]
}

/** The name of a cluster by its number. @param {number} index */
export function clusterName(index) {
  return `cluster-${String(index).padStart(5, '0')}`
}

/**
 * Everything a proxy gets: `count` clusters with five endpoints each and as many routes, and two more clusters: `probe` with one endpoint at
 * a time, and `origin`.
 * @param {{ count: number, port: number, originPort: number, probePort: number }} wanted
 * @returns {Record<string, Map<string, Resource>>}
 */
function makeResources({ count, port, originPort, probePort }) {
  const names = Array.from({ length: count }, (_, i) => clusterName(i))
  /** @type {Field[]} */
  const hosts = [
    [1, 'all'],
    [2, '*'],
    ...names.map((name, i) => route(routePath(i), name)),
    route('/probe', 'probe'),
    route('/', 'origin'),
  ]
  const clusters = [...names, 'probe', 'origin'].map(clusterResource)
  const endpoints = [
    ...names.map((name, i) => endpointsResource(name, manyHosts(i, originPort))),
    endpointsResource('probe', [{ address: '127.0.0.1', port: probePort }]),
    endpointsResource('origin', [{ address: '127.0.0.1', port: originPort }]),
  ]
  const routes = encode(any(kRoutes, [[1, 'routes'], ...message(2, ...hosts)]))
  const byName = (/** @type {Resource[]} */ list) => new Map(list.map(resource => [resource.name, resource]))
  return {
    [kCluster]: byName(clusters),
    [kEndpoints]: byName(endpoints),
    [kListener]: byName([listenerResource(port)]),
    [kRoutes]: byName([{ name: 'routes', bytes: routes }]),
  }
}

/** The first is the origin. @param {number} index @param {number} port */
function manyHosts(index, port) {
  return Array.from({ length: kEndpointsEach }, (_, i) => ({
    address: i === 0 ? '127.0.0.1' : `127.${1 + (index >> 8)}.${index & 255}.${i}`,
    port,
  }))
}

export class ControlPlane {
  #server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
  /** @type {Dialect} */
  #dialect
  /** @type {Record<string, Map<string, Resource>>} */
  #resources = {}
  /** @type {Map<string, Set<string>>} names asked for, by type; none: everything */
  #asked = new Map()
  /** @type {import("@grpc/grpc-js").ServerDuplexStream<Buffer, Buffer> | undefined} */
  #call
  #version = 1
  #originPort = 0
  #lengthOfNames = 0
  port = 0
  /** When the proxy's stream came, by performance.now(). */
  connectedAt = 0
  /** What the proxy refused. @type {string[]} */
  refusals = []

  /** @param {Dialect} dialect */
  constructor(dialect) {
    this.#dialect = dialect
  }

  async listen() {
    const raw = (/** @type {Buffer} */ bytes) => bytes
    const method = this.#dialect === 'delta' ? 'DeltaAggregatedResources' : 'StreamAggregatedResources'
    const definition = {
      path: `/${kService}/${method}`,
      requestStream: true,
      responseStream: true,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    }
    this.#server.addService({ [method]: definition }, { [method]: call => this.#serve(call) })
    this.port = await new Promise((resolve, reject) =>
      this.#server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    )
  }

  /** @param {Parameters<typeof makeResources>[0]} wanted */
  fill(wanted) {
    this.#originPort = wanted.originPort
    this.#resources = makeResources(wanted)
  }

  /** Points the cluster `probe` somewhere else. @param {number} port */
  moveProbe(port) {
    this.#change(endpointsResource('probe', [{ address: '127.0.0.1', port }]))
  }

  /** Changes the last endpoint of one of the many clusters. @param {number} index @param {number} turn */
  moveEndpoint(index, turn) {
    const hosts = manyHosts(index, this.#originPort)
    hosts[kEndpointsEach - 1] = { address: `127.100.${turn & 127}.${index & 127}`, port: this.#originPort }
    this.#change(endpointsResource(clusterName(index), hosts))
  }

  stop() {
    this.#server.forceShutdown()
  }

  /** @param {Resource} resource */
  #change(resource) {
    this.#resources[kEndpoints]?.set(resource.name, resource)
    this.#version++
    this.#send(kEndpoints, [resource])
  }

  /** @param {import("@grpc/grpc-js").ServerDuplexStream<Buffer, Buffer>} call */
  #serve(call) {
    this.#call = call
    this.#asked.clear()
    this.#lengthOfNames = 0
    this.connectedAt = performance.now()
    call.on('data', bytes => (this.#dialect === 'delta' ? this.#takeDelta(bytes) : this.#take(bytes)))
    call.on('error', () => {})
    call.on('end', () => call.end())
  }

  /** DiscoveryRequest. @param {Buffer} bytes */
  #take(bytes) {
    // An acknowledgement repeats ten thousand names; reading them would take longer than the proxy does. One as long as before is one.
    if (bytes.length > kManyNamesBytes && bytes.length === this.#lengthOfNames) return
    if (bytes.length > kManyNamesBytes) this.#lengthOfNames = bytes.length
    const { type, error, names } = read(bytes, { type: 4, error: 6, names: 3 })
    if (error !== undefined) this.refusals.push(String(error))
    const known = this.#asked.get(type)
    const wanted = new Set(names)
    this.#asked.set(type, wanted)
    const fresh = known === undefined || names.some(name => !known.has(name))
    if (!fresh) return
    const all = this.#resources[type] ?? new Map()
    this.#send(type, names.length === 0 ? [...all.values()] : names.flatMap(name => all.get(name) ?? []))
  }

  /** DeltaDiscoveryRequest. @param {Buffer} bytes */
  #takeDelta(bytes) {
    const { type, error, names } = read(bytes, { type: 2, error: 7, names: 3 })
    if (error !== undefined) this.refusals.push(String(error))
    const all = this.#resources[type] ?? new Map()
    const isFirst = !this.#asked.has(type)
    this.#asked.set(type, new Set())
    const isWildcard = isFirst && names.length === 0
    const found = isWildcard ? [...all.values()] : names.flatMap(name => all.get(name) ?? [])
    if (isFirst || found.length > 0) this.#send(type, found)
  }

  /** @param {string} type @param {Resource[]} resources */
  #send(type, resources) {
    const version = String(this.#version)
    const url = `type.googleapis.com/${type}`
    /** @type {Field[]} */
    const state = [
      [1, version],
      ...resources.map(({ bytes }) => /** @type {Field} */ ([2, bytes])),
      [4, url],
      [5, `${type}-${version}`],
    ]
    /** @type {Field[]} */
    const delta = [
      [1, version],
      ...resources.map(
        ({ name, bytes }) =>
          /** @type {Field} */ ([
            2,
            [
              [1, version],
              [2, bytes],
              [3, name],
            ],
          ]),
      ),
      [4, url],
      [5, `${type}-${version}`],
    ]
    this.#call?.write(encode(this.#dialect === 'delta' ? delta : state))
  }
}

/**
 * @param {Buffer} bytes @param {{ type: number, error: number, names: number }} numbers
 * @returns {{ type: string, error: Buffer | undefined, names: string[] }}
 */
function read(bytes, numbers) {
  const fields = decode(bytes)
  const values = (/** @type {number} */ number) =>
    fields.flatMap(field => (field.number === number && typeof field.value !== 'number' ? [field.value] : []))
  return {
    type: String(values(numbers.type)[0] ?? '').replace('type.googleapis.com/', ''),
    error: values(numbers.error)[0],
    names: values(numbers.names).map(String),
  }
}
