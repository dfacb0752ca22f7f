// A management server that serves well at first and then says something odd: one response at a time, each with what the proxy makes of it.
import type { SeenRequest, ServerStream } from './control-plane.js'
import { asAny, rawAny, showRequest, type TestResource } from './control-plane.js'
import type { Scene } from './scenario.js'
import { poll } from './wait.js'
import { edsCluster, endpoints, listener, rds, routes, toCluster, XdsScene, type XdsOptions } from './xds-scene.js'

export const urls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  'scoped-route': 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration',
  'virtual-host': 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  runtime: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
  'extension-config': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
} as const

type Kind = keyof typeof urls

/** Everything that leads to the answer "200 one": a cluster with members, a listener with routes. */
export const everything = (plane: XdsScene['plane'], [one]: readonly [number, number]): void => {
  plane.update('cluster', { a: edsCluster('a') })
  plane.update('endpoint', { a: endpoints('a', [one]) })
  plane.update('listener', { main: listener('main', rds('r')) })
  plane.update('route', { r: routes('r', toCluster('a')) })
}

/** Bytes of a resource as they are, however wrong. */
export const garbage = (kind: Kind, bytes = Uint8Array.of(0xff, 0xff, 0xff)): TestResource => rawAny(urls[kind], bytes)

/** One resource of a delta response; a text is a heartbeat's name. */
export interface DeltaPart {
  readonly name: string
  readonly version?: string
  readonly resource?: TestResource
  readonly aliases?: readonly string[]
  readonly ttl?: { readonly seconds: bigint; readonly nanos: number }
}

export class OddPlane {
  readonly x: XdsScene
  readonly #s: Scene
  #nonces = 0
  /** Whether refusals are noted with their words. */
  hasWords = true

  private constructor(s: Scene, x: XdsScene) {
    this.#s = s
    this.x = x
  }

  static run(s: Scene, options: XdsOptions, act: (odd: OddPlane) => Promise<void>): Promise<void> {
    return XdsScene.run({ prepare: everything, ...options }, async x => {
      // The last of what is good has been acknowledged.
      const odd = new OddPlane(s, x)
      await x.plane.waitFor('an acknowledgement of the routes', () =>
        options.prepare !== undefined || x.plane.requests.some(({ type, nonce }) => type === 'route' && nonce !== '')
          ? true
          : undefined,
      )
      await act(odd)
    })
  }

  get stream(): ServerStream {
    const open = this.x.plane.streams.filter(({ isOpen }) => isOpen)
    const last = open.at(-1)
    if (last === undefined) throw new Error('no stream is open')
    return last
  }

  /** Sends a response of the state of the world, and notes the answer to it. */
  async says(kind: Kind, version: string, ...resources: TestResource[]): Promise<void> {
    await this.saysAs(urls[kind], version, ...resources)
  }

  async saysAs(typeUrl: string, version: string, ...resources: TestResource[]): Promise<void> {
    const nonce = this.send(typeUrl, version, ...resources)
    await this.sawAnswer(nonce)
  }

  /** Sends and does not wait. */
  send(typeUrl: string, version: string, ...resources: TestResource[]): string {
    const nonce = this.nonce()
    this.stream.lastNonce.set(typeUrl, nonce)
    this.stream.send({ typeUrl, nonce, versionInfo: version, resources: resources.map(asAny) })
    return nonce
  }

  /** Sends a delta response, and notes the answer to it. */
  async tells(kind: Kind, parts: readonly DeltaPart[], removed: readonly string[] = []): Promise<void> {
    await this.sawAnswer(this.sendDelta(urls[kind], parts, removed))
  }

  sendDelta(typeUrl: string, parts: readonly DeltaPart[], removed: readonly string[] = []): string {
    const nonce = this.nonce()
    this.stream.send({
      typeUrl,
      nonce,
      systemVersionInfo: nonce,
      resources: parts.map(({ name, version = nonce, resource, aliases = [], ttl }) => ({
        name,
        version,
        aliases,
        ...(resource !== undefined && { resource: asAny(resource) }),
        ...(ttl && { ttl }),
      })),
      removedResources: [...removed],
    })
    return nonce
  }

  nonce(): string {
    this.#nonces += 1
    return `x${this.#nonces}`
  }

  async sawAnswer(nonce: string): Promise<void> {
    const seen = await this.x.plane.waitFor(`an answer to ${nonce}`, () =>
      this.x.plane.requests.find(request => request.nonce === nonce),
    )
    this.#s.note(
      shown(this.hasWords || seen.error === undefined ? seen : { ...seen, error: { ...seen.error, message: '' } }),
    )
  }

  /** Waits for an answer to a request, and notes it. */
  async becomes(wanted: string, name = 'main', path = '/'): Promise<void> {
    await this.x.becomes(name, wanted, path)
    this.#s.note(wanted)
  }

  async asks(name = 'main', path = '/'): Promise<void> {
    this.#s.note(await this.x.ask(name, path))
  }

  async stats(...names: string[]): Promise<void> {
    this.#s.note(await this.x.stats(...names))
  }

  async statBecomes(name: string, value: number): Promise<void> {
    await this.x.statBecomes(name, value)
    this.#s.note(`${name}: ${value}`)
  }

  /** What /config_dump says of a section's resources: names, versions, states, errors. */
  async dump(section: string): Promise<void> {
    const { body } = await this.x.proxy.admin(`/config_dump?resource=${section}`)
    const { configs = [] } = JSON.parse(body) as { configs?: Dumped[] }
    const lines = configs.map(dumped).sort()
    this.#s.note(lines.length === 0 ? `${section}: none` : `${section}:\n${lines.map(line => `  ${line}`).join('\n')}`)
  }

  /** What listeners and clusters wait for. */
  async waiting(): Promise<string> {
    const { body } = await this.x.proxy.admin('/init_dump')
    const { unready_targets_dumps: all = [] } = JSON.parse(body || '{}') as {
      unready_targets_dumps?: { name: string; target_names?: string[] }[]
    }
    return all
      .map(({ name, target_names: names = [] }) => `${name.replace(/\d+$/, 'N')}: ${names.join(', ')}`)
      .join('\n')
  }
}

type State = { version_info?: string; listener?: { name?: string } }
type Dumped = Record<string, unknown> & {
  name?: string
  version_info?: string
  active_state?: State
  warming_state?: State
  draining_state?: State
  error_state?: { details?: string; version_info?: string }
  client_status?: string
}

function dumped(one: Dumped): string {
  const inner = Object.values(one).find(
    (value): value is { name?: string; cluster_name?: string } =>
      typeof value === 'object' && value !== null && ('name' in value || 'cluster_name' in value),
  )
  const parts = [one.name ?? inner?.name ?? inner?.cluster_name ?? '-']
  if (one.version_info !== undefined) parts.push(`version ${one.version_info}`)
  for (const state of ['active_state', 'warming_state', 'draining_state'] as const) {
    const found = one[state]
    if (found !== undefined) parts.push(`${state} ${found.version_info ?? '-'}`)
  }
  if (one.client_status !== undefined) parts.push(one.client_status)
  if (one.error_state !== undefined)
    parts.push(`error ${one.error_state.version_info ?? '-'}: ${(one.error_state.details ?? '').trim()}`)
  return parts.join(' ')
}

/**
 * With the text of an error, but for the resource in it, which Envoy prints in a form that is another each day, and for which rule it breaks,
 * which is told in other words here.
 */
export function shown(request: SeenRequest): string {
  const { error } = request
  const line = showRequest({ ...request, names: [...request.names].sort(), node: undefined })
  if (error === undefined) return line
  const text = error.message
    .trim()
    .replace(/^[\s\S]*(Proto constraint validation failed)[\s\S]*$/, '$1')
    .replace(/(Unable to unpack as [\w.]+)[\s\S]*$/, '$1')
    .replace(/:?\s*goo\.gle\/debug[\s\S]*$/, '')
  return `${line}: ${text.replaceAll('\n', ' ')}`
}

/** Polls for a note that is not empty. */
export const something = (what: string, look: () => Promise<string>): Promise<string> =>
  poll(what, async () => (await look()) || undefined)
