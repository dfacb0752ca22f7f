import type { OpenedListener } from '../native/addon.js'
import type { HashingInfo } from '../plan/hash-balancer.js'
import type { ClusterInfo, HostInfo, ListenerInfo } from '../snapshot/compile-task.js'
import type { ClusterMembers, MemberChanges } from '../snapshot/config-delta.js'
import {
  declareCluster,
  declareHttpConnectionManager,
  declareListener,
  declareTcpProxy,
  declareVirtualHost,
} from '../stats/declare.js'
import { sanitizeName } from '../stats/names.js'
import type { StatsStore } from '../stats/store.js'
import type { Clock } from '../support/clock.js'
import { tableShape } from '../upstream/hash-tables.js'
import { isDegraded, isExcluded, isFailed } from '../upstream/health/host-flags.js'
import { Declarations } from './declarations.js'
import type { HeldUnit, UnitChange } from './units.js'

type DrainGauge = 'total_listeners_draining' | 'total_filter_chains_draining'

export interface ConfigStatsOptions {
  readonly store: StatsStore
  readonly workers: number
  readonly clock: Clock
  readonly drainMs: number
  /** What main found out about the members of a cluster. */
  readonly flagsOf?: (cluster: string) => Uint32Array | undefined
}

/**
 * The statistics that say what the configuration is made of, and those that exist because it says so. One change costs what changed,
 * whatever the size of the rest. What a management server adds and removes is counted where it comes in (src/compile/engine). Main thread.
 */
export class ConfigStats {
  readonly #options: ConfigStatsOptions
  readonly #store: StatsStore
  readonly #declarations = new Declarations()
  readonly #memberCounts = new Map<string, number>()
  /** Names in statistics, by name. */
  readonly #listenerNames = new Map<string, string>()
  readonly #clusters = new Map<string, ClusterInfo>()
  /** What a listener holds declared, by name. */
  readonly #held = new Map<string, readonly string[]>()
  /** Members that came before their cluster. */
  readonly #early = new Map<string, readonly HostInfo[]>()
  readonly #draining = { total_listeners_draining: 0, total_filter_chains_draining: 0 }

  constructor(options: ConfigStatsOptions) {
    this.#options = options
    this.#store = options.store
  }

  /** These units are in use; `opened` are the listeners that are new or different. */
  adopt(units: readonly UnitChange[], opened: ReadonlyMap<number, OpenedListener>): void {
    const isStatic = units.some(({ now }) => now?.key === 'bootstrap')
    this.#adoptClusters(units, isStatic)
    this.#adoptMembers(units)
    this.#adoptVirtualHosts(units)
    this.#adoptListeners(units, opened, isStatic)
  }

  /** What the name of an owner of a TLS context is in statistics. */
  statNameOf(kind: 'listener' | 'cluster', name: string): string {
    if (kind === 'listener') return sanitizeName(this.#listenerNames.get(name) ?? name)
    return sanitizeName(this.#clusters.get(name)?.statName ?? name)
  }

  members(info: ClusterInfo, hosts: readonly HostInfo[], changes?: MemberChanges): void {
    const scope = this.#store.scope('cluster', sanitizeName(info.statName))
    // Each priority that has hosts, or had, is an update of its own.
    const priorities = new Set(hosts.map(host => host.priority)).size
    const known = this.#memberCounts.get(info.name)
    const before = known ?? 0
    // The first members come with the cluster.
    const updated = changes?.updated ?? Math.max(priorities, 1)
    if (known !== undefined && this.#clusters.has(info.name) && updated > 0)
      this.#store.scope('cluster_manager', 'cluster_manager').inc('cluster_updated', updated)
    this.#memberCounts.set(info.name, hosts.length)
    const membership = changes?.membership ?? (before + hosts.length > 0 ? Math.max(priorities, 1) : 0)
    if (membership > 0) scope.inc('membership_change', membership)
    scope.set('warming_state', 0)
    if (info.dns !== undefined && before + hosts.length === 0) return // a name nobody answered for: nothing was ever said
    scope.set('membership_total', hosts.length)
    this.health(info, hosts, this.#options.flagsOf?.(info.name))
    if (info.dns?.kind === 'strict') scope.set('max_host_weight', Math.max(0, ...hosts.map(host => host.weight)))
    this.#countMatches(info, hosts, before)
  }

  /** Each new member is matched with a transport socket once. */
  #countMatches({ statName, transportSocketMatches }: ClusterInfo, hosts: readonly HostInfo[], from: number): void {
    for (let at = from, next = at; at < hosts.length; at = next) {
      const chosen = hosts[at]?.transportSocket ?? 0
      while (next < hosts.length && hosts[next]?.transportSocket === chosen) next++
      const match = transportSocketMatches[chosen - 1] ?? 'default'
      this.#store
        .scope('transport_socket_match', `${sanitizeName(statName)}.${sanitizeName(match)}`)
        .inc('total_match_count', next - at)
    }
  }

  /** How many of its members may be used. `flags`: what main found out about them. */
  health(info: ClusterInfo, hosts: readonly HostInfo[], flags?: Uint32Array): void {
    const scope = this.#store.scope('cluster', sanitizeName(info.statName))
    const count = (wanted: (health: number, flags: number) => boolean) =>
      hosts.reduce((sum, host, index) => sum + (wanted(host.health, flags?.[index] ?? 0) ? 1 : 0), 0)
    scope.set(
      'membership_healthy',
      count((health, found) => !isFailed(health, found) && !isDegraded(health, found)),
    )
    scope.set('membership_degraded', count(isDegraded))
    scope.set('membership_excluded', count(isExcluded))
    if (info.hashing !== undefined) this.#hashTable(info, info.hashing, hosts, flags)
  }

  #hashTable(info: ClusterInfo, hashing: HashingInfo, hosts: readonly HostInfo[], flags?: Uint32Array): void {
    const shape = tableShape(hashing, hosts, flags)
    if (shape === undefined) return
    const name = sanitizeName(info.statName)
    if (hashing.kind === 'ring') {
      const scope = this.#store.scope('ring_hash_lb', `${name}.ring_hash_lb`)
      scope.set('size', shape.size)
      scope.set('min_hashes_per_host', shape.fewest)
      scope.set('max_hashes_per_host', shape.most)
    } else {
      const scope = this.#store.scope('maglev_lb', `${name}.maglev_lb`)
      scope.set('min_entries_per_host', shape.fewest)
      scope.set('max_entries_per_host', shape.most)
    }
  }

  #adoptClusters(units: readonly UnitChange[], isStatic: boolean): void {
    const { before, now } = sides(units, unit => unit.clusters)
    const scope = this.#store.scope('cluster_manager', 'cluster_manager')
    if (isStatic) {
      const { added, removed, modified } = counts(before, now)
      if (added > 0) scope.inc('cluster_added', added)
      if (modified > 0) scope.inc('cluster_modified', modified)
      if (removed > 0) scope.inc('cluster_removed', removed)
    }
    for (const info of now.values()) {
      const isNew = !this.#clusters.has(info.name)
      this.#clusters.set(info.name, info)
      const signature = `${info.statName} ${info.hasTls} ${info.health !== undefined} ${info.outlier !== undefined} ${info.hashing?.kind} ${info.transportSocketMatches.join(' ')}`
      this.#declarations.hold(`cluster ${info.name}`, signature, () => declareCluster(this.#store, info))
      const early = isNew ? this.#early.get(info.name) : undefined
      this.#early.delete(info.name)
      if (early !== undefined) this.members(info, early)
    }
    for (const { name } of before.values()) {
      this.#declarations.release(`cluster ${name}`)
      if (now.has(name)) continue
      this.#clusters.delete(name)
      this.#memberCounts.delete(name)
    }
    scope.set('active_clusters', this.#clusters.size)
    for (const thread of this.#threads())
      this.#store
        .scope('thread_local_clusters', `thread_local_cluster_manager.${thread}`)
        .set('clusters_inflated', this.#clusters.size)
    if (!scope.isUsed('warming_clusters')) scope.set('warming_clusters', 0)
  }

  /** Every thread has every cluster. */
  #threads(): string[] {
    return ['main_thread', ...Array.from({ length: this.#options.workers }, (_, index) => `worker_${index}`)]
  }

  #adoptMembers(units: readonly UnitChange[]): void {
    for (const { before, now } of units) {
      for (const { cluster, planId, hosts, changes } of now?.members ?? none) {
        const info = this.#clusters.get(cluster)
        const known = planOf(before?.members ?? none, cluster)
        if (info === undefined) this.#early.set(cluster, hosts)
        else if (known !== planId) this.members(info, hosts, known === undefined ? undefined : changes)
      }
    }
  }

  #adoptVirtualHosts(units: readonly UnitChange[]): void {
    for (const { now } of units)
      for (const host of now?.virtualHosts ?? [])
        this.#declarations.hold(`vhost ${host.name}`, JSON.stringify(host), () => declareVirtualHost(this.#store, host))
    for (const { before } of units)
      for (const host of before?.virtualHosts ?? []) this.#declarations.release(`vhost ${host.name}`)
  }

  #adoptListeners(units: readonly UnitChange[], opened: ReadonlyMap<number, OpenedListener>, isStatic: boolean): void {
    const { before, now } = sides(units, unit => unit.listeners)
    const scope = this.#store.scope('listener_manager', 'listener_manager')
    const { added, removed } = counts(before, now)
    const changed = [...now.values()].filter(info => differs(before.get(info.name), info))
    const inPlace = changed.filter(info => before.get(info.name)?.shape === info.shape)
    const replaced = changed.length
    if (inPlace.length > 0) scope.inc('listener_in_place_updated', inPlace.length)
    const chains = inPlace.flatMap(
      info => before.get(info.name)?.chains.filter(one => !info.chains.includes(one)) ?? [],
    )
    if (isStatic) {
      if (added > 0) scope.inc('listener_added', added)
      if (removed > 0) scope.inc('listener_removed', removed)
      if (replaced > 0) scope.inc('listener_modified', replaced)
    }
    const created = added + changed.length
    if (created > 0) scope.inc('listener_create_success', created * this.#options.workers)
    this.#drain('total_listeners_draining', removed + replaced - inPlace.length)
    this.#drain('total_filter_chains_draining', chains.length)
    for (const info of now.values()) this.#declareListener(info, opened.get(info.slot))
    for (const { name } of before.values()) if (!now.has(name)) this.#forgetListener(name)
    scope.set('total_listeners_active', this.#held.size)
    scope.set('workers_started', 1)
    if (!scope.isUsed('total_listeners_warming')) scope.set('total_listeners_warming', 0)
  }

  /** Listeners of former versions, and their chains, go on for the drain time. */
  #drain(gauge: DrainGauge, count: number): void {
    if (count === 0) return
    const scope = this.#store.scope('listener_manager', 'listener_manager')
    this.#draining[gauge] += count
    scope.set(gauge, this.#draining[gauge])
    this.#options.clock.after(this.#options.drainMs, () => {
      this.#draining[gauge] -= count
      scope.set(gauge, this.#draining[gauge])
    })
  }

  #declareListener(info: ListenerInfo, at: OpenedListener | undefined): void {
    const known = this.#held.get(info.name)
    const statName =
      info.statPrefix === '' ? (at?.statName ?? this.#listenerNames.get(info.name) ?? info.name) : info.statPrefix
    this.#listenerNames.set(info.name, statName)
    const { httpStatPrefixes: http, tcpStatPrefixes: tcp, hasTls } = info
    const hold = this.#declarations
    const own = `listener ${info.name}`
    hold.hold(own, JSON.stringify([statName, http, hasTls]), () =>
      declareListener(this.#store, { statName, workers: this.#options.workers, hasTls, httpPrefixes: http }),
    )
    for (const prefix of http) hold.hold(`http ${prefix}`, '', () => declareHttpConnectionManager(this.#store, prefix))
    for (const prefix of tcp) hold.hold(`tcp ${prefix}`, '', () => declareTcpProxy(this.#store, prefix))
    for (const key of known ?? []) hold.release(key)
    this.#held.set(info.name, [own, ...http.map(prefix => `http ${prefix}`), ...tcp.map(prefix => `tcp ${prefix}`)])
  }

  #forgetListener(name: string): void {
    for (const key of this.#held.get(name) ?? []) this.#declarations.release(key)
    this.#held.delete(name)
    this.#listenerNames.delete(name)
  }
}

const none: readonly ClusterMembers[] = []

const planOf = (members: readonly ClusterMembers[], cluster: string): string | undefined =>
  members.find(one => one.cluster === cluster)?.planId

/** A route table inside counts too, though the listener's own plan stays the same. */
const differs = (before: ListenerInfo | undefined, now: ListenerInfo): boolean =>
  before !== undefined &&
  (before.planId !== now.planId || before.shape !== now.shape || before.chains.join() !== now.chains.join())

type Things<T> = ReadonlyMap<string, T>

function sides<T extends { readonly name: string }>(
  units: readonly UnitChange[],
  of: (unit: HeldUnit) => readonly T[],
): { before: Things<T>; now: Things<T> } {
  const gather = (side: 'before' | 'now'): Things<T> => {
    const things = new Map<string, T>()
    for (const { [side]: unit } of units)
      if (unit !== undefined) for (const thing of of(unit)) things.set(thing.name, thing)
    return things
  }
  return { before: gather('before'), now: gather('now') }
}

function counts<T extends { readonly planId: string }>(
  before: Things<T>,
  now: Things<T>,
): { added: number; removed: number; modified: number } {
  const both = [...now].filter(([name]) => before.has(name))
  return {
    added: now.size - both.length,
    removed: before.size - both.length,
    modified: both.filter(([name, thing]) => before.get(name)?.planId !== thing.planId).length,
  }
}
