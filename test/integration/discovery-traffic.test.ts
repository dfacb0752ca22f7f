// What clients see while a control plane changes everything under them, step by step: the same steps with the state of the world and with
// deltas on one stream, and with a stream for each resource type. Errors are those that the control plane is told.
import { request as httpRequest } from 'node:http'
import net from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { Certificate } from '../support/certificates.js'
import { ControlPlane, type SeenRequest } from '../support/control-plane.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

type Fields = Record<string, unknown>
type Type = Parameters<ControlPlane['update']>[0]
type Resources = Parameters<ControlPlane['update']>[1]
/** By name; undefined is removed. */
type Changes = Readonly<Record<string, Fields | undefined>>

interface Mode {
  readonly name: string
  readonly isDelta: boolean
  readonly isShared: boolean
}

const MODES: readonly Mode[] = [
  { name: 'aggregated', isDelta: false, isShared: true },
  { name: 'aggregated deltas', isDelta: true, isShared: true },
  { name: 'separate streams', isDelta: false, isShared: false },
]

const PATIENCE_MS = 8000

const type = (name: string): string => `type.googleapis.com/envoy.${name}`
const local = (port: number): Fields => ({ socket_address: { address: '127.0.0.1', port_value: port } })
const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': type('extensions.upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: {} },
  },
}

function api({ isDelta }: Mode): Fields {
  const retry_policy = { retry_back_off: { base_interval: '0.02s', max_interval: '0.05s' } }
  return {
    api_type: isDelta ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds', retry_policy } }],
  }
}

function sourceOf(mode: Mode, timeout?: string): Fields {
  return {
    resource_api_version: 'V3',
    ...(timeout !== undefined && { initial_fetch_timeout: timeout }),
    ...(mode.isShared ? { ads: {} } : { api_config_source: api(mode) }),
  }
}

const members = (name: string, port: number): Fields => ({
  '@type': type('config.endpoint.v3.ClusterLoadAssignment'),
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: local(port) } }] }],
})

function bootstrapOf(mode: Mode, port: number): string {
  const { '@type': _, ...assignment } = members('xds', port)
  return JSON.stringify({
    node: { id: 'node', cluster: 'tests' },
    admin: { address: local(0) },
    dynamic_resources: {
      ...(mode.isShared && { ads_config: { ...api(mode), set_node_on_first_message_only: true } }),
      cds_config: sourceOf(mode),
      lds_config: sourceOf(mode),
    },
    layered_runtime: {
      layers: [{ name: 'rtds', rtds_layer: { name: 'flags', rtds_config: sourceOf(mode, '0.3s') } }],
    },
    static_resources: {
      clusters: [{ name: 'xds', type: 'STATIC', typed_extension_protocol_options: http2, load_assignment: assignment }],
    },
  })
}

/** A service that answers with its name. */
class Origin {
  readonly name: string
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  port = 0

  private constructor(name: string) {
    this.name = name
    const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`
    this.#server = net.createServer(socket => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('data', () => socket.write(answer))
    })
  }

  static async start(name: string): Promise<Origin> {
    const origin = new Origin(name)
    await new Promise<void>(resolve => origin.#server.listen(0, '127.0.0.1', resolve))
    origin.port = (origin.#server.address() as net.AddressInfo).port
    return origin
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** A control plane with a proxy that asks it, two origins, and what a client sees. */
class World {
  readonly scene: Scene
  readonly mode: Mode
  readonly one: Origin
  readonly two: Origin
  readonly port: number
  plane: ControlPlane
  #proxy: ProxyUnderTest | undefined
  #seen = 0

  private constructor(scene: Scene, mode: Mode, parts: Pick<World, 'one' | 'two' | 'port' | 'plane'>) {
    this.scene = scene
    this.mode = mode
    this.one = parts.one
    this.two = parts.two
    this.port = parts.port
    this.plane = parts.plane
  }

  static async make(scene: Scene, mode: Mode): Promise<World> {
    const [one, two] = [await Origin.start('one'), await Origin.start('two')]
    return new World(scene, mode, { one, two, port: await freePort(), plane: await ControlPlane.start() })
  }

  cluster(name: string, more: Fields = {}): Fields {
    return {
      '@type': type('config.cluster.v3.Cluster'),
      name,
      type: 'EDS',
      connect_timeout: '1s',
      eds_cluster_config: { eds_config: sourceOf(this.mode) },
      ...more,
    }
  }

  listener(name: string, port: number, more: Fields = {}, chain: Fields = {}, timeout?: string): Fields {
    const manager = {
      '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: name,
      rds: { route_config_name: `${name}-routes`, config_source: sourceOf(this.mode, timeout) },
      http_filters: [{ name: 'router', typed_config: { '@type': type('extensions.filters.http.router.v3.Router') } }],
      ...more,
    }
    return {
      '@type': type('config.listener.v3.Listener'),
      name,
      address: local(port),
      filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }], ...chain }],
    }
  }

  routes(name: string, routes: readonly Fields[]): Fields {
    return {
      '@type': type('config.route.v3.RouteConfiguration'),
      name: `${name}-routes`,
      virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
    }
  }

  to(prefix: string, cluster: string, more: Fields = {}): Fields {
    return { match: { prefix, ...more }, route: { cluster } }
  }

  /** Clusters a and b on the two origins, a listener whose routes lead to a. */
  async start(more: () => void = () => {}): Promise<void> {
    this.put('cluster', { a: this.cluster('a'), b: this.cluster('b') })
    this.put('endpoint', { a: members('a', this.one.port), b: members('b', this.two.port) })
    this.put('listener', { main: this.listener('main', this.port) })
    this.put('route', { 'main-routes': this.routes('main', [this.to('/', 'a')]) })
    more()
    this.#proxy = await ProxyUnderTest.start({
      config: bootstrapOf(this.mode, this.plane.port),
      folder: makeFolder(),
      args: ['--drain-time-s', '1', '--log-level', 'off'],
    })
  }

  get proxy(): ProxyUnderTest {
    if (this.#proxy === undefined) throw new Error('not started')
    return this.#proxy
  }

  /** Changes resources. Members that are undefined are not there. */
  put(what: Type, resources: Changes): void {
    const plain = Object.entries(resources).map(([name, one]) => [name, one && JSON.parse(JSON.stringify(one))])
    this.plane.update(what, Object.fromEntries(plain) as Resources)
  }

  /** Changes resources; what the proxy says to that, when it is an error, goes into the transcript. */
  async update(what: Type, resources: Changes): Promise<void> {
    this.#seen = this.plane.requests.length
    this.put(what, resources)
    const answer = await this.#answerTo(what, Object.keys(resources))
    if (answer.error !== undefined) this.scene.note(`${what} refused: ${essence(answer.error)}`)
  }

  // Each cluster has a stream of its own where they are not shared, and all of them answer.
  #answerTo(what: Type, names: readonly string[]): Promise<SeenRequest> {
    const concerns = (seen: SeenRequest): boolean =>
      seen.names.length === 0 || seen.names.some(name => names.includes(name))
    return this.plane.waitFor(
      `an answer to the update of ${what}`,
      () =>
        this.plane.requests.slice(this.#seen).find(seen => seen.type === what && seen.nonce !== '' && concerns(seen)),
      PATIENCE_MS,
    )
  }

  /** Waits until a request is answered like this, and notes it; otherwise what it was answered last. */
  async sees(wanted: string, path = '/', port = this.port): Promise<void> {
    let last = ''
    await poll(
      wanted,
      async () => {
        last = await ask(port, path)
        return last === wanted ? true : undefined
      },
      PATIENCE_MS,
    ).catch(() => {})
    this.scene.note(`${path}: ${last}`)
  }

  /** The same for the name of the certificate. */
  async showsCertificate(wanted: string, port = this.port): Promise<void> {
    let last = ''
    await poll(
      wanted,
      async () => {
        last = await certificateAt(port)
        return last === wanted ? true : undefined
      },
      PATIENCE_MS,
    ).catch(() => {})
    this.scene.note(`certificate: ${last}`)
  }

  async stop(): Promise<void> {
    await this.#proxy?.stop()
    await this.plane.close()
    this.one.stop()
    this.two.stop()
  }
}

/** Up to the first reason: who is to blame. */
function essence(error: { readonly code: number; readonly message: string }): string {
  const blamed = /^Error adding\/updating \w+\(s\) [^:]*/.exec(error.message)?.[0]
  return `${error.code} ${blamed ?? (error.message === '' ? 'without a word' : 'for a reason')}`
}

function ask(port: number, path: string): Promise<string> {
  return new Promise(resolve => {
    const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, timeout: 2000 }, response => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve(`${response.statusCode} ${body}`.trim()))
      response.on('error', () => resolve('broken'))
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    request.end()
  })
}

function certificateAt(port: number): Promise<string> {
  return new Promise(resolve => {
    const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const name = String(socket.getPeerCertificate().subject.CN)
      socket.destroy()
      resolve(name)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

const CHANGES = `
  /: 200 one
  /: 200 two
  /: 200 one
  /b: 200 two
  /: 200 two
  /b: 503
  /: 200 two
`
const LISTENERS = `
  /: 200 first
  /: 200 second
  /: ECONNREFUSED
  /: 200 one
`
const BAD_CLUSTER = `
  cluster refused: 13 for a reason
  /c: 200 two
  cluster refused: 13 Error adding/updating cluster(s) bad
  /: 200 one
`
const BAD_LISTENER = `
  listener refused: 13 Error adding/updating listener(s) bad
  /: 200 two
  /: 200 one
`
const BAD_ROUTES = `
  route refused: 13 for a reason
  /: 200 one
  /: 200 two
`
const BAD_ENDPOINTS = `
  endpoint refused: 13 for a reason
  /: 200 one
  /: 503 no healthy upstream
  /: 200 two
`
const AWAY = `
  /: 200 one
  /: 200 one
  /: 200 two
`
const SECRETS = `
  certificate: first
  certificate: second
  secret refused: 13 for a reason
  certificate: second
`
const RUNTIME = `
  /: 200 one
  /: 200 two
  /: 200 one
`
const WAITING = `
  late: 404
  /: 200 two
`

for (const mode of MODES) {
  feature(mode.name, { file: import.meta.url, withoutProxy: true, upstreams: [] }, f => {
    const scenario = (title: string, sees: string, run: (w: World) => Promise<void>): void =>
      f.scenario(title, { sees }, async s => {
        const world = await World.make(s, mode)
        try {
          await run(world)
        } finally {
          await world.stop()
        }
      })

    scenario('endpoints, routes and clusters change', CHANGES, async w => {
      await w.start()
      await w.sees('200 one')
      await w.update('endpoint', { a: members('a', w.two.port) })
      await w.sees('200 two')
      await w.update('endpoint', { a: members('a', w.one.port) })
      await w.sees('200 one')
      await w.update('route', { 'main-routes': w.routes('main', [w.to('/b', 'b'), w.to('/', 'a')]) })
      await w.sees('200 two', '/b')
      // A changed cluster waits for endpoints once more, and Envoy answers for it when it has them.
      w.put('cluster', { a: w.cluster('a', { connect_timeout: '2s', lb_policy: 'RANDOM' }) })
      await w.update('endpoint', { a: members('a', w.two.port) })
      await w.sees('200 two')
      await w.update('cluster', { b: undefined })
      await w.sees('503', '/b')
      await w.sees('200 two')
    })

    scenario('listeners come, change and go', LISTENERS, async w => {
      await w.start()
      const port = await freePort()
      const direct = (text: string): Fields => ({
        rds: undefined,
        route_config: {
          virtual_hosts: [
            {
              name: 'all',
              domains: ['*'],
              routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: text } } }],
            },
          ],
        },
      })
      await w.update('listener', { more: w.listener('more', port, direct('first')) })
      await w.sees('200 first', '/', port)
      await w.update('listener', { more: w.listener('more', port, direct('second')) })
      await w.sees('200 second', '/', port)
      await w.update('listener', { more: undefined })
      await w.sees('ECONNREFUSED', '/', port)
      await w.sees('200 one')
    })

    scenario('a bad cluster among good ones', BAD_CLUSTER, async w => {
      await w.start()
      w.put('endpoint', { c: members('c', w.two.port) })
      await w.update('cluster', { c: w.cluster('c'), bad: w.cluster('bad', { connect_timeout: '-1s' }) })
      await w.update('cluster', { bad: undefined, c: w.cluster('c') })
      await w.update('route', { 'main-routes': w.routes('main', [w.to('/c', 'c'), w.to('/', 'a')]) })
      await w.sees('200 two', '/c')
      await w.update('cluster', {
        bad: w.cluster('bad', {
          type: 'STATIC',
          eds_cluster_config: undefined,
          load_assignment: undefined,
          lb_policy: 'CLUSTER_PROVIDED',
        }),
      })
      await w.sees('200 one')
    })

    scenario('a bad listener among good ones', BAD_LISTENER, async w => {
      await w.start()
      const port = await freePort()
      await w.update('listener', {
        good: w.listener('good', port),
        bad: { ...w.listener('bad', await freePort()), filter_chains: [{ filters: [{ name: 'none' }] }] },
      })
      w.put('route', { 'good-routes': w.routes('good', [w.to('/', 'b')]) })
      await w.sees('200 two', '/', port)
      await w.sees('200 one')
    })

    scenario('bad routes change nothing', BAD_ROUTES, async w => {
      await w.start()
      await w.update('route', {
        'main-routes': w.routes('main', [{ match: { safe_regex: { regex: '(' } }, route: { cluster: 'b' } }]),
      })
      await w.sees('200 one')
      await w.update('route', { 'main-routes': w.routes('main', [w.to('/', 'b')]) })
      await w.sees('200 two')
    })

    scenario('bad endpoints change nothing', BAD_ENDPOINTS, async w => {
      await w.start()
      const { endpoints: _, ...nobody } = members('a', 1)
      await w.update('endpoint', {
        a: { ...nobody, endpoints: [{ priority: 200, lb_endpoints: [{ endpoint: { address: local(w.two.port) } }] }] },
      })
      await w.sees('200 one')
      await w.update('endpoint', { a: nobody })
      await w.sees('503 no healthy upstream')
      await w.update('endpoint', { a: members('a', w.two.port) })
      await w.sees('200 two')
    })

    scenario('the control plane goes away and comes back', AWAY, async w => {
      await w.start()
      await w.sees('200 one')
      const { port } = w.plane
      await w.plane.close()
      await w.sees('200 one')
      w.plane = await ControlPlane.start({ port })
      w.put('cluster', { a: w.cluster('a'), b: w.cluster('b') })
      // Versions must not be those of before: what is known already would not be sent.
      for (let times = 0; times < 10; times++)
        w.put('endpoint', { a: members('a', w.two.port), b: members('b', w.two.port) })
      w.put('listener', { main: w.listener('main', w.port) })
      w.put('route', { 'main-routes': w.routes('main', [w.to('/', 'a')]) })
      await w.sees('200 two')
    })

    scenario('secrets', SECRETS, async w => {
      const ca = Certificate.authority()
      const secret = (name: string): Fields => {
        const { chain, key } = ca.issue({ subject: `CN=${name}` })
        return {
          '@type': type('extensions.transport_sockets.tls.v3.Secret'),
          name: 'pair',
          tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } },
        }
      }
      const port = await freePort()
      const socket = {
        name: 'tls',
        typed_config: {
          '@type': type('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
          common_tls_context: {
            tls_certificate_sds_secret_configs: [{ name: 'pair', sds_config: sourceOf(w.mode) }],
          },
        },
      }
      await w.start(() => {
        w.put('secret', { pair: secret('first') })
        w.put('route', { 'secure-routes': w.routes('secure', [w.to('/', 'a')]) })
        w.put('listener', { secure: w.listener('secure', port, {}, { transport_socket: socket }) })
      })
      await w.showsCertificate('first', port)
      await w.update('secret', { pair: secret('second') })
      await w.showsCertificate('second', port)
      const { tls_certificate: _, ...nothing } = secret('third')
      await w.update('secret', {
        pair: {
          ...nothing,
          tls_certificate: { certificate_chain: { inline_string: 'no' }, private_key: { inline_string: 'no' } },
        },
      })
      await w.showsCertificate('second', port)
    })

    scenario('runtime values', RUNTIME, async w => {
      const flags = (layer: Fields): Fields => ({ '@type': type('service.runtime.v3.Runtime'), name: 'flags', layer })
      await w.start(() => {
        const when = { runtime_fraction: { runtime_key: 'to.b', default_value: { numerator: 0 } } }
        w.put('route', { 'main-routes': w.routes('main', [w.to('/', 'b', when), w.to('/', 'a')]) })
        w.put('runtime', { flags: flags({}) })
      })
      await w.sees('200 one')
      await w.update('runtime', { flags: flags({ 'to.b': 100 }) })
      await w.sees('200 two')
      await w.update('runtime', { flags: flags({}) })
      await w.sees('200 one')
    })

    scenario('a listener waits for its routes, then does without', WAITING, async w => {
      await w.start(() => {
        w.put('listener', { late: w.listener('late', 0, {}, {}, '0.2s') })
      })
      w.scene.note(`late: ${await ask(w.proxy.port('late'), '/')}`)
      w.put('route', { 'late-routes': w.routes('late', [w.to('/', 'b')]) })
      await w.sees('200 two', '/', w.proxy.port('late'))
    })
  })
}
