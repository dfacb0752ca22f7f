import type { TlsContextMeta } from '../plan/secrets.js'
import type { NativeAddon, OpenedListener } from '../native/addon.js'
import type { ClusterInfo, CompiledBootstrap, HostInfo, RuntimeLayer } from '../snapshot/compile-task.js'
import { declareDns, declareServer, type Forget } from '../stats/declare.js'
import { ConfigStats, type ConfigStatsOptions } from './config-stats.js'
import type { StatChange, SubscriptionsOpened, UpdatesTaken } from '../snapshot/config-delta.js'
import type { UnitChange } from './units.js'
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
import type { HealthCount } from '../upstream/health/health-checker.js'
import type { OutlierCount } from '../upstream/outlier/outlier-detector.js'

/** The numbers of Envoy's server.state. */
export const serverStates = { LIVE: 0, DRAINING: 1, PRE_INITIALIZING: 2, INITIALIZING: 3 } as const
// The bootstrap is read with its layers, and once more when the admin layer and files on disk are there.
const loadsAtStart = 2
// Known from the start, and zero for us: nothing of a configuration passes unread, and it is no FIPS build.
const zeroFromTheStart = {
  counters: ['dynamic_unknown_fields', 'static_unknown_fields', 'wip_protos'],
  gauges: ['compilation_settings.fips_mode', 'stats_recent_lookups'],
}

/** What is known of a cluster's traffic holds so long. */
const trafficLookMs = 20

const scopesInOneGo = 500

export type ServerState = keyof typeof serverStates

export interface ProcessFacts {
  readonly state: ServerState
  readonly uptimeS: number
  readonly residentBytes: number
}

/** The statistics that only main knows, and which ones exist because the configuration says so. Main thread. */
export class MainStats {
  readonly store: StatsStore
  readonly configured: ConfigStats
  readonly #addon: Pick<
    NativeAddon,
    'fileStats' | 'accessLogStreamStats' | 'memory' | 'connectionCount' | 'publishBreakers'
  >
  #hasDns = false
  /** Which clusters were connected to, by name; only those that are checked are asked for. */
  readonly #traffic = new Map<string, { readonly has: boolean; readonly until: number }>()
  #sentLogs: (() => number) | undefined
  #certificates: CertificatesInUse = { contexts: [], secrets: new Map() }
  /** Gauges of certificates, by whole name. */
  #expirations = new Map<string, Forget>()

  constructor(
    store: StatsStore,
    addon: Pick<NativeAddon, 'fileStats' | 'accessLogStreamStats' | 'memory' | 'connectionCount' | 'publishBreakers'>,
    { workers, clock, drainMs, flagsOf }: Omit<ConfigStatsOptions, 'store'>,
  ) {
    this.store = store
    this.configured = new ConfigStats({ store, workers, clock, drainMs, ...(flagsOf && { flagsOf }) })
    this.#addon = addon
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

  /** These units are in use; `opened` are the listeners that are new or different. */
  adopt(units: readonly UnitChange[], opened: ReadonlyMap<number, OpenedListener>): void {
    this.configured.adopt(units, opened)
  }

  /** What the configuration thread counted. Piece by piece, since thousands of scopes may come at once. */
  *engineChanges(changes: readonly StatChange[]): Generator<void> {
    for (const change of changes) {
      if (!('scopes' in change)) this.#engineChange(change)
      else
        for (let at = 0; at < change.scopes.length; at += scopesInOneGo) {
          this.#engineChange({ ...change, scopes: change.scopes.slice(at, at + scopesInOneGo) })
          yield
        }
      yield
    }
  }

  #engineChange(change: StatChange): void {
    switch (change.op) {
      case 'declare':
        return this.store.declare(change.kind, change.scope)
      case 'forget':
        return this.store.forget(change.kind, change.scope)
      case 'forget-text':
        return this.store.forgetText(`${change.scope}.${change.name}`)
      case 'text':
        if (change.name === 'version_text') {
          this.store.scope(change.kind, change.scope).version = change.value
          return
        }
        return this.store.setText(`${change.scope}.${change.name}`, change.value)
      case 'inc-all':
        for (const scope of change.scopes) this.store.scope(change.kind, scope).inc(change.name)
        return
      case 'opened':
        return this.#subscriptionsOpened(change)
      case 'updates':
        return this.#updatesTaken(change)
      default:
        return this.store.scope(change.kind, change.scope)[change.op](change.name, change.value)
    }
  }

  #subscriptionsOpened({ kind, scopes, counters }: SubscriptionsOpened): void {
    for (const name of scopes) {
      const scope = this.store.scope(kind, name)
      for (const counter of counters) scope.inc(counter, 0)
      // Updates of others in its group may have come before.
      scope.version ??= ''
    }
  }

  #updatesTaken({ kind, counters, scopes, version, hash, at, durationMs }: UpdatesTaken): void {
    for (const name of scopes) {
      const scope = this.store.scope(kind, name)
      const counted = counters === kind ? scope : this.store.scope(counters, name)
      counted.inc('update_success')
      scope.setExact('version', hash)
      scope.set('update_time', at)
      scope.record('update_duration', durationMs)
      scope.version = version
    }
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

  /** Has it ever been connected to for traffic? */
  hasTraffic(info: ClusterInfo): boolean {
    const known = this.#traffic.get(info.name)
    const now = performance.now()
    if (known !== undefined && (known.has || now < known.until)) return known.has
    const has = (this.store.valueOf('cluster', sanitizeName(info.statName), 'upstream_cx_total') ?? 0) > 0
    this.#traffic.set(info.name, { has, until: now + trafficLookMs })
    return has
  }

  healthCheck(info: ClusterInfo, count: HealthCount): void {
    this.#health(info).inc(count)
  }

  healthCounts(
    info: ClusterInfo,
    { healthy, degraded }: { readonly healthy: number; readonly degraded: number },
  ): void {
    const scope = this.#health(info)
    // A gauge nobody ever moved counts as unused.
    for (const [name, value] of [
      ['healthy', healthy],
      ['degraded', degraded],
    ] as const)
      if (value !== 0 || scope.isUsed(name)) scope.set(name, value)
  }

  #health(info: ClusterInfo): MainScope {
    return this.store.scope('health_check', `${sanitizeName(info.statName)}.health_check`)
  }

  outlierCount(info: ClusterInfo, count: OutlierCount): void {
    this.#outliers(info).inc(count)
  }

  outliersActive(info: ClusterInfo, ejected: number): void {
    this.#outliers(info).set('ejections_active', ejected)
  }

  #outliers(info: ClusterInfo): MainScope {
    return this.store.scope('outlier_detection', `${sanitizeName(info.statName)}.outlier_detection`)
  }

  members(info: ClusterInfo, hosts: readonly HostInfo[]): void {
    this.configured.members(info, hosts)
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
    return `${kind}.${this.configured.statNameOf(kind, name)}`
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
    if (this.#sentLogs !== undefined) this.#refreshLogStreams(this.#sentLogs())
  }

  /** Loggers send to gRPC access log services; `sent` is how many entries they were given. */
  logStreams(sent: () => number): void {
    if (this.#sentLogs === undefined) this.store.declare('grpc_access_log', 'grpc_access_log')
    this.#sentLogs = sent
  }

  #refreshLogStreams(sent: number): void {
    const scope = this.store.scope('grpc_access_log', 'grpc_access_log')
    const counts = { ...this.#addon.accessLogStreamStats(), grpc_entries_flushed: sent }
    for (const [name, value] of Object.entries(counts)) if (value !== 0 || scope.isUsed(name)) scope.set(name, value)
  }

  // Values that /runtime_modify changed were counted then.
  runtimeAdopted(before: CompiledBootstrap | undefined, now: CompiledBootstrap): void {
    if (before === undefined) this.runtimeLoaded(now.runtime, loadsAtStart)
    else if (JSON.stringify(fileLayers(before)) !== JSON.stringify(fileLayers(now))) this.runtimeLoaded(now.runtime)
  }
}

/** What the files say; the admin layer is the administrator's. */
function fileLayers({ runtime }: CompiledBootstrap): readonly RuntimeLayer[] {
  return runtime.filter(layer => !layer.isAdmin)
}
