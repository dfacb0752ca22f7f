import type { HostNews, NativeAddon } from '../native/addon.js'
import type { ClusterInfo } from '../snapshot/compile-task.js'
import type { Clock } from '../support/clock.js'
import { EventFiles } from '../upstream/event-files.js'
import { hostFlag } from '../upstream/health/host-flags.js'
import { outlierEventLine } from '../upstream/outlier/event-line.js'
import { type OutlierCount, OutlierDetector } from '../upstream/outlier/outlier-detector.js'
import type { Rates } from '../upstream/outlier/outlier-monitor.js'
import type { UnitChange } from './units.js'

export interface OutlierDetectionOptions {
  readonly clock: Clock
  readonly random?: () => number
  readonly addon: Pick<NativeAddon, 'hostOutcomes' | 'memberAt' | 'markHosts' | 'endErrorRuns' | 'refreshCluster'>
  /** What the runtime says of a key. */
  readonly runtime: (key: string) => string | undefined
  readonly onCount: (cluster: ClusterInfo, count: OutlierCount) => void
  readonly onActive: (cluster: ClusterInfo, ejected: number) => void
  /** Other members are ejected than before. */
  readonly onHealth: (cluster: ClusterInfo) => void
  readonly onError: (message: string) => void
}

/** For the operator. */
export interface OutlierStatus {
  readonly detector: OutlierDetector
  /** In the order of the members. */
  readonly rates: readonly Rates[]
}

interface Entry {
  readonly cluster: ClusterInfo
  readonly signature: string
  readonly detector: OutlierDetector
}

/** Numbers of a member, as the workers count them: its id first. */
const perHost = 5

/** Outlier detection of all clusters that have it, kept through updates that do not change the cluster. Main thread. */
export class OutlierDetection {
  readonly #options: OutlierDetectionOptions
  readonly #entries = new Map<string, Entry>()
  readonly #changed = new Set<ClusterInfo>()
  readonly #files: EventFiles
  #logPath: string | undefined

  constructor(options: OutlierDetectionOptions) {
    this.#options = options
    this.#files = new EventFiles(options.onError)
  }

  /** Where events are written. */
  logTo(path: string | undefined): void {
    this.#logPath = path
    if (path !== undefined) this.#files.open(path)
  }

  /** These units are in use. */
  adopt(units: readonly UnitChange[]): void {
    const kept = new Set<string>()
    for (const { now } of units) {
      for (const cluster of now?.clusters ?? []) {
        kept.add(cluster.name)
        this.#follow(cluster)
      }
    }
    for (const { before, now } of units) {
      for (const { name } of before?.clusters ?? []) if (!kept.has(name)) this.#remove(name)
      for (const { cluster } of now?.members ?? []) this.membersChanged(cluster)
    }
  }

  /** Other members of the cluster are in use. */
  membersChanged(cluster: string): void {
    this.#entries.get(cluster)?.detector.membersChanged()
  }

  /** What a worker says of a host. */
  onNews(news: Exclude<HostNews, 'immediate-failure'>, cluster: string, id: number): void {
    const entry = this.#entries.get(cluster)
    if (entry === undefined) return
    if (news === 'server-errors') entry.detector.onErrors(id, 'server')
    else entry.detector.onErrors(id, news === 'gateway-errors' ? 'gateway' : 'local')
  }

  /** A member passed an active check. `address` as "127.0.0.1:80", "[::1]:80" or a path. */
  onGoodCheck({ name }: ClusterInfo, address: string, hostname: string): void {
    const entry = this.#entries.get(name)
    for (const id of entry?.detector.ejected() ?? []) {
      const member = this.#memberOf(entry?.cluster, id)
      if (member?.address === address && member.hostname === hostname) return entry?.detector.onGoodCheck(id)
    }
  }

  /** Flags of the members, in their order; undefined: none has any. */
  flagsOf(cluster: string): Uint32Array | undefined {
    const entry = this.#entries.get(cluster)
    if (entry === undefined || entry.detector.ejected().next().done === true) return undefined
    return Uint32Array.from(this.#idsOf(entry.cluster), id =>
      entry.detector.isEjected(id) ? hostFlag.failedOutlierCheck : 0,
    )
  }

  statusOf(cluster: string): OutlierStatus | undefined {
    const entry = this.#entries.get(cluster)
    if (entry === undefined) return undefined
    const { detector } = entry
    return { detector, rates: this.#idsOf(entry.cluster).map(id => detector.ratesOf(id)) }
  }

  reopenLogs(): void {
    this.#files.reopen()
    if (this.#logPath !== undefined) this.#files.open(this.#logPath)
  }

  async close(): Promise<void> {
    for (const { detector } of this.#entries.values()) detector.close()
    this.#entries.clear()
    await this.#files.close()
  }

  // A cluster that is another one in any way begins anew, as in Envoy.
  #follow(cluster: ClusterInfo): void {
    if (cluster.outlier === undefined) return this.#remove(cluster.name)
    const signature = `${cluster.planId} ${JSON.stringify(cluster.outlier)}`
    const known = this.#entries.get(cluster.name)
    if (known?.signature === signature) return
    known?.detector.close()
    const { clock, random = Math.random, addon, runtime, onCount, onActive } = this.#options
    const detector = new OutlierDetector({
      plan: cluster.outlier,
      clock,
      random,
      runtime,
      outcomes: () => addon.hostOutcomes(cluster.slot),
      mark: (ids, isEjected) => this.#mark(cluster, ids, isEjected),
      endRuns: (ids, which) => addon.endErrorRuns(cluster.slot, Float64Array.from(ids), which),
      onCount: count => onCount(cluster, count),
      onActive: ejected => onActive(cluster, ejected),
      onEvent: (id, event) => {
        if (this.#logPath === undefined) return
        const address = this.#memberOf(cluster, id)?.address ?? ''
        this.#files.write(this.#logPath, outlierEventLine(cluster.name, address, event, new Date()))
      },
    })
    this.#entries.set(cluster.name, { cluster, signature, detector })
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    const ids = [...entry.detector.ejected()]
    entry.detector.close()
    this.#entries.delete(name)
    this.#mark(entry.cluster, ids, false)
  }

  /** What changes in one turn reaches workers together. */
  #mark(cluster: ClusterInfo, ids: readonly number[], isEjected: boolean): void {
    const { addon } = this.#options
    if (ids.length === 0) return
    const flags = hostFlag.failedOutlierCheck
    if (addon.markHosts(cluster.slot, Float64Array.from(ids), flags, isEjected) === 0) return
    if (this.#changed.size === 0) setImmediate(() => this.#flush())
    this.#changed.add(cluster)
  }

  #flush(): void {
    const clusters = [...this.#changed]
    this.#changed.clear()
    for (const cluster of clusters) {
      this.#options.addon.refreshCluster(cluster.slot)
      this.#options.onHealth(cluster)
    }
  }

  #idsOf({ slot }: ClusterInfo): number[] {
    const outcomes = this.#options.addon.hostOutcomes(slot)
    return Array.from({ length: outcomes.length / perHost }, (_, index) => outcomes[index * perHost] as number)
  }

  #memberOf(
    cluster: ClusterInfo | undefined,
    id: number,
  ): { readonly address: string; readonly hostname: string } | undefined {
    if (cluster === undefined) return undefined
    const index = this.#idsOf(cluster).indexOf(id)
    return index < 0 ? undefined : this.#options.addon.memberAt(cluster.slot, index)
  }
}
