import type { StatChange, SubscriptionsOpened, UpdatesTaken } from '../../snapshot/config-delta.js'
import { sanitizeName } from '../../stats/names.js'
import type { ControlPlaneEvent, SubscriptionEvent } from '../../xds/types.js'
import { xxHash64 } from '../../xds/xx-hash.js'

/** Where the statistics of a subscription stand: a kind of src/stats/main-templates.ts, and the scope's name. */
export interface SubscriptionScope {
  readonly kind: 'cluster' | 'leds' | 'subscription' | 'cds' | 'rds' | 'eds' | 'sds' | 'srds' | 'vhds' | 'ecds'
  readonly scope: string
}

/** What a subscription goes through, and what becomes of what it brings. */
export type FeedEvent =
  | SubscriptionEvent
  | { readonly kind: 'update_empty' | 'unchanged' }
  | { readonly kind: 'assignment_timeout_received' | 'assignment_stale' | 'assignment_use_cached' }
  | { readonly kind: 'changed'; readonly at: number }
  /** A later version of a cluster has its members now, at so many priorities. */
  | { readonly kind: 'renewed'; readonly priorities: number }

interface SingleChange {
  readonly op: 'inc' | 'set'
  readonly kind: string
  readonly scope: string
  readonly name: string
  value: number
}

/** What this thread counts, on its way to main: everything of one turn travels together. */
export class Statistics {
  readonly #send: (changes: readonly StatChange[]) => void
  #changes: StatChange[] = []
  /** Changes to which more may be added. */
  #attempts: (Extract<StatChange, { op: 'inc-all' }> & { readonly scopes: string[] }) | undefined
  #opened: (SubscriptionsOpened & { readonly scopes: string[] }) | undefined
  #updates: (UpdatesTaken & { readonly scopes: string[] }) | undefined
  readonly #singles = new Map<string, SingleChange>()
  /** Thousands of subscriptions get one version. */
  #hashed: { readonly version: string | undefined; readonly hash: bigint } = { version: undefined, hash: 0n }
  /** How many subscriptions count in a scope: a later version of a cluster may ask for other endpoints while the earlier one serves. */
  readonly #openings = new Map<string, number>()

  constructor(send: (changes: readonly StatChange[]) => void) {
    this.#send = send
  }

  inc(kind: string, scope: string, name: string, value = 1): void {
    if (kind !== scope) return this.#add({ op: 'inc', kind, scope, name, value })
    const open = this.#single(kind, name)
    if (open?.op === 'inc') open.value += value
    else this.#open(kind, name, { op: 'inc', kind, scope, name, value })
  }

  set(kind: string, scope: string, name: string, value: number): void {
    if (kind !== scope) return this.#add({ op: 'set', kind, scope, name, value })
    const open = this.#single(kind, name)
    if (open?.op === 'set') open.value = value
    else this.#open(kind, name, { op: 'set', kind, scope, name, value })
  }

  declare({ kind, scope }: SubscriptionScope): void {
    this.#closeGroups()
    this.#add({ op: 'declare', kind, scope })
    this.#add({ op: 'text', kind, scope, name: 'version_text', value: '' })
  }

  /** Zeros of a subscription that begins, where they do not come with its first attempt. */
  opened({ kind, scope }: SubscriptionScope): void {
    const key = `${kind} ${scope}`
    const count = this.#openings.get(key) ?? 0
    this.#openings.set(key, count + 1)
    if (count > 0) return
    if (this.#opened?.kind !== kind) {
      this.#opened = { op: 'opened', kind, scopes: [], counters: kind === 'eds' ? ['update_rejected'] : [] }
      this.#add(this.#opened)
    }
    this.#opened.scopes.push(scope)
  }

  /** Was it the last in its scope? */
  forget({ kind, scope }: SubscriptionScope): boolean {
    const key = `${kind} ${scope}`
    const count = this.#openings.get(key) ?? 1
    if (count > 1) {
      this.#openings.set(key, count - 1)
      return false
    }
    this.#openings.delete(key)
    this.#closeGroups()
    this.#add({ op: 'forget', kind, scope })
    if (kind !== 'cluster')
      this.#add({ op: 'forget-text', kind, scope: `${prefixes[kind]}${scope}`, name: 'control_plane.identifier' })
    return true
  }

  subscription({ kind, scope }: SubscriptionScope, event: FeedEvent): void {
    switch (event.kind) {
      case 'unchanged':
        if (kind === 'eds') this.inc('cluster', scope, 'update_no_rebuild')
        break
      case 'assignment_timeout_received':
      case 'assignment_stale':
      case 'assignment_use_cached':
        this.inc('cluster', scope, event.kind)
        break
      case 'renewed':
        if (event.priorities > 0) this.inc('cluster', scope, 'membership_change', event.priorities)
        break
      case 'changed':
        if (!reloads.has(kind)) break
        this.inc(kind, scope, 'config_reload')
        if (kind !== 'ecds' && kind !== 'vhds') this.set(kind, scope, 'config_reload_time_ms', event.at)
        break
      case 'update_success':
        this.#updated(kind, scope, event)
        break
      case 'update_attempt':
        this.#incAll(counterKind(kind, event.kind), scope, event.kind)
        break
      case 'update_failure':
      case 'update_rejected':
      case 'init_fetch_timeout':
        this.inc(counterKind(kind, event.kind), scope, event.kind)
        if (kind === 'ecds' && failures.has(event.kind)) this.inc(kind, scope, 'config_fail')
        break
      case 'update_empty':
        if (empties.has(kind)) this.inc(counterKind(kind, event.kind), scope, event.kind)
        break
      default:
        this.controlPlane(`${prefixes[kind]}${scope}.control_plane`, event)
    }
  }

  /** `scope`: "control_plane" for the shared stream. */
  controlPlane(scope: string, event: ControlPlaneEvent): void {
    const name = event.kind.slice('control_plane.'.length)
    switch (event.kind) {
      case 'control_plane.identifier':
        this.#add({ op: 'text', kind: 'control_plane', scope, name, value: event.value })
        break
      case 'control_plane.rate_limit_enforced':
        this.inc('control_plane', scope, name)
        break
      default:
        this.set('control_plane', scope, name, event.value)
    }
  }

  /** Sends what there is: before anything that can be seen otherwise. */
  flush(): void {
    if (this.#changes.length === 0) return
    const changes = this.#changes
    this.#changes = []
    this.#closeGroups()
    this.#send(changes)
  }

  #incAll(kind: string, scope: string, name: string): void {
    if (this.#attempts?.kind !== kind || this.#attempts.name !== name) {
      this.#attempts = { op: 'inc-all', kind, name, scopes: [] }
      this.#add(this.#attempts)
    }
    this.#attempts.scopes.push(scope)
  }

  #updated(
    kind: SubscriptionScope['kind'],
    scope: string,
    { version, at, durationMs: exact }: Extract<SubscriptionEvent, { kind: 'update_success' }>,
  ): void {
    const durationMs = Math.round(exact)
    const group = this.#updates
    const isSame =
      group !== undefined &&
      group.kind === kind &&
      group.version === version &&
      group.at === at &&
      group.durationMs === durationMs
    if (isSame) {
      group.scopes.push(scope)
      return
    }
    if (this.#hashed.version !== version) this.#hashed = { version, hash: xxHash64(version) }
    this.#updates = {
      op: 'updates',
      kind,
      counters: counterKind(kind, 'update_success'),
      scopes: [scope],
      version,
      hash: this.#hashed.hash,
      at,
      durationMs,
    }
    this.#add(this.#updates)
  }

  /** What there is one of in the process: where it stands among the changes makes no difference, so that it takes one. */
  #single(kind: string, name: string): SingleChange | undefined {
    return this.#singles.get(`${kind} ${name}`)
  }

  #open(kind: string, name: string, change: SingleChange): void {
    this.#singles.set(`${kind} ${name}`, change)
    this.#add(change)
  }

  /** What follows is not to be counted before what came. */
  #closeGroups(): void {
    this.#attempts = undefined
    this.#opened = undefined
    this.#updates = undefined
    if (this.#singles.size > 0) this.#singles.clear()
  }

  #add(change: StatChange): void {
    if (this.#changes.length === 0) setImmediate(() => this.flush())
    this.#changes.push(change)
  }
}

const prefixes = {
  cluster: 'cluster.',
  leds: 'cluster.',
  subscription: '',
  cds: '',
  rds: 'http.',
  eds: 'cluster.',
  sds: 'sds.',
  srds: 'http.',
  vhds: 'http.',
  ecds: 'extension_config_discovery.',
} as const

const failures: ReadonlySet<string> = new Set(['update_failure', 'update_rejected', 'init_fetch_timeout'])
type Kinds = ReadonlySet<SubscriptionScope['kind']>
const reloads: Kinds = new Set(['rds', 'cds', 'srds', 'vhds', 'ecds'] as const)
const empties: Kinds = new Set(['eds', 'rds', 'srds', 'vhds', 'leds'] as const)

// Counters that every cluster has stand with the cluster's others.
const ofEveryCluster = new Set(['update_attempt', 'update_success', 'update_failure', 'update_empty'])
const counterKind = (kind: SubscriptionScope['kind'], name: string): string =>
  kind === 'eds' && ofEveryCluster.has(name) ? 'cluster' : kind

export const edsScope = (cluster: string): SubscriptionScope => ({ kind: 'eds', scope: sanitizeName(cluster) })
export const ledsScope = (cluster: string): SubscriptionScope => ({
  kind: 'leds',
  scope: `${sanitizeName(cluster)}.leds`,
})
export const sdsScope = (secret: string): SubscriptionScope => ({ kind: 'sds', scope: sanitizeName(secret) })
export const rdsScope = (statPrefix: string, routes: string): SubscriptionScope => ({
  kind: 'rds',
  scope: `${sanitizeName(statPrefix)}.rds.${sanitizeName(routes)}`,
})

export const srdsScope = (statPrefix: string, scopes: string): SubscriptionScope => ({
  kind: 'srds',
  scope: `${sanitizeName(statPrefix)}.scoped_rds.${sanitizeName(scopes)}`,
})
export const vhdsScope = (statPrefix: string, routes: string): SubscriptionScope => ({
  kind: 'vhds',
  scope: `${sanitizeName(statPrefix)}.rds.vhds.${sanitizeName(routes)}`,
})

const filterKinds = {
  'envoy.filters.http': 'http_filter',
  'envoy.filters.http.upstream': 'upstream_http_filter',
  'envoy.filters.network': 'network_filter',
  'envoy.filters.listener': 'tcp_listener_filter',
} as const
export const ecdsScope = (category: keyof typeof filterKinds, name: string): SubscriptionScope => ({
  kind: 'ecds',
  scope: `${filterKinds[category]}.${sanitizeName(name)}`,
})
