import type { NativeAddon } from '../native/addon.js'
import { planId } from '../plan/ids.js'
import type { ClusterInfo, HostInfo } from '../snapshot/compile-task.js'
import type { ConfigUnit } from '../snapshot/config-delta.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import type { Clock } from '../support/clock.js'
import type { CheckedHost } from '../upstream/health/checked-host.js'
import { hostKey } from '../upstream/health/checked-host.js'
import { EventFiles } from '../upstream/event-files.js'
import { healthEventLine } from '../upstream/health/event-log.js'
import { HealthChecker, type HealthCount } from '../upstream/health/health-checker.js'
import { hostFlag } from '../upstream/health/host-flags.js'
import { probeMaker } from '../upstream/health/make-probe.js'
import { encodeFurtherLocality } from '../upstream/plan-encoder.js'
import { Pace } from './pace.js'

export interface HealthChecksOptions {
  readonly clock: Clock
  readonly random?: () => number
  readonly addon: Pick<NativeAddon, 'setHostFlags' | 'refreshCluster' | 'openTunnel' | 'putPlan'>
  readonly hasTraffic: (cluster: ClusterInfo) => boolean
  readonly onCount: (cluster: ClusterInfo, count: HealthCount) => void
  /** A member passed a check, and does not fail its checks; `address` as "127.0.0.1:80", "[::1]:80" or a path. */
  readonly onGoodCheck: (cluster: ClusterInfo, address: string, hostname: string) => void
  /** The health of some members is another. */
  readonly onHealth: (cluster: ClusterInfo) => void
  /** Members that were only kept because they were healthy are to go. */
  readonly republish: (cluster: ClusterInfo, makePlan: () => PlacedPlan | undefined) => Promise<void>
  readonly onError: (message: string) => void
}

/** What stands, or is to stand, in the slot of a cluster's members. */
export interface PlacedMembers {
  readonly plan: PlacedPlan
  /** In the order of the plan. */
  readonly hosts: readonly HostInfo[]
}

/** More changes than these in one turn, and the flags of all members are set. */
const pushedOneByOne = 64

interface Entry {
  readonly cluster: ClusterInfo
  readonly signature: string
  readonly checker: HealthChecker
  /** In the current configuration. */
  isAdopted: boolean
  /** The configuration's members, and after them those that are kept. */
  placed: PlacedMembers | undefined
  /** Position in the plan by key of the host; made when it is needed. */
  positions: ReadonlyMap<string, number> | undefined
  readonly changed: Map<string, number>
}

/**
 * Active health checks of all clusters that have them, kept through updates that do not change the cluster. A version of a cluster that is
 * new is checked once before it takes effect. Main thread.
 */
export class HealthChecks {
  readonly #options: HealthChecksOptions
  readonly #entries = new Map<string, Entry>()
  /** On their way into the configuration. */
  readonly #candidates = new Set<HealthCandidates>()
  /** What the configuration says of members, by cluster: of those that are checked, or will be. */
  readonly #configured = new Map<string, PlacedMembers>()
  readonly #pace = new Pace()
  readonly #files: EventFiles
  #isFlushScheduled = false

  constructor(options: HealthChecksOptions) {
    this.#options = options
    this.#files = new EventFiles(options.onError)
  }

  /**
   * Begins to check the members of clusters that are new or different; changes nothing else. `plans` are those of the units the clusters
   * are in, `membersOf` what is known of their members.
   */
  prepare(
    clusters: readonly ClusterInfo[],
    plans: readonly PlacedPlan[],
    membersOf: (cluster: string) => readonly HostInfo[],
  ): HealthCandidates {
    const entries = new Map<string, Entry>()
    for (const cluster of clusters) {
      if (cluster.health === undefined) continue
      const signature = `${cluster.planId} ${JSON.stringify(cluster.health)}`
      const known = this.#entries.get(cluster.name)
      const plan = plans.find(one => one.kind === 'cluster' && one.slot === cluster.slot)
      entries.set(
        cluster.name,
        known?.signature === signature ? known : this.#begin(cluster, signature, plan, membersOf(cluster.name)),
      )
    }
    const candidates = new HealthCandidates(entries)
    // Most units have none, and thousands may come at once.
    if (entries.size > 0) this.#candidates.add(candidates)
    return candidates
  }

  /** The unit as it is to be published: with the members that are healthy and no longer in the configuration. */
  complete(unit: ConfigUnit, hostsOf: (cluster: string) => readonly HostInfo[]): ConfigUnit {
    if (this.#isIdle && !unit.members.some(({ hosts }) => hosts.some(isChecked))) return unit
    const placed = new Map<string, PlacedMembers>()
    const plans = unit.plans.map(plan => {
      if (plan.kind !== 'endpoints') return plan
      const completed = this.completeMembers(plan, hostsOf(plan.name), unit)
      if (completed.plan !== plan) placed.set(plan.name, completed)
      return completed.plan
    })
    if (placed.size === 0) return unit
    const members = unit.members.map(known => {
      const other = placed.get(known.cluster)
      return other === undefined ? known : { cluster: known.cluster, planId: other.plan.id, hosts: other.hosts }
    })
    return { ...unit, plans, members }
  }

  /** The same of one cluster's members. `unit`: that they come with. */
  completeMembers(plan: PlacedPlan, hosts: readonly HostInfo[], unit?: ConfigUnit): PlacedMembers {
    const entry = this.#entryFor(plan.name, unit)
    const configured = { plan, hosts }
    const candidates = this.#candidatesOf(plan.name)
    if (entry === undefined && candidates.length === 0 && !hosts.some(isChecked)) return configured
    this.#configured.set(plan.name, configured)
    const placed = entry === undefined ? configured : this.#place(entry, configured)
    for (const candidate of candidates) if (candidate !== entry) this.#put(candidate, placed)
    return placed
  }

  /** Workers are to find these flags when the plans take effect. */
  stage(plans: readonly PlacedPlan[], unit?: ConfigUnit): void {
    if (this.#isIdle) return
    for (const plan of plans) {
      if (plan.kind !== 'endpoints') continue
      const entry = this.#entryFor(plan.name, unit)
      if (entry?.placed !== undefined) this.#push(entry, entry.placed)
    }
    for (const { name } of unit?.clusters ?? []) {
      const entry = this.#entryFor(name, unit)
      if (entry === undefined || entry.isAdopted) continue
      const placed = entry.placed ?? this.#entries.get(name)?.placed ?? this.#configured.get(name)
      if (placed === undefined) continue
      this.#put(entry, placed)
      this.#push(entry, placed)
    }
  }

  /** All of them as one. */
  joined(candidates: readonly HealthCandidates[]): HealthCandidates {
    for (const one of candidates) this.#candidates.delete(one)
    const all = new HealthCandidates(new Map(candidates.flatMap(({ entries }) => [...entries])))
    this.#candidates.add(all)
    return all
  }

  /** They are in use. */
  adopt(candidates: HealthCandidates): void {
    this.#candidates.delete(candidates)
    for (const [name, entry] of candidates.entries) {
      const before = this.#entries.get(name)
      if (before !== undefined && before !== entry) before.checker.close()
      this.#entries.set(name, entry)
      entry.isAdopted = true
      this.#follow(entry)
    }
  }

  /** The members of a cluster in use are those that were completed last. */
  membersAdopted(cluster: string): void {
    if (this.#isIdle) return
    const entry = this.#entries.get(cluster)
    if (entry !== undefined) this.#follow(entry)
    for (const { placed, checker } of this.#candidatesOf(cluster))
      if (placed !== undefined) checker.setHosts(checkedHosts(placed.hosts))
  }

  /** The cluster is gone, or not checked any more. */
  remove(cluster: ClusterInfo): void {
    const entry = this.#entries.get(cluster.name)
    this.#configured.delete(cluster.name)
    if (entry === undefined) return
    entry.checker.close()
    this.#entries.delete(cluster.name)
    if (entry.placed === undefined) return
    this.#options.addon.setHostFlags(entry.placed.plan.id, 0, new Uint32Array(entry.placed.hosts.length))
    this.#options.addon.refreshCluster(cluster.slot)
  }

  abandon(candidates: HealthCandidates): void {
    this.#candidates.delete(candidates)
    for (const entry of candidates.entries.values()) {
      if (entry.isAdopted) continue
      entry.checker.close()
      const active = this.#entries.get(entry.cluster.name)
      if (active?.placed !== undefined) this.#push(active, active.placed)
    }
  }

  /** With those that are kept, in the order of the plan; undefined: the cluster is not checked. */
  hostsOf(cluster: string): readonly HostInfo[] | undefined {
    return this.#entries.get(cluster)?.placed?.hosts
  }

  /** Flags of the members, in that order. */
  flagsOf(cluster: string): Uint32Array | undefined {
    const entry = this.#entries.get(cluster)
    return entry?.placed === undefined ? undefined : this.#flags(entry, entry.placed, true)
  }

  counts(cluster: string): { readonly healthy: number; readonly degraded: number } | undefined {
    return this.#entries.get(cluster)?.checker.counts()
  }

  /** An answer to a request said that its host fails. `address` as "127.0.0.1:80", "[::1]:80" or a path. */
  failAtOnce(cluster: string, address: string, hostname: string): void {
    const entry = this.#entries.get(cluster)
    const host = entry?.placed?.hosts.find(
      ({ target }) => target !== undefined && target.hostname === hostname && addressText(target) === address,
    )
    if (host?.target !== undefined) entry?.checker.failAtOnce(host.target)
  }

  reopenLogs(): void {
    this.#files.reopen()
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) entry.checker.close()
    for (const candidates of this.#candidates) for (const entry of candidates.entries.values()) entry.checker.close()
    this.#entries.clear()
    this.#candidates.clear()
    this.#pace.close()
    await this.#files.close()
  }

  /** Nothing is checked: thousands of clusters may come and go, and none is looked for here. */
  get #isIdle(): boolean {
    return this.#entries.size === 0 && this.#candidates.size === 0 && this.#configured.size === 0
  }

  #begin(cluster: ClusterInfo, signature: string, plan: PlacedPlan | undefined, hosts: readonly HostInfo[]): Entry {
    const { health } = cluster
    if (health === undefined) throw new Error(`cluster '${cluster.name}' has no health checks`)
    const { clock, random = Math.random, addon, hasTraffic, onCount } = this.#options
    const checker = new HealthChecker({
      plan: health,
      clock,
      random,
      makeProbe: probeMaker(health, {
        cluster: cluster.name,
        isTls: socket => cluster.tlsSockets[socket] ?? false,
        openTunnel: target => {
          // Before it takes effect nothing else holds the plan.
          if (!entry.isAdopted && plan !== undefined) addon.putPlan('cluster', plan.name, plan.id, plan.bytes)
          return addon.openTunnel({ ...target, clusterPlanId: cluster.planId, clusterSlot: cluster.slot })
        },
      }),
      hasTraffic: () => hasTraffic(cluster),
      soon: start => this.#pace.run(start),
      onChange: (host, flags) => this.#changed(entry, host, flags),
      onCount: count => onCount(cluster, count),
      onGoodCheck: host => this.#options.onGoodCheck(cluster, addressText(host), host.hostname),
      onEvent: (host, event) => {
        for (const path of health.log.paths)
          this.#files.write(path, healthEventLine(health.check.kind, cluster.name, host, event, new Date()))
      },
    })
    const entry: Entry = {
      cluster,
      signature,
      checker,
      isAdopted: false,
      placed: undefined,
      positions: undefined,
      changed: new Map(),
    }
    checker.begin(checkedHosts(hosts))
    return entry
  }

  #entryFor(cluster: string, unit: ConfigUnit | undefined): Entry | undefined {
    const isNew = unit?.clusters.some(({ name }) => name === cluster) === true
    if (isNew)
      for (const { entries } of this.#candidates) {
        const entry = entries.get(cluster)
        if (entry?.cluster.planId === unit.clusters.find(({ name }) => name === cluster)?.planId) return entry
      }
    return this.#entries.get(cluster)
  }

  /** The members of the configuration, and after them those that were members and are healthy. */
  #place(entry: Entry, configured: PlacedMembers): PlacedMembers {
    const wanted = new Set(configured.hosts.flatMap(({ target }) => (target === undefined ? [] : [hostKey(target)])))
    const kept = (entry.cluster.health?.ignoresHealthOnRemoval === true ? [] : (entry.placed?.hosts ?? [])).filter(
      ({ target }) => target !== undefined && !wanted.has(hostKey(target)) && entry.checker.isHealthy(target),
    )
    const placed = kept.length === 0 ? configured : withKept(configured, kept)
    this.#put(entry, placed)
    return placed
  }

  #put(entry: Entry, placed: PlacedMembers): void {
    entry.positions = undefined
    entry.placed = placed
  }

  #candidatesOf(cluster: string): Entry[] {
    return [...this.#candidates].flatMap(({ entries }) => {
      const entry = entries.get(cluster)
      return entry === undefined || entry.isAdopted ? [] : [entry]
    })
  }

  /** How many members the configuration has; those after them in the plan are kept. */
  #configuredCount(entry: Entry, { hosts }: PlacedMembers): number {
    return this.#configured.get(entry.cluster.name)?.hosts.length ?? hosts.length
  }

  #follow(entry: Entry): void {
    if (entry.placed !== undefined) entry.checker.setHosts(checkedHosts(entry.placed.hosts))
    this.#options.onHealth(entry.cluster)
  }

  #push(entry: Entry, placed: PlacedMembers): void {
    this.#options.addon.setHostFlags(placed.plan.id, 0, this.#flags(entry, placed, false))
  }

  #flags(entry: Entry, placed: PlacedMembers, withRemoval: boolean): Uint32Array {
    const configured = withRemoval ? this.#configuredCount(entry, placed) : placed.hosts.length
    return Uint32Array.from(placed.hosts, (host, index) => {
      const checked = checkedHost(host)
      const flags = checked === undefined ? 0 : entry.checker.flagsOf(checked)
      return index < configured ? flags : flags | hostFlag.pendingRemoval
    })
  }

  #changed(entry: Entry, host: CheckedHost, flags: number): void {
    if (!entry.isAdopted) return
    entry.changed.set(hostKey(host), flags)
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    setImmediate(() => this.#flush())
  }

  /** What changed in one turn reaches workers together. */
  #flush(): void {
    this.#isFlushScheduled = false
    for (const entry of this.#entries.values()) {
      if (entry.changed.size === 0 || entry.placed === undefined) continue
      const { plan, hosts } = entry.placed
      const configured = this.#configuredCount(entry, entry.placed)
      const positions = this.#positionsIn(entry, hosts)
      let goes = false
      for (const [key, flags] of entry.changed) {
        const at = positions.get(key)
        if (at === undefined) continue
        if (entry.changed.size < pushedOneByOne) this.#options.addon.setHostFlags(plan.id, at, Uint32Array.of(flags))
        goes ||= (flags & hostFlag.failedActiveCheck) !== 0 && at >= configured
      }
      if (entry.changed.size >= pushedOneByOne) this.#push(entry, entry.placed)
      entry.changed.clear()
      this.#options.addon.refreshCluster(entry.cluster.slot)
      this.#options.onHealth(entry.cluster)
      if (goes) void this.#letGo(entry)
    }
  }

  #positionsIn(entry: Entry, hosts: readonly HostInfo[]): ReadonlyMap<string, number> {
    entry.positions ??= new Map(
      hosts.flatMap(({ target }, index) => (target === undefined ? [] : [[hostKey(target), index]])),
    )
    return entry.positions
  }

  /** Members that were kept while they were healthy are not any more. */
  async #letGo(entry: Entry): Promise<void> {
    await this.#options.republish(entry.cluster, () => {
      const configured = this.#configured.get(entry.cluster.name)
      if (configured === undefined || this.#entries.get(entry.cluster.name) !== entry) return undefined
      return this.#place(entry, configured).plan
    })
    if (this.#entries.get(entry.cluster.name) === entry) this.#follow(entry)
  }
}

/** The checked clusters of units that are about to be published. */
export class HealthCandidates {
  readonly entries: ReadonlyMap<string, Entry>

  constructor(entries: ReadonlyMap<string, Entry>) {
    this.entries = entries
  }

  /** Does nobody have to be waited for? */
  get isReady(): boolean {
    return [...this.entries.values()].every(({ isAdopted, checker }) => isAdopted || checker.isReady)
  }

  /** Each member of each has been checked once. */
  async ready(): Promise<void> {
    await Promise.all([...this.entries.values()].map(({ isAdopted, checker }) => isAdopted || checker.ready))
  }
}

const isChecked = ({ target }: HostInfo): boolean => target !== undefined

export const noChecks = new HealthCandidates(new Map())

function checkedHost({ target, transportSocket, region, zone, subZone }: HostInfo): CheckedHost | undefined {
  return target && { ...target, transportSocket, region, zone, subZone }
}

const checkedHosts = (hosts: readonly HostInfo[]): CheckedHost[] => hosts.flatMap(host => checkedHost(host) ?? [])

const addressText = ({ ip, port }: { readonly ip: string; readonly port: number }): string => {
  if (/^[/@]/.test(ip)) return ip
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function withKept({ plan, hosts }: PlacedMembers, kept: readonly HostInfo[]): PlacedMembers {
  const localities = kept.map(({ target, ...host }) =>
    encodeFurtherLocality({
      region: host.region,
      zone: host.zone,
      subZone: host.subZone,
      weight: target?.localityWeight ?? 0,
      priority: host.priority,
      hosts: [{ ...host, ip: '', port: 0, hostname: '', metadataJson: '', hashKey: '', ...target, moreIps: [] }],
    }),
  )
  const bytes = new Uint8Array(Buffer.concat([plan.bytes, ...localities]))
  return { plan: { ...plan, bytes, id: planId(bytes, plan.name) }, hosts: [...hosts, ...kept] }
}
