/** What the main thread asks of the compile thread, and what it answers. Plain data: it crosses threads. */
import type { JsonObject } from '@bufbuild/protobuf'
import type { AdminSettings } from '../plan/bootstrap-settings.js'
import type { SlotTable } from '../plan/ids.js'
import type { SecretSource } from '../plan/secret.js'
import type { SecretMeta } from '../plan/secrets.js'
import type { StatsSettings } from '../stats/settings.js'
import type { DnsPlan } from '../plan/dns-plan.js'
import type { HealthCheckPlan, MemberCheck } from '../plan/health-check-plan.js'
import type { HashingInfo } from '../plan/hash-balancer.js'
import type { OutlierPlan } from '../plan/outlier-plan.js'
import type { ConfigDelta, ConfigUnit, EngineMessage, ToEngine } from './config-delta.js'
import type { PackedUnits } from './packed-units.js'
import type { PlacedPlan } from './snapshot.js'

/** Where a configuration comes from and what overrides it. */
export interface BootstrapSource {
  readonly path: string
  readonly yaml: string
  readonly allowUnknownFields: boolean
  /** --mode validate. */
  readonly isValidation?: boolean
  /** --service-node, --service-cluster, --service-zone; empty: as the bootstrap says. */
  readonly node: { readonly id: string; readonly cluster: string; readonly zone: string }
  /** What the admin layer of the runtime holds (/runtime_modify). */
  readonly runtimeOverrides: Readonly<Record<string, string>>
  /** Unknown fields in what management servers send: an error, counted, or neither. */
  readonly unknownDynamicFields: 'refuse' | 'count' | 'ignore'
  /** What the build says of itself to management servers. */
  readonly build: JsonObject
  /** --drain-time-s: how long listeners that were replaced or removed go on. */
  readonly drainMs: number
}

export type CompileTask =
  | { readonly kind: 'bootstrap'; readonly source: BootstrapSource; readonly slots: SlotTable }
  /** /config_dump and what else needs the messages again: `bootstrap` are its bytes. */
  | {
      readonly kind: 'dump'
      readonly bootstrap: Uint8Array
      readonly includeEndpoints: boolean
      readonly updatedAt: string
      /** What DNS said of the members of clusters, by the cluster's name. */
      readonly resolved: ReadonlyMap<string, readonly ResolvedHost[]>
    }

  /** /init_dump: what listeners still wait for. */
  | { readonly kind: 'waiting' }

  /** Files of secrets changed: reads them once more. */
  | { readonly kind: 'secrets'; readonly sources: readonly SecretSource[] }

export type CompileAnswer = CompiledBootstrap | RefusedBootstrap | DumpAnswer | WaitingAnswer | SecretsAnswer

/** An address that DNS gave for a member. */
export interface ResolvedHost {
  /** The member's own, or the name that was looked up. */
  readonly hostname: string
  readonly ip: string
  readonly port: number
}

export interface SecretsAnswer {
  readonly kind: 'secrets'
  /** In the order of the sources. */
  readonly secrets: readonly RenewedSecret[]
}

export interface RenewedSecret {
  readonly meta: SecretMeta
  /** Undefined: it cannot be used, and `errors` say why, one line each. */
  readonly plan: PlacedPlan | undefined
  readonly errors: readonly string[]
}

/** A message to the compile thread; 'end' ends it. */
export type ToCompileThread = CompileRequest | ToEngine | 'end'

export type FromCompileThread = CompileReply | Exclude<EngineMessage, { kind: 'delta' }> | PackedDelta

/** A delta on its way. */
export interface PackedDelta {
  readonly kind: 'packed-delta'
  readonly delta: Omit<ConfigDelta, 'units'>
  readonly units: PackedUnits
}

export interface CompileRequest {
  readonly id: number
  readonly task: CompileTask
}

/** A task that fails for a reason that is not the configuration's: `error` is the stack. */
export type CompileReply =
  | { readonly id: number; readonly ok: true; readonly answer: CompileAnswer }
  | { readonly id: number; readonly ok: false; readonly error: string }

export interface RefusedBootstrap {
  readonly kind: 'refused'
  /** One line each, ready to print. */
  readonly errors: readonly string[]
}

export interface CompiledBootstrap {
  readonly kind: 'compiled'
  /** All that needs nothing from a management server. */
  readonly unit: ConfigUnit
  /** Something comes from a management server: the thread stays, and more follows when this is in use. */
  readonly isDynamic: boolean
  readonly slots: SlotTable
  /** One line each, ready to print. */
  readonly warnings: readonly string[]
  /** Fields the API does not have were left out (--allow-unknown-static-fields). */
  readonly hasUnknownFields: boolean
  readonly admin: AdminSettings | undefined
  /** Files of the admin server's access log. */
  readonly adminLogPaths: readonly string[]
  /** File of the events of outlier detection; undefined: they are not written. */
  readonly outlierLogPath: string | undefined
  /** envoy.config.core.v3.Node in proto JSON. */
  readonly node: JsonObject
  readonly stats: StatsInfo
  /** Connections of clients, on all listeners together; undefined: no limit. */
  readonly connectionLimit: number | undefined
  /** Layers of the runtime, lowest first: name, and its keys with their values as text. */
  readonly runtime: readonly RuntimeLayer[]
  /** Other files whose change is a change of the configuration (modules of filters), with their digests. */
  readonly inputs: ReadonlyMap<string, string>
  /** The merged bootstrap message. */
  readonly bootstrap: Uint8Array
}

/** The parts of a virtual host that have statistics of their own. */
export interface VirtualHostInfo {
  readonly name: string
  readonly virtualClusters: readonly string[]
  readonly routes: readonly string[]
}

export interface RuntimeLayer {
  readonly name: string
  readonly isAdmin: boolean
  /** A management server fills it. */
  readonly isDiscovered: boolean
  readonly values: Readonly<Record<string, string>>
}

export interface ListenerInfo {
  readonly name: string
  readonly slot: number
  readonly planId: string
  /** stat_prefix; empty: its address. */
  readonly statPrefix: string
  /** Prefixes of the connection managers and TCP proxies in its chains, whose statistics exist from the start. */
  readonly httpStatPrefixes: readonly string[]
  readonly tcpStatPrefixes: readonly string[]
  readonly isInbound: boolean
  /** Hash of everything but its filter chains. */
  readonly shape: string
  /** Hashes of its filter chains. */
  readonly chains: readonly string[]
  /** Some chain of it speaks TLS. */
  readonly hasTls: boolean
}

export interface ClusterInfo {
  readonly name: string
  readonly slot: number
  readonly planId: string
  /** By a management server. */
  readonly isAddedViaApi: boolean
  /** Name of its load assignment where that is another; empty: the cluster's. */
  readonly edsServiceName: string
  /** Prefix of its statistics. */
  readonly statName: string
  readonly dns: DnsPlan | undefined
  readonly health: HealthCheckPlan | undefined
  readonly outlier: OutlierPlan | undefined
  /** Of ring hash and Maglev. */
  readonly hashing: HashingInfo | undefined
  readonly thresholds: { readonly default: Thresholds; readonly high: Thresholds }
  readonly trackRemaining: { readonly default: boolean; readonly high: boolean }
  readonly observabilityName: string
  readonly hasTls: boolean
  /** Is it TLS: its own transport socket, then those of its matches. */
  readonly tlsSockets: readonly boolean[]
  /** Names of its transport_socket_matches, in order. */
  readonly transportSocketMatches: readonly string[]
}

export interface HostInfo {
  readonly weight: number
  /** Envoy's HealthStatus. */
  readonly health: number
  readonly canary: boolean
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly priority: number
  /** 0: the cluster's own transport socket; n: that of its nth match. */
  readonly transportSocket: number
  /** In a cluster whose members are checked actively. */
  readonly target?: HealthTarget
}

/** A member that is checked actively: all that its plan says of it, so that it can be kept when it is no member any more. */
export interface HealthTarget {
  /** An address, or the path of a unix socket. */
  readonly ip: string
  readonly port: number
  readonly hostname: string
  readonly metadataJson: string
  readonly hashKey: string
  /** Of its locality. */
  readonly localityWeight: number
  readonly check?: MemberCheck
}

export interface Thresholds {
  readonly maxConnections: number
  readonly maxPendingRequests: number
  readonly maxRequests: number
  readonly maxRetries: number
}

export interface StatsInfo {
  /** 0: only when the statistics are asked for (stats_flush_on_admin). */
  readonly flushIntervalMs: number
  readonly settings: StatsSettings
  /** What server.version says instead of the build's revision. */
  readonly serverVersion: number | undefined
}

/** Elements of the UnreadyTargetsDumps message. */
export interface WaitingAnswer {
  readonly kind: 'waiting'
  readonly dumps: readonly { readonly name: string; readonly targetNames: readonly string[] }[]
}

/** The parts of the ConfigDump message, in proto JSON with the names of the .proto files; sensitive fields are redacted. */
export interface DumpAnswer {
  readonly kind: 'dump'
  readonly parts: readonly { readonly type: string; readonly fields: JsonObject }[]
}
