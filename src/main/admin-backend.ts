import type {
  AdminBackend,
  ClusterStatus,
  ConfigDumpPart,
  HealthFlag,
  HostStatus,
  InitDump,
  JsonObject,
  ListenerStatus,
  Memory,
  RuntimeStatus,
  ServerInfo,
  SocketText,
} from '../admin/backend.js'
import { isObject } from '../admin/json.js'
import { versionString } from '../command-line.js'
import type { HostStats } from '../native/addon.js'
import type { ClusterInfo, HostInfo, ResolvedHost } from '../snapshot/compile-task.js'
import { StatsReport } from '../stats/report.js'
import type { StatsSettings } from '../stats/settings.js'
import type { StatsStore } from '../stats/store.js'
import { hostFlag } from '../upstream/health/host-flags.js'
import { err, ok, type Result } from '../support/result.js'
import { noRates } from '../upstream/outlier/outlier-monitor.js'
import { certificatesJson } from './certificates.js'
import type { AdminHostOptions } from './admin-host.js'
import type { OutlierStatus } from './outlier-detection.js'
import { buildInfo } from './build-info.js'
import { commandLineOptions } from './command-line-options.js'

/** The process as its admin pages see it. Main thread; asks the workers nothing. */
export class ProcessBackend implements AdminBackend {
  readonly log: AdminBackend['log']
  readonly flushStatsOnAdmin: () => void
  readonly #host: AdminHostOptions
  readonly #report: StatsReport
  readonly #updatedAt = new Date().toISOString()
  #overrides: Readonly<Record<string, string>> = {}

  constructor(host: AdminHostOptions, settings: StatsSettings, isFlushedOnAdmin: boolean) {
    this.#host = host
    this.#report = new StatsReport(host.stats(), settings)
    this.log = {
      levelOf: component => host.log.levelOf(component),
      setLevel: (level, component) => host.log.setLevel(level, component),
    }
    this.flushStatsOnAdmin = () => {
      if (isFlushedOnAdmin) host.flushStats()
    }
  }

  get stats(): StatsStore {
    return this.#host.stats()
  }

  get report(): StatsReport {
    this.#host.stats()
    return this.#report
  }

  serverState() {
    return this.#host.state()
  }

  serverInfo(): ServerInfo {
    const { options, workers, uptimeS, configuration } = this.#host
    const build = buildInfo()
    const uptime = Math.floor(uptimeS())
    return {
      version: versionString(build),
      uptimeCurrentEpochS: uptime,
      uptimeAllEpochsS: uptime,
      hotRestartVersion: this.hotRestartVersion(),
      commandLineOptions: commandLineOptions(options, workers),
      node: nodeJson(configuration.current?.node ?? {}),
    }
  }

  hotRestartVersion(): string {
    return 'disabled'
  }

  memory(): Memory {
    const { allocated, heapSize } = this.#host.addon.memory()
    return {
      allocated,
      heapSize,
      pageheapUnmapped: 0,
      pageheapFree: heapSize - allocated,
      totalThreadCache: 0,
      totalPhysicalBytes: process.memoryUsage.rss(),
    }
  }

  clusters(): readonly ClusterStatus[] {
    return [...this.#host.configuration.units.clusters.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(cluster => this.#cluster(cluster))
  }

  listeners(): readonly ListenerStatus[] {
    const { units, listening } = this.#host.configuration
    return [...units.listeners.values()].flatMap(({ name, slot }) => {
      const addresses = listening.get(slot)?.addresses ?? []
      return addresses.length === 0 ? [] : [{ name, addresses: addresses.map(socketText) }]
    })
  }

  async configDump({ includeEndpoints }: { readonly includeEndpoints: boolean }): Promise<readonly ConfigDumpPart[]> {
    const { current } = this.#host.configuration
    if (current === undefined) return []
    // The thread takes nothing over: the bytes are copied, and ours stay.
    const answer = await this.#host.compiler.dump({
      kind: 'dump',
      bootstrap: current.bootstrap,
      includeEndpoints,
      updatedAt: this.#updatedAt,
      resolved: new Map(includeEndpoints ? this.#resolved() : []),
    })
    return answer.parts as readonly ConfigDumpPart[]
  }

  #resolved(): [string, ResolvedHost[]][] {
    const { addon, configuration } = this.#host
    return [...configuration.units.clusters.values()]
      .filter(({ dns }) => dns !== undefined)
      .map(({ name, slot }) => [name, addon.hostStats(slot).map(resolvedHost)])
  }

  async initDump(): Promise<readonly InitDump[]> {
    const { compiler } = this.#host
    // Only what comes from elsewhere is waited for.
    return compiler.stays ? (await compiler.waiting()).dumps : []
  }

  certificates(): readonly JsonObject[] {
    return certificatesJson(this.#host.certificates(), Math.floor(Date.now() / 1000))
  }

  runtime(): RuntimeStatus {
    const layers = this.#runtimeLayers()
    const keys = [...new Set(layers.flatMap(layer => Object.keys(layer.values)))].sort()
    return {
      layers: layers.map(layer => layer.name),
      entries: new Map(keys.map(key => [key, layers.map(layer => layer.values[key] ?? '')])),
    }
  }

  modifyRuntime(changes: ReadonlyMap<string, string>): Result<void, string> {
    if (!this.#runtimeLayers().some(layer => layer.isAdmin)) return err('No admin layer specified')
    const next = Object.fromEntries(
      [...new Map([...Object.entries(this.#overrides), ...changes])].filter(([, value]) => value !== ''),
    )
    this.#overrides = next
    this.#host.modifyRuntime(next)
    return ok()
  }

  drainListeners({
    graceful,
    inboundOnly,
    skipExit,
  }: {
    graceful: boolean
    inboundOnly: boolean
    skipExit: boolean
  }): void {
    const { addon, options } = this.#host
    const which = inboundOnly ? 'inbound' : 'all'
    const stop = () => this.#host.listenersStopped(addon.stopListeners(which))
    addon.drainListeners(which)
    if (skipExit) return
    if (graceful) setTimeout(stop, options.drainTimeS * 1000).unref()
    else stop()
  }

  setHealthFailed(isFailed: boolean): void {
    this.#host.setHealthFailed(isFailed)
  }

  reopenLogs(): void {
    this.#host.reopenLogs()
  }

  quit(): void {
    this.#host.quit()
  }

  #runtimeLayers() {
    return this.#host.runtimeLayers()
  }

  #cluster(cluster: ClusterInfo): ClusterStatus {
    const { addon, hostsOf, flagsOf, outliersOf } = this.#host
    const stats = addon.hostStats(cluster.slot)
    const infos = hostsOf(cluster)
    const flags = flagsOf(cluster)
    const outliers = outliersOf(cluster)
    const { default: normal, high } = cluster.thresholds
    return {
      name: cluster.name,
      observabilityName: cluster.observabilityName,
      addedViaApi: cluster.isAddedViaApi,
      ...(cluster.edsServiceName !== '' && { edsServiceName: cluster.edsServiceName }),
      defaultPriority: normal,
      highPriority: high,
      ...(outliers && { outlier: outlierStatus(outliers) }),
      hosts: stats.map((host, index) => hostStatus(host, infos[index], flags?.[index], outliers?.rates[index])),
    }
  }
}

function resolvedHost({ address, hostname }: HostStats): ResolvedHost {
  const text = socketText(address)
  return 'path' in text ? { hostname, ip: text.path, port: 0 } : { hostname, ip: text.ip, port: text.port }
}

const unknownHost: HostInfo = {
  weight: 1,
  health: 0,
  canary: false,
  region: '',
  zone: '',
  subZone: '',
  priority: 0,
  transportSocket: 0,
}

function outlierStatus({ detector }: OutlierStatus): NonNullable<ClusterStatus['outlier']> {
  const external = detector.clusterRate('external')
  const local = detector.clusterRate('local')
  return {
    successRateAverage: external.average,
    successRateEjectionThreshold: external.threshold,
    localOriginSuccessRateAverage: local.average,
    localOriginSuccessRateEjectionThreshold: local.threshold,
  }
}

function hostStatus(stats: HostStats, info = unknownHost, flags = 0, rates = noRates): HostStatus {
  const { health, target: _, ...rest } = info
  return {
    ...stats,
    ...rest,
    address: socketText(stats.address),
    healthFlags: [...flagsOfStatus(health), ...foundFlags(flags)],
    successRate: rates.external,
    localOriginSuccessRate: rates.local,
  }
}

// By Envoy's HealthStatus: what a configured state means for traffic.
const flagsByHealth: readonly (readonly HealthFlag[])[] = [
  [],
  [],
  ['failed_eds_health'],
  ['eds_status_draining'],
  ['failed_eds_health'],
  ['degraded_eds_health'],
]

function flagsOfStatus(health: number): readonly HealthFlag[] {
  return flagsByHealth[health] ?? []
}

const flagsByBit: readonly (readonly [bit: number, flag: HealthFlag])[] = [
  [hostFlag.failedActiveCheck, 'failed_active_hc'],
  [hostFlag.failedOutlierCheck, 'failed_outlier_check'],
  [hostFlag.degradedActiveCheck, 'degraded_active_hc'],
  [hostFlag.pendingRemoval, 'pending_dynamic_removal'],
  [hostFlag.pendingActiveCheck, 'pending_active_hc'],
  [hostFlag.excludedByImmediateFailure, 'excluded_via_immediate_hc_fail'],
  [hostFlag.activeCheckTimeout, 'active_hc_timeout'],
]

/** What main found out. */
function foundFlags(flags: number): readonly HealthFlag[] {
  return flagsByBit.flatMap(([bit, flag]) => ((flags & bit) === 0 ? [] : [flag]))
}

/** "127.0.0.1:80", "[::1]:80" or a path. */
export function socketText(text: string): SocketText {
  const match = /^(?:\[([^\]]+)\]|([\d.]+)):(\d+)$/.exec(text)
  return match === null ? { path: text } : { ip: match[1] ?? match[2] ?? '', port: Number(match[3]) }
}

// Every member is said, set or not, as Envoy does here.
function nodeJson(node: JsonObject): JsonObject {
  const { id = '', cluster = '', metadata, locality, extensions, ...agent } = node
  return {
    id,
    cluster,
    ...(metadata !== undefined && { metadata }),
    ...(isObject(locality) && { locality: { region: '', zone: '', sub_zone: '', ...locality } }),
    ...agent,
    extensions: Array.isArray(extensions) ? extensions.map(extensionJson) : [],
    client_features: [],
    listening_addresses: [],
    dynamic_parameters: {},
    ...(isObject(node['dynamic_parameters']) && { dynamic_parameters: node['dynamic_parameters'] }),
  }
}

function extensionJson(extension: JsonObject[string]): JsonObject {
  const { name = '', category = '', type_urls = [] } = isObject(extension) ? extension : {}
  return { name, category, type_descriptor: '', disabled: false, type_urls }
}
