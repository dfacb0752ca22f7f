/**
 * What the configuration thread tells main when something changed, and what main answers. Plain data: it crosses threads.
 *
 * A unit is what takes effect as a whole or not at all: the static part of a bootstrap, or one resource of a management server with
 * everything that belongs to it alone. Main keeps each unit by its key; a unit that comes again takes the place of the one before, and slots
 * that no unit fills any more are emptied.
 */
import type { NamedSlot } from '../plan/ids.js'
import type { AccessLogStream } from '../native/addon.js'
import type { SecretMeta, TlsContextMeta } from '../plan/secrets.js'
import type { ScriptProgram } from '../threads/script-program.js'
import type { ClusterInfo, HostInfo, ListenerInfo, VirtualHostInfo } from './compile-task.js'
import type { PlacedPlan } from './snapshot.js'

export interface ConfigUnit {
  /** What kind of thing it is and its name: "cluster/backend"; the bootstrap's static part is "bootstrap". */
  readonly key: string
  /** Everything that it puts into slots, whether it changed or not. */
  readonly plans: readonly PlacedPlan[]
  readonly clusters: readonly ClusterInfo[]
  readonly listeners: readonly ListenerInfo[]
  /** Members of clusters that DNS does not fill. */
  readonly members: readonly ClusterMembers[]
  readonly virtualHosts: readonly VirtualHostInfo[]
  readonly secrets: readonly SecretMeta[]
  readonly tlsContexts: readonly TlsContextMeta[]
  /** Filters in TypeScript, for the workers. */
  readonly programs: readonly ScriptProgram[]
}

/** How members differ from those before them. */
export interface MemberChanges {
  /** Priorities in which anything is different. */
  readonly updated: number
  /** Priorities to which members came, or from which they went. */
  readonly membership: number
}

export interface ClusterMembers {
  /** By name. */
  readonly cluster: string
  /** Of the endpoints plan. */
  readonly planId: string
  /** In the order of the endpoints plan. */
  readonly hosts: readonly HostInfo[]
  /** Absent: these are the first, or nothing is known of those before. */
  readonly changes?: MemberChanges
}

export interface ConfigDelta {
  /** Main's answer names it. */
  readonly number: number
  /** New or changed. */
  readonly units: readonly ConfigUnit[]
  /** Keys of units that are no more. */
  readonly removed: readonly string[]
  /** Listeners and clusters that wait for something: are their addresses free, can their TLS be set up? Nothing of them takes effect. */
  readonly trials?: readonly ConfigUnit[]
  /** Values of layers of the runtime that a management server fills, by the layer's name; absent: unchanged. */
  readonly runtime?: readonly { readonly name: string; readonly values: Readonly<Record<string, string>> }[]
  /** Names that have got a slot since the delta before. For a thread that takes this one's place. */
  readonly newSlots?: readonly NamedSlot[]
}

/** A unit that could not take effect: what was under its key before stays. */
export interface RefusedUnit {
  readonly key: string
  readonly message: string
}

export interface DeltaAnswer {
  readonly number: number
  readonly refused: readonly RefusedUnit[]
  /** Of the trials. */
  readonly failed?: readonly RefusedUnit[]
  /** Clusters that take effect when DNS has answered; `resolved` follows for each. */
  readonly resolving: readonly string[]
}

/** A change of a statistic that the configuration thread knows of. */
export type StatChange =
  | { readonly op: 'declare' | 'forget'; readonly kind: string; readonly scope: string }
  | {
      /** Adds to a counter, sets a gauge, or records a value of a histogram. */
      readonly op: 'inc' | 'set' | 'record'
      readonly kind: string
      readonly scope: string
      readonly name: string
      readonly value: number
    }
  /** Adds 1 to a counter of many scopes. */
  | { readonly op: 'inc-all'; readonly kind: string; readonly scopes: readonly string[]; readonly name: string }
  | SubscriptionsOpened
  | UpdatesTaken
  | { readonly op: 'forget-text'; readonly kind: string; readonly scope: string; readonly name: string }
  | {
      readonly op: 'text'
      readonly kind: string
      readonly scope: string
      readonly name: string
      readonly value: string
    }

/** Subscriptions that begin: there may be thousands. Nothing that they count already is lost. */
export interface SubscriptionsOpened {
  readonly op: 'opened'
  readonly kind: string
  readonly scopes: readonly string[]
  /** That are there from the start. */
  readonly counters: readonly string[]
}

/** Subscriptions that took an update of one version in one moment: there may be thousands. Their names are those of `kind`'s scopes. */
export interface UpdatesTaken {
  readonly op: 'updates'
  readonly kind: string
  /** The kind that update_success is counted in. */
  readonly counters: string
  readonly scopes: readonly string[]
  /** For the text version_text. */
  readonly version: string
  /** Of `version`, for the gauge of that name. */
  readonly hash: bigint
  /** Unix milliseconds. */
  readonly at: number
  readonly durationMs: number
}

/** How asking ended; where nobody cares it "came". */
export type DemandEnd = 'came' | 'missing' | 'timeout'

/** Something that requests wait for: see onDemand of src/native/addon.ts. */
export interface Demand {
  readonly what: 'virtual-host' | 'scope' | 'cluster'
  readonly slot: number
  readonly name: string
}

/** From the configuration thread to main, besides replies to what main asked. */
export type EngineMessage =
  | { readonly kind: 'delta'; readonly delta: ConfigDelta }
  | { readonly kind: 'stats'; readonly changes: readonly StatChange[] }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warning' | 'error'; readonly line: string }
  /** Everything that traffic waits for is there, or will not come. */
  | { readonly kind: 'initialized' }
  | ({ readonly kind: 'settled-demand'; readonly end: DemandEnd } & Demand)

/** From main to the configuration thread, besides requests. */
export type ToEngine =
  /** The bootstrap that was compiled last is in use; `units` are the keys of all units that are. */
  | { readonly kind: 'adopted'; readonly units: readonly string[] }
  | { readonly kind: 'answer'; readonly answer: DeltaAnswer }
  /** Loggers write entries for gRPC access log services into these. How many were sent is counted in `sent`, one 64-bit number. */
  | { readonly kind: 'log-streams'; readonly streams: readonly AccessLogStream[]; readonly sent: SharedArrayBuffer }
  /** A cluster that DNS fills knows its members, or that it has none. */
  | { readonly kind: 'resolved'; readonly cluster: string }
  /** A request waits for this. */
  | ({ readonly kind: 'demand' } & Demand)
