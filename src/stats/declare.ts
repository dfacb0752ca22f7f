// Which scopes a thing of the configuration has: declared when it appears, so that its stats are printed as zeros before
// anything happened, and forgotten when it goes.
import { sanitizeName } from './names.js'
import type { StatsStore } from './store.js'

/** Takes the declarations back. */
export type Forget = () => void

type Scope = readonly [kind: string, name: string]

function declareAll(store: StatsStore, scopes: readonly Scope[]): Forget {
  for (const [kind, name] of scopes) store.declare(kind, name)
  return () => {
    for (const [kind, name] of scopes) store.forget(kind, name)
  }
}

/** Everything a process has from its start. `workers`: their number. */
export function declareServer(store: StatsStore, workers: number): void {
  const perWorker = (text: (n: number) => string) => Array.from({ length: workers }, (_, n) => text(n))
  declareAll(store, [
    ['server', 'server'],
    ['listener_manager', 'listener_manager'],
    ['cluster_manager', 'cluster_manager'],
    ['runtime', 'runtime'],
    ['filesystem', 'filesystem'],
    ['http1', 'http1'],
    ['overload', 'overload'],
    ['overload_action', 'envoy.overload_actions.reset_high_memory_stream'],
    ['router', 'async-client'],
    ['watchdog', 'main_thread'],
    ['watchdog', 'workers'],
    ['watchdog', 'server.main_thread'],
    ...perWorker(n => `server.worker_${n}`).map(name => ['watchdog', name] as const),
    ['thread_local_clusters', 'thread_local_cluster_manager.main_thread'],
    ...perWorker(n => `thread_local_cluster_manager.worker_${n}`).map(name => ['thread_local_clusters', name] as const),
  ])
}

/** With `enable_dispatcher_stats`. */
export function declareDispatchers(store: StatsStore, workers: number): void {
  store.declare('dispatcher', 'server.dispatcher')
  for (let n = 0; n < workers; ++n) store.declare('dispatcher', `listener_manager.worker_${n}.dispatcher`)
}

/** The DNS resolver, made with the first DNS cluster. */
export function declareDns(store: StatsStore): void {
  store.declare('dns', 'dns.cares')
}

export interface ClusterStats {
  /** alt_stat_name, else the name. */
  readonly statName: string
  readonly trackRemaining?: { readonly default?: boolean; readonly high?: boolean }
  readonly requestResponseSizes?: boolean
  readonly timeoutBudgets?: boolean
  readonly hasTls?: boolean
  /** It is checked actively. */
  readonly health?: object | undefined
  readonly outlier?: object | undefined
  readonly hashing?: { readonly kind: 'ring' | 'maglev' } | undefined
  /** Names of its transport_socket_matches. */
  readonly transportSocketMatches?: readonly string[]
}

/** There may be thousands: the list of scopes is made once more to take them back, and kept by none. */
export function declareCluster(store: StatsStore, cluster: ClusterStats): Forget {
  for (const [kind, name] of clusterScopes(cluster)) store.declare(kind, name)
  return () => {
    for (const [kind, name] of [...clusterScopes(cluster), ...clusterLeftovers(cluster)]) store.forget(kind, name)
  }
}

function clusterScopes(cluster: ClusterStats): Scope[] {
  const name = sanitizeName(cluster.statName)
  const scopes: Scope[] = [
    ['cluster', name],
    ['circuit_breaker', `${name}.circuit_breakers.default`],
    ['circuit_breaker', `${name}.circuit_breakers.high`],
    ['transport_socket_match', `${name}.default`],
  ]
  for (const match of cluster.transportSocketMatches ?? [])
    scopes.push(['transport_socket_match', `${name}.${sanitizeName(match)}`])
  if (cluster.health !== undefined) scopes.push(['health_check', `${name}.health_check`])
  if (cluster.hashing?.kind === 'ring') scopes.push(['ring_hash_lb', `${name}.ring_hash_lb`])
  if (cluster.hashing?.kind === 'maglev') scopes.push(['maglev_lb', `${name}.maglev_lb`])
  if (cluster.outlier !== undefined) scopes.push(['outlier_detection', `${name}.outlier_detection`])
  if (cluster.hasTls) scopes.push(...tlsScopes(`cluster.${name}`, 'client'))
  if (cluster.trackRemaining?.default) scopes.push(['circuit_breaker_remaining', `${name}.circuit_breakers.default`])
  if (cluster.trackRemaining?.high) scopes.push(['circuit_breaker_remaining', `${name}.circuit_breakers.high`])
  if (cluster.requestResponseSizes) scopes.push(['request_response_size', name])
  if (cluster.timeoutBudgets) scopes.push(['timeout_budget', name])
  return scopes
}

/** Made by workers on first touch, never declared. */
function clusterLeftovers(cluster: ClusterStats): Scope[] {
  const name = sanitizeName(cluster.statName)
  return [
    ['http1', `cluster.${name}.http1`],
    ...['external', 'internal', 'canary', 'retry'].map(part => ['responses', `cluster.${name}.${part}`] as const),
  ]
}

/** `prefix`: "listener.127.0.0.1_443", "cluster.a". */
const tlsScopes = (prefix: string, side: 'server' | 'client'): Scope[] => [
  ['tls', `${prefix}.ssl`],
  ['tls_factory', `${prefix}.${side}_ssl_socket_factory`],
]

export interface ListenerStats {
  /** stat_prefix, else the address ("127.0.0.1:80"). */
  readonly statName: string
  readonly workers: number
  readonly hasTls?: boolean
  /** stat_prefix of each HTTP connection manager in its filter chains. */
  readonly httpPrefixes: readonly string[]
}

export function declareListener(store: StatsStore, listener: ListenerStats): Forget {
  const name = sanitizeName(listener.statName)
  return declareAll(store, [
    ['listener', name],
    ['listener_extension', name],
    ...(listener.hasTls ? tlsScopes(`listener.${name}`, 'server') : []),
    ...Array.from({ length: listener.workers }, (_, n) => ['listener_worker', `${name}.worker_${n}`] as const),
    ...listener.httpPrefixes.map(prefix => ['listener_http', `${name}.http.${sanitizeName(prefix)}`] as const),
  ])
}

export function declareHttpConnectionManager(store: StatsStore, statPrefix: string): Forget {
  const name = sanitizeName(statPrefix)
  return declareAll(store, [
    ['http', name],
    ['router', name],
    ['tracing', `${name}.tracing`],
  ])
}

export function declareTcpProxy(store: StatsStore, statPrefix: string): Forget {
  return declareAll(store, [['tcp', sanitizeName(statPrefix)]])
}

export interface VirtualHostStats {
  readonly name: string
  /** Names of its virtual clusters; `other` is added when there is one. */
  readonly virtualClusters: readonly string[]
  /** stat_prefix of its routes that have one. */
  readonly routes: readonly string[]
}

/** These names go into stats as they are, colons too. */
export function declareVirtualHost(store: StatsStore, host: VirtualHostStats): Forget {
  const { name, routes } = host
  const clusters = host.virtualClusters.length > 0 ? [...host.virtualClusters, 'other'] : []
  return declareAll(store, [
    ...clusters.map(cluster => ['virtual_cluster', `${name}.vcluster.${cluster}`] as const),
    ...routes.map(route => ['virtual_cluster', `${name}.route.${route}`] as const),
  ])
}

/** The admin listener is main's own. */
export function declareAdmin(store: StatsStore): void {
  declareAll(store, [
    ['listener', 'admin'],
    ['listener_worker', 'admin.main_thread'],
    ['listener_http', 'admin.http.admin'],
    ['http', 'admin'],
  ])
}
