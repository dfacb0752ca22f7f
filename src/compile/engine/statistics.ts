import type { StatChange } from '../../snapshot/config-delta.js'
import { sanitizeName } from '../../stats/names.js'
import type { ControlPlaneEvent, SubscriptionEvent } from '../../xds/types.js'
import { xxHash64 } from '../../xds/xx-hash.js'

/** Where the statistics of a subscription stand: a kind of src/stats/main-templates.ts, and the scope's name. */
export interface SubscriptionScope {
  readonly kind: 'subscription' | 'cds' | 'rds' | 'eds' | 'sds' | 'srds' | 'vhds' | 'ecds'
  readonly scope: string
}

/** What a subscription goes through, and what becomes of what it brings. */
export type FeedEvent =
  | SubscriptionEvent
  | { readonly kind: 'update_empty' | 'unchanged' }
  | { readonly kind: 'changed'; readonly at: number }

/** What this thread counts, on its way to main: everything of one turn travels together. */
export class Statistics {
  readonly #send: (changes: readonly StatChange[]) => void
  #changes: StatChange[] = []

  constructor(send: (changes: readonly StatChange[]) => void) {
    this.#send = send
  }

  inc(kind: string, scope: string, name: string, value = 1): void {
    this.#add({ op: 'inc', kind, scope, name, value })
  }

  set(kind: string, scope: string, name: string, value: number): void {
    this.#add({ op: 'set', kind, scope, name, value })
  }

  declare({ kind, scope }: SubscriptionScope): void {
    this.#add({ op: 'declare', kind, scope })
    this.#add({ op: 'text', kind, scope: `${prefixes[kind]}${scope}`, name: 'version_text', value: '' })
  }

  forget({ kind, scope }: SubscriptionScope): void {
    this.#add({ op: 'forget', kind, scope })
  }

  subscription({ kind, scope }: SubscriptionScope, event: FeedEvent): void {
    switch (event.kind) {
      case 'unchanged':
        if (kind === 'eds') this.inc('cluster', scope, 'update_no_rebuild')
        break
      case 'changed':
        if (!reloads.has(kind)) break
        this.inc(kind, scope, 'config_reload')
        if (kind !== 'ecds' && kind !== 'vhds') this.set(kind, scope, 'config_reload_time_ms', event.at)
        break
      case 'update_success': {
        this.inc(counterKind(kind, event.kind), scope, event.kind)
        this.set(kind, scope, 'version', Number(xxHash64(event.version)))
        this.set(kind, scope, 'update_time', event.at)
        this.#add({ op: 'record', kind, scope, name: 'update_duration', value: Math.round(event.durationMs) })
        const prefix = prefixes[kind]
        this.#add({ op: 'text', kind, scope: `${prefix}${scope}`, name: 'version_text', value: event.version })
        break
      }
      case 'update_attempt':
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
    this.#send(changes)
  }

  #add(change: StatChange): void {
    if (this.#changes.length === 0) setImmediate(() => this.flush())
    this.#changes.push(change)
  }
}

const prefixes = {
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
const empties: Kinds = new Set(['eds', 'rds', 'srds', 'vhds'] as const)

// Counters that every cluster has stand with the cluster's others.
const ofEveryCluster = new Set(['update_attempt', 'update_success', 'update_failure', 'update_empty'])
const counterKind = (kind: SubscriptionScope['kind'], name: string): string =>
  kind === 'eds' && ofEveryCluster.has(name) ? 'cluster' : kind

export const edsScope = (cluster: string): SubscriptionScope => ({ kind: 'eds', scope: sanitizeName(cluster) })
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
  'envoy.filters.network': 'network_filter',
  'envoy.filters.listener': 'tcp_listener_filter',
} as const
export const ecdsScope = (category: keyof typeof filterKinds, name: string): SubscriptionScope => ({
  kind: 'ecds',
  scope: `${filterKinds[category]}.${sanitizeName(name)}`,
})
