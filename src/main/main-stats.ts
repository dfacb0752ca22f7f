import type { TlsContextMeta } from '../plan/secrets.js'
import type { NativeAddon, OpenedListener, PlanKind } from '../native/addon.js'
import type {
  ClusterInfo,
  CompiledBootstrap,
  HostInfo,
  ListenerInfo,
  RuntimeLayer,
  VirtualHostInfo,
} from '../snapshot/compile-task.js'
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
import {
  type CertificatesInUse,
  daysUntilFirstExpiration,
  expirations,
  secondsUntilFirstOcspExpiration,
} from './certificates.js'
import type { DnsEvent } from '../upstream/dns-cluster.js'

/** The numbers of Envoy's server.state. */
export const serverStates = { LIVE: 0, DRAINING: 1, PRE_INITIALIZING: 2, INITIALIZING: 3 } as const
// The bootstrap is read with its layers, and once more when the admin layer and files on disk are there.
const loadsAtStart = 2
// Envoy's HealthStatus; unknown (0) counts as healthy.
const healthStatus = { healthy: 1, draining: 3, degraded: 5 } as const
// Known from the start, and zero for us: nothing of a configuration passes unread, and it is no FIPS build.
const zeroFromTheStart = {
  counters: ['dynamic_unknown_fields', 'static_unknown_fields', 'wip_protos'],
  gauges: ['compilation_settings.fips_mode', 'stats_recent_lookups'],
}

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
  #certificates: CertificatesInUse = { contexts: [], secrets: new Map() }
  /** Gauges of certificates, by whole name. */
  #expirations = new Map<string, Forget>()
  /** Names in statistics, by name. */
  readonly #listenerNames = new Map<string, string>()
  #clusterNames = new Map<string, string>()

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
    for (const counter of zeroFromTheStart.counters) this.server.inc(counter, 0)
    for (const gauge of zeroFromTheStart.gauges) this.server.set(gauge, 0)
    this.#updateCertificates()
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
    this.#countClusters(before, now)
    this.#countListeners(before?.listeners ?? [], now.listeners, opened)
    this.#countRuntime(before, now)
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
    if (!this.#hasDns) declareDns(this.store)
    this.#hasDns = true
    const resolver = this.store.scope('dns', 'dns.cares')
    if (event === 'update_attempt') {
      resolver.inc('resolve_total')
      resolver.inc('pending_resolutions')
    } else if (event !== 'update_no_rebuild') {
      resolver.dec('pending_resolutions')
      if (event === 'update_failure') resolver.inc('get_addr_failure')
    }
  }

  members(info: ClusterInfo, hosts: readonly HostInfo[]): void {
    const scope = this.cluster(info)
    const count = (wanted: (health: number) => boolean) => hosts.filter(host => wanted(host.health)).length
    // Each priority that has hosts, or had, is an update of its own.
    const priorities = new Set(hosts.map(host => host.priority)).size
    const before = this.#members.get(info.name) ?? 0
    this.#members.set(info.name, hosts.length)
    if (before + hosts.length > 0) scope.inc('membership_change', Math.max(priorities, 1))
    scope.set('membership_total', hosts.length)
    scope.set(
      'membership_healthy',
      count(health => health <= healthStatus.healthy),
    )
    scope.set(
      'membership_degraded',
      count(health => health === healthStatus.degraded),
    )
    scope.set(
      'membership_excluded',
      count(health => health === healthStatus.draining),
    )
    scope.set('warming_state', 0)
    if (info.dns !== undefined) scope.set('max_host_weight', Math.max(0, ...hosts.map(host => host.weight)))
    // Each new member is matched with a transport socket once.
    for (const host of hosts.slice(before)) {
      const match = info.transportSocketMatches[host.transportSocket - 1] ?? 'default'
      this.store
        .scope('transport_socket_match', `${sanitizeName(info.statName)}.${sanitizeName(match)}`)
        .inc('total_match_count')
    }
  }

  /** The values of the runtime are (or were once more) read; `times` at once. */
  runtimeLoaded(layers: readonly RuntimeLayer[], times = 1): void {
    const scope = this.store.scope('runtime', 'runtime')
    scope.inc('load_success', times)
    scope.inc('override_dir_not_exists', times)
    scope.set('num_layers', layers.length)
    scope.set('num_keys', new Set(layers.flatMap(layer => Object.keys(layer.values))).size)
    const overrides = layers.find(layer => layer.isAdmin)?.values ?? {}
    if (Object.keys(overrides).length > 0 || scope.isUsed('admin_overrides_active'))
      scope.set('admin_overrides_active', Object.keys(overrides).length > 0 ? 1 : 0)
  }

  /** What the process says of itself: as of the start and of each flush, as in Envoy. */
  flush(facts: ProcessFacts): void {
    this.updateProcess(facts)
    this.store.flush()
  }

  updateProcess(facts: ProcessFacts): void {
    const memory = this.#addon.memory()
    this.server.set('state', serverStates[facts.state])
    this.server.set('uptime', Math.floor(facts.uptimeS))
    this.server.set('memory_allocated', memory.allocated)
    this.server.set('memory_heap_size', memory.heapSize)
    this.server.set('memory_physical_size', facts.residentBytes)
    this.server.set('total_connections', this.#addon.connectionCount())
    this.#updateCertificates()
  }

  /** These are in use now: after a configuration was adopted, and after one was renewed. */
  certificates(inUse: CertificatesInUse): void {
    this.#certificates = inUse
    this.#updateCertificates()
    const before = this.#expirations
    this.#expirations = new Map()
    for (const context of inUse.contexts) {
      const scope = this.#scopeOf(context.owner)
      for (const [name, expiration] of expirations(inUse, context)) {
        const stat = `${scope}.ssl.certificate.${sanitizeName(name)}.expiration_unix_time_seconds`
        if (!this.#expirations.has(stat)) {
          this.store.declare('named_gauge', stat)
          this.#expirations.set(stat, () => this.store.forget('named_gauge', stat))
        }
        this.store.scope('named_gauge', stat).set('', expiration)
      }
    }
    for (const forget of before.values()) forget()
  }

  #scopeOf({ kind, name }: TlsContextMeta['owner']): string {
    if (kind === 'listener') return `listener.${sanitizeName(this.#listenerNames.get(name) ?? name)}`
    return `cluster.${sanitizeName(this.#clusterNames.get(name) ?? name)}`
  }

  #updateCertificates(): void {
    const now = Math.floor(Date.now() / 1000)
    this.server.set('days_until_first_cert_expiring', daysUntilFirstExpiration(this.#certificates, now))
    const ocsp = secondsUntilFirstOcspExpiration(this.#certificates, now)
    if (ocsp !== undefined) this.server.set('seconds_until_first_ocsp_response_expiring', ocsp)
  }

  /** Copies what is kept elsewhere; before the statistics are read. */
  refresh(): void {
    this.#addon.publishBreakers()
    const files = this.store.scope('filesystem', 'filesystem')
    // Zero is what an untouched statistic says; writing it would make it a used one.
    for (const [name, value] of Object.entries(this.#addon.fileStats()))
      if (value !== 0 || files.isUsed(name)) files.set(name, value)
  }

  #countClusters(before: CompiledBootstrap | undefined, now: CompiledBootstrap): void {
    const scope = this.store.scope('cluster_manager', 'cluster_manager')
    const { added, removed } = difference(before?.clusters ?? [], now.clusters)
    const modified = changedPlans('cluster', before, now)
    if (added > 0) scope.inc('cluster_added', added)
    if (modified.size > added) scope.inc('cluster_modified', modified.size - added)
    if (removed > 0) scope.inc('cluster_removed', removed)
    scope.set('active_clusters', now.clusters.length)
    scope.set('warming_clusters', 0)
    this.#clusterNames = new Map(now.clusters.map(info => [info.name, info.statName]))
    const wanted = now.clusters.map(info => ({
      key: `cluster ${info.name}`,
      value: [info.statName, info.hasTls, info.transportSocketMatches],
      declare: () => declareCluster(this.store, info),
    }))
    const hosts = now.virtualHosts.map(info => ({
      key: `vhost ${info.name}`,
      value: info,
      declare: () => this.#declareVirtualHost(info),
    }))
    this.#declareAll('cluster ', wanted)
    const changed = changedPlans('endpoints', before, now)
    for (const info of now.clusters)
      if (info.dns === undefined && changed.has(info.name)) this.members(info, info.hosts)
    for (const name of this.#members.keys())
      if (!now.clusters.some(info => info.name === name)) this.#members.delete(name)
    this.#declareAll('vhost ', hosts)
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
        at === undefined
          ? this.#declared.get(key)?.signature
          : { statName: at.statName, http: info.httpStatPrefixes, tls: info.hasTls }
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
    this.#listenerNames.set(info.name, statName)
    return declareListener(this.store, {
      statName,
      workers: this.#workers,
      hasTls: info.hasTls,
      httpPrefixes: info.httpStatPrefixes,
    })
  }

  // Values that /runtime_modify changed were counted then.
  #countRuntime(before: CompiledBootstrap | undefined, now: CompiledBootstrap): void {
    if (before === undefined) this.runtimeLoaded(now.runtime, loadsAtStart)
    else if (JSON.stringify(fileLayers(before)) !== JSON.stringify(fileLayers(now))) this.runtimeLoaded(now.runtime)
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

/** What the files say; the admin layer is the administrator's. */
function fileLayers({ runtime }: CompiledBootstrap): readonly RuntimeLayer[] {
  return runtime.filter(layer => !layer.isAdmin)
}

/** Names of the plans of a kind that are new or different. */
function changedPlans(kind: PlanKind, before: CompiledBootstrap | undefined, now: CompiledBootstrap): Set<string> {
  const known = new Map(before?.plans.filter(plan => plan.kind === kind).map(plan => [plan.name, plan.id]))
  return new Set(
    now.plans.filter(plan => plan.kind === kind && known.get(plan.name) !== plan.id).map(plan => plan.name),
  )
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
