// What the admin server asks of the process. The main thread implements it; nothing here blocks a worker.
import type { StatsReport } from '../stats/report.js'
import type { StatsStore } from '../stats/store.js'
import type { Log } from '../support/log.js'
import type { Result } from '../support/result.js'
import type { JsonObject } from './json.js'

export interface AdminBackend {
  readonly stats: StatsStore
  readonly report: StatsReport
  readonly log: Pick<Log, 'levelOf' | 'setLevel'>
  /** With stats_flush_on_admin: called before statistics are printed. */
  readonly flushStatsOnAdmin?: () => void

  serverState(): ServerState
  serverInfo(): ServerInfo
  /** "11.104"-like text of /hot_restart_version. */
  hotRestartVersion(): string
  memory(): Memory
  /** In the order in which they are to be printed. */
  clusters(): readonly ClusterStatus[] | Promise<readonly ClusterStatus[]>
  /** Listeners that accept, in the order of the configuration. */
  listeners(): readonly ListenerStatus[]
  /** The dump's parts in Envoy's order: bootstrap, clusters, endpoints (when asked), listeners, scoped routes, routes, secrets. */
  configDump(options: { readonly includeEndpoints: boolean }): Promise<readonly ConfigDumpPart[]>
  /** envoy.admin.v3.UnreadyTargetsDumps.UnreadyTargetsDump of each part that still waits; [] when all are ready. */
  initDump(): Promise<readonly InitDump[]>
  /** envoy.admin.v3.Certificate messages in proto JSON. */
  certificates(): readonly JsonObject[]
  runtime(): RuntimeStatus
  /** Sets overrides in the admin layer; an empty value takes one away. The error is the body of a 503. */
  modifyRuntime(changes: ReadonlyMap<string, string>): Result<void, string>

  drainListeners(options: {
    readonly graceful: boolean
    readonly inboundOnly: boolean
    readonly skipExit: boolean
  }): void
  setHealthFailed(isFailed: boolean): void
  reopenLogs(): void
  /** Ends the process soon after the answer was sent. */
  quit(): void
  /** Starts (true) or stops and writes (false) a CPU profile to profile_path. Absent: not supported here. */
  readonly cpuProfiler?: (enable: boolean) => Promise<Result<void, string>>
  /** Writes a V8 heap snapshot into pieces. Absent: not supported here. */
  readonly heapDump?: () => AsyncIterable<Uint8Array>
}

export type ServerState = 'LIVE' | 'DRAINING' | 'PRE_INITIALIZING' | 'INITIALIZING'

/** envoy.admin.v3.ServerInfo. Objects are proto JSON with proto field names. */
export interface ServerInfo {
  /** "<sha>/<version>/Clean/RELEASE/<ssl>" */
  readonly version: string
  readonly uptimeCurrentEpochS: number
  readonly uptimeAllEpochsS: number
  readonly hotRestartVersion: string
  /** envoy.admin.v3.CommandLineOptions, defaults written out. */
  readonly commandLineOptions: JsonObject
  /** envoy.config.core.v3.Node, defaults written out. */
  readonly node: JsonObject
}

/** Bytes. */
export interface Memory {
  readonly allocated: number
  readonly heapSize: number
  readonly pageheapUnmapped: number
  readonly pageheapFree: number
  readonly totalThreadCache: number
  readonly totalPhysicalBytes: number
}

export interface Thresholds {
  readonly maxConnections: number
  readonly maxPendingRequests: number
  readonly maxRequests: number
  readonly maxRetries: number
}

export interface ClusterStatus {
  readonly name: string
  /** alt_stat_name, else the name. */
  readonly observabilityName: string
  readonly addedViaApi: boolean
  readonly edsServiceName?: string
  readonly defaultPriority: Thresholds
  readonly highPriority: Thresholds
  /** Only with outlier_detection; -1 where there is no figure. */
  readonly outlier?: {
    readonly successRateAverage: number
    readonly successRateEjectionThreshold: number
    readonly localOriginSuccessRateAverage: number
    readonly localOriginSuccessRateEjectionThreshold: number
  }
  readonly hosts: readonly HostStatus[]
}

export type SocketText = { readonly ip: string; readonly port: number } | { readonly path: string }

export interface HostStatus {
  readonly address: SocketText
  readonly hostname: string
  readonly cxActive: number
  readonly cxConnectFail: number
  readonly cxTotal: number
  readonly rqActive: number
  readonly rqError: number
  readonly rqPendingActive: number
  readonly rqSuccess: number
  readonly rqTimeout: number
  readonly rqTotal: number
  /** What is wrong with it; empty: healthy. Names of healthFlagNames. */
  readonly healthFlags: readonly HealthFlag[]
  readonly weight: number
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly canary: boolean
  readonly priority: number
  /** Percent; -1: not enough requests. */
  readonly successRate: number
  readonly localOriginSuccessRate: number
}

/** As /clusters prints them after a slash, in the order of printing. */
export const healthFlagNames = [
  'failed_active_hc',
  'failed_outlier_check',
  'failed_eds_health',
  'degraded_active_hc',
  'degraded_eds_health',
  'pending_dynamic_removal',
  'pending_active_hc',
  'excluded_via_immediate_hc_fail',
  'active_hc_timeout',
  'eds_status_draining',
] as const
export type HealthFlag = (typeof healthFlagNames)[number]

export interface ListenerStatus {
  readonly name: string
  /** The first is the address, the others are additional addresses; ports as bound. */
  readonly addresses: readonly SocketText[]
}

/** One message of /config_dump in proto JSON, "@type" included, with the fields that may be asked for by `resource=`. */
export interface ConfigDumpPart {
  /** e.g. "type.googleapis.com/envoy.admin.v3.ClustersConfigDump" */
  readonly type: string
  /** The message's fields, proto names; those that are empty are left out. */
  readonly fields: JsonObject
}

export interface InitDump {
  readonly name: string
  readonly targetNames: readonly string[]
}

export interface RuntimeStatus {
  /** Names, lowest first. */
  readonly layers: readonly string[]
  /** Each key's value in each layer ("" where it has none), as text. */
  readonly entries: ReadonlyMap<string, readonly string[]>
}

export type { JsonObject }
