import type { NativeAddon, OpenedListener } from '../native/addon.js'
import type { ClusterInfo, CompiledBootstrap, ListenerInfo, VirtualHostInfo } from '../snapshot/compile-task.js'
import {
  declareCluster,
  declareDns,
  declareHttpConnectionManager,
  declareListener,
  declareServer,
  declareTcpProxy,
  declareVirtualHost,
  type Forget,
} from '../stats/declare.js'
import type { MainScope } from '../stats/main-scope.js'
import { sanitizeName } from '../stats/names.js'
import type { StatsStore } from '../stats/store.js'
import type { DnsEvent } from '../upstream/dns-cluster.js'

/** The numbers of Envoy's server.state. */
export const serverStates = { LIVE: 0, DRAINING: 1, PRE_INITIALIZING: 2, INITIALIZING: 3 } as const
// What Envoy says when there is no certificate that could expire.
const noCertificates = 0xffff_ffff

export type ServerState = keyof typeof serverStates

export interface ProcessFacts {
  readonly state: ServerState
  readonly uptimeS: number
  readonly residentBytes: number
}

/** A thing of the configuration whose statistics exist as long as it does. */
interface Declared {
  readonly signature: string
  readonly forget: Forget
}

/** The statistics that only main knows, and which ones exist because the configuration says so. Main thread. */
export class MainStats {
  readonly store: StatsStore
  readonly #addon: Pick<NativeAddon, 'fileStats' | 'memory' | 'connectionCount' | 'publishBreakers'>
  readonly #workers: number
  readonly #declared = new Map<string, Declared>()
  readonly #members = new Map<string, number>()
  #hasDns = false

  constructor(
    store: StatsStore,
    addon: Pick<NativeAddon, 'fileStats' | 'memory' | 'connectionCount' | 'publishBreakers'>,
    workers: number,
  ) {
    this.store = store
    this.#addon = addon
    this.#workers = workers
    declareServer(store, workers)
    this.server.set('concurrency', workers)
    this.server.set('state', serverStates.PRE_INITIALIZING)
    this.server.set('days_until_first_cert_expiring', noCertificates)
  }

  get server(): MainScope {
    return this.store.scope('server', 'server')
  }

  cluster(info: ClusterInfo): MainScope {
    return this.store.scope('cluster', sanitizeName(info.statName))
  }

  /** A configuration is in use; `opened` are the listeners that are new or different. */
  adopt(
    before: CompiledBootstrap | undefined,
    now: CompiledBootstrap,
    opened: ReadonlyMap<number, OpenedListener>,
  ): void {
    this.#countClusters(before?.clusters ?? [], now)
    this.#countListeners(before?.listeners ?? [], now.listeners, opened)
    this.#countRuntime(now)
  }

  liveAfter(milliseconds: number): void {
    this.server.record('initialization_time_ms', Math.round(milliseconds))
    this.server.set('live', 1)
  }

  reloadFailed(): void {
    this.store.scope('listener_manager', 'listener_manager').inc('listener_create_failure')
  }

  listenersStopped(count: number): void {
    if (count > 0) this.store.scope('listener_manager', 'listener_manager').inc('listener_stopped', count)
  }

  dnsEvent(info: ClusterInfo, event: DnsEvent): void {
    this.cluster(info).inc(event)
    if (!this.#hasDns) return
    if (event === 'update_attempt') this.store.scope('dns', 'dns.cares').inc('resolve_total')
    if (event === 'update_failure') this.store.scope('dns', 'dns.cares').inc('get_addr_failure')
  }

  members(info: ClusterInfo, count: number): void {
    const scope = this.cluster(info)
    scope.inc('membership_change')
    const before = this.#members.get(info.name) ?? 0
    this.#members.set(info.name, count)
    scope.set('membership_total', count)
    scope.set('membership_healthy', count)
    for (const gauge of ['membership_degraded', 'membership_excluded', 'warming_state']) scope.set(gauge, 0)
    // Each new member is matched with a transport socket once.
    const matched = this.store.scope('transport_socket_match', `${sanitizeName(info.statName)}.default`)
    if (count > before) matched.inc('total_match_count', count - before)
  }

  /** Copies what is kept elsewhere; before the statistics are read. */
  refresh(facts: ProcessFacts): void {
    this.#addon.publishBreakers()
    const memory = this.#addon.memory()
    this.server.set('state', serverStates[facts.state])
    this.server.set('uptime', Math.floor(facts.uptimeS))
    this.server.set('memory_allocated', memory.allocated)
    this.server.set('memory_heap_size', memory.heapSize)
    this.server.set('memory_physical_size', facts.residentBytes)
    this.server.set('total_connections', this.#addon.connectionCount())
    const files = this.store.scope('filesystem', 'filesystem')
    // Zero is what an untouched statistic says; writing it would make it a used one.
    for (const [name, value] of Object.entries(this.#addon.fileStats()))
      if (value !== 0 || files.isUsed(name)) files.set(name, value)
  }

  #countClusters(before: readonly ClusterInfo[], now: CompiledBootstrap): void {
    const scope = this.store.scope('cluster_manager', 'cluster_manager')
    const { added, removed } = difference(before, now.clusters)
    if (added > 0) scope.inc('cluster_added', added)
    if (removed > 0) scope.inc('cluster_removed', removed)
    scope.set('active_clusters', now.clusters.length)
    scope.set('warming_clusters', 0)
    if (!this.#hasDns && now.clusters.some(cluster => cluster.dns !== undefined)) {
      this.#hasDns = true
      declareDns(this.store)
    }
    const wanted = now.clusters.map(info => ({
      key: `cluster ${info.name}`,
      value: info.statName,
      declare: () => this.#declareCluster(info),
    }))
    const hosts = now.virtualHosts.map(info => ({
      key: `vhost ${info.name}`,
      value: info,
      declare: () => this.#declareVirtualHost(info),
    }))
    this.#declareAll('cluster ', wanted)
    this.#declareAll('vhost ', hosts)
  }

  #declareCluster(info: ClusterInfo): Forget {
    const forget = declareCluster(this.store, { statName: info.statName, trackRemaining: info.trackRemaining })
    if (info.dns === undefined) this.members(info, info.hosts.length)
    return forget
  }

  #declareVirtualHost(info: VirtualHostInfo): Forget {
    return declareVirtualHost(this.store, info)
  }

  #countListeners(
    before: readonly ListenerInfo[],
    now: readonly ListenerInfo[],
    opened: ReadonlyMap<number, OpenedListener>,
  ): void {
    const scope = this.store.scope('listener_manager', 'listener_manager')
    const { added, removed } = difference(before, now)
    if (added > 0) scope.inc('listener_added', added)
    if (removed > 0) scope.inc('listener_removed', removed)
    if (opened.size > added) scope.inc('listener_modified', opened.size - added)
    if (opened.size > 0) scope.inc('listener_create_success', opened.size * this.#workers)
    scope.set('total_listeners_active', now.length)
    scope.set('workers_started', 1)
    scope.set('total_listeners_warming', 0)
    const known = now.map(info => ({ info, at: opened.get(info.slot) }))
    const wanted = known.map(({ info, at }) => {
      const key = `listener ${info.name}`
      const value =
        at === undefined ? this.#declared.get(key)?.signature : { statName: at.statName, http: info.httpStatPrefixes }
      return { key, value, declare: () => this.#declareListener(info, at) }
    })
    this.#declareAll('listener ', wanted)
    const prefixes = (kind: 'http' | 'tcp') => [
      ...new Set(now.flatMap(info => (kind === 'http' ? info.httpStatPrefixes : info.tcpStatPrefixes))),
    ]
    this.#declareAll(
      'http ',
      prefixes('http').map(prefix => ({
        key: `http ${prefix}`,
        value: '',
        declare: () => declareHttpConnectionManager(this.store, prefix),
      })),
    )
    this.#declareAll(
      'tcp ',
      prefixes('tcp').map(prefix => ({
        key: `tcp ${prefix}`,
        value: '',
        declare: () => declareTcpProxy(this.store, prefix),
      })),
    )
  }

  #declareListener(info: ListenerInfo, at: OpenedListener | undefined): Forget {
    const statName = info.statPrefix === '' ? (at?.statName ?? info.name) : info.statPrefix
    return declareListener(this.store, { statName, workers: this.#workers, httpPrefixes: info.httpStatPrefixes })
  }

  #countRuntime(now: CompiledBootstrap): void {
    const scope = this.store.scope('runtime', 'runtime')
    scope.set('num_layers', now.runtime.length)
    scope.set('num_keys', new Set(now.runtime.flatMap(layer => Object.keys(layer.values))).size)
    scope.set(
      'admin_overrides_active',
      now.runtime.some(layer => layer.isAdmin && Object.keys(layer.values).length > 0) ? 1 : 0,
    )
  }

  /** New ones first, so that a scope which two owners share never goes away in between. */
  #declareAll(prefix: string, wanted: readonly { key: string; value: unknown; declare: () => Forget }[]): void {
    const keys = new Set(wanted.map(one => one.key))
    const gone = [...this.#declared].filter(([key]) => key.startsWith(prefix) && !keys.has(key))
    for (const { key, value, declare } of wanted) {
      const signature = typeof value === 'string' ? value : JSON.stringify(value)
      const known = this.#declared.get(key)
      if (known?.signature === signature) continue
      this.#declared.set(key, { signature, forget: declare() })
      known?.forget()
    }
    for (const [key, { forget }] of gone) {
      forget()
      this.#declared.delete(key)
    }
  }
}

function difference(
  before: readonly { readonly name: string }[],
  now: readonly { readonly name: string }[],
): { added: number; removed: number } {
  const [old, fresh] = [new Set(before.map(one => one.name)), new Set(now.map(one => one.name))]
  return {
    added: [...fresh].filter(name => !old.has(name)).length,
    removed: [...old].filter(name => !fresh.has(name)).length,
  }
}
