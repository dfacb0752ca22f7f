import type { ErrorRun } from '../../native/addon.js'
import type { OutlierKind, OutlierPlan } from '../../plan/outlier-plan.js'
import type { Clock } from '../../support/clock.js'
import type { OutlierEvent } from './event-line.js'
import { noRates, type Origin, OutlierMonitor, type Rates } from './outlier-monitor.js'

/** Numbers of a member, as the workers count them. */
const perHost = 5

/** What is counted under `cluster.<name>.outlier_detection.`; ejections_active is a gauge. */
export type OutlierCount =
  | 'ejections_total'
  | 'ejections_overflow'
  | 'ejections_consecutive_5xx'
  | 'ejections_success_rate'
  | 'ejections_enforced_total'
  | `ejections_${'detected' | 'enforced'}_${OutlierKind}`

export interface OutlierDetectorOptions {
  readonly plan: OutlierPlan
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
  /** What the runtime says in the place of a setting. */
  readonly runtime: (key: string) => string | undefined
  /** Of the members in use: id, answers, good ones, attempts to reach it, good ones. */
  readonly outcomes: () => Float64Array
  readonly mark: (ids: readonly number[], isEjected: boolean) => void
  readonly endRuns: (ids: readonly number[], which: ErrorRun | 'all') => void
  readonly onCount: (count: OutlierCount) => void
  readonly onActive: (ejected: number) => void
  readonly onEvent: (id: number, event: OutlierEvent) => void
}

/** Averages over the cluster and what is too far below, in percent; -1: none was reckoned. */
export interface ClusterRate {
  readonly average: number
  readonly threshold: number
}

const noClusterRate: ClusterRate = { average: -1, threshold: -1 }
const kindOfRun: Readonly<Record<ErrorRun, OutlierKind>> = {
  server: 'consecutive_5xx',
  gateway: 'consecutive_gateway_failure',
  local: 'consecutive_local_origin_failure',
}

/**
 * Decides which members of a cluster are ejected, and for how long (Envoy docs: "Outlier detection"). Errors in a row are told by the workers;
 * rates are looked at once in an interval. As long as neither could lead to anything, nothing runs. Main thread.
 */
export class OutlierDetector {
  readonly #options: OutlierDetectorOptions
  readonly #monitors = new Map<number, OutlierMonitor>()
  #active = 0
  #rates: Readonly<Record<Origin, ClusterRate>> = { external: noClusterRate, local: noClusterRate }
  #nextLook: number
  #cancelLook: (() => void) | undefined

  constructor(options: OutlierDetectorOptions) {
    this.#options = options
    this.#nextLook = options.clock.now() + this.#intervalMs
    this.membersChanged()
  }

  /** The cluster has other members: those that stay keep their state. */
  membersChanged(): void {
    const outcomes = this.#options.outcomes()
    const gone = new Set(this.#monitors.keys())
    const added: number[] = []
    for (let at = 0; at < outcomes.length; at += perHost) {
      const id = outcomes[at] as number
      gone.delete(id)
      if (this.#monitors.has(id)) continue
      const monitor = new OutlierMonitor(id)
      begin(monitor, outcomes, at)
      this.#monitors.set(id, monitor)
      added.push(id)
    }
    for (const id of gone) {
      if (this.#monitors.get(id)?.isEjected) this.#setActive(this.#active - 1)
      this.#monitors.delete(id)
    }
    // A host that was a member long ago may still be known to the workers.
    if (added.length > 0) {
      this.#options.mark(added, false)
      this.#options.endRuns(added, 'all')
    }
    this.#arm()
  }

  close(): void {
    this.#cancelLook?.()
    if (this.#active > 0) this.#setActive(0)
    this.#monitors.clear()
  }

  /** Workers saw as many errors in a row as the cluster bears. */
  onErrors(id: number, run: ErrorRun): void {
    const monitor = this.#monitors.get(id)
    if (monitor === undefined || monitor.isEjected) return
    this.#found(monitor, kindOfRun[run])
    if (run === 'server') this.#options.onCount('ejections_consecutive_5xx')
    this.#options.endRuns([id], run)
  }

  /** A member passed an active check. */
  onGoodCheck(id: number): void {
    const monitor = this.#monitors.get(id)
    if (monitor?.isEjected && this.#options.plan.isEndedByCheck) this.#uneject(monitor)
  }

  /** Ids of members that are ejected. */
  *ejected(): Generator<number> {
    if (this.#active > 0) for (const monitor of this.#monitors.values()) if (monitor.isEjected) yield monitor.id
  }

  isEjected(id: number): boolean {
    return this.#monitors.get(id)?.isEjected ?? false
  }

  ratesOf(id: number): Rates {
    return this.#monitors.get(id)?.rates ?? noRates
  }

  clusterRate(origin: Origin): ClusterRate {
    return this.#rates[origin]
  }

  // ---------------------------------------------------------------- ejections

  #found(monitor: OutlierMonitor, kind: OutlierKind): void {
    this.#options.onCount(`ejections_detected_${kind}`)
    this.#eject(monitor, kind)
  }

  #eject(monitor: OutlierMonitor, kind: OutlierKind): void {
    const { plan, clock, random, onCount, mark } = this.#options
    const most = Math.min(100, this.#setting('max_ejection_percent', plan.maxEjectionPercent))
    const isFirst = plan.alwaysEjectsOne && this.#active === 0
    if (!isFirst && (100 * (this.#active + 1)) / this.#monitors.size > most) return onCount('ejections_overflow')
    if (kind === 'consecutive_5xx' || kind === 'success_rate') onCount('ejections_total')
    if (!this.#happens(`enforcing_${runtimeNames[kind]}`, plan.enforcing[kind]))
      return this.#tellEjection(monitor, kind, false)
    // By two rates at once it is counted twice, as in Envoy; there is one host less all the same.
    if (!monitor.isEjected) this.#setActive(this.#active + 1)
    onCount('ejections_enforced_total')
    onCount(`ejections_enforced_${kind}`)
    monitor.isEjected = true
    monitor.ejections += 1
    monitor.ejectedAt = clock.now()
    monitor.jitterMs = Math.floor(random() * (this.#setting('max_ejection_time_jitter_ms', plan.jitterMs) + 1))
    if (monitor.backoff * this.#baseMs < this.#maxMs + this.#baseMs) monitor.backoff += 1
    mark([monitor.id], true)
    this.#tellEjection(monitor, kind, true)
    this.#arm()
  }

  #uneject(monitor: OutlierMonitor): void {
    const { clock, mark, endRuns, onEvent } = this.#options
    this.#setActive(this.#active - 1)
    monitor.isEjected = false
    endRuns([monitor.id], 'all')
    monitor.returnedAt = clock.now()
    mark([monitor.id], false)
    const since = this.#secondsSince(monitor.ejectedAt)
    onEvent(monitor.id, { action: 'UNEJECT', ejections: monitor.ejections, secondsSinceLast: since })
  }

  #tellEjection(monitor: OutlierMonitor, kind: OutlierKind, isEnforced: boolean): void {
    const origin = kind.startsWith('local_origin') ? 'local' : 'external'
    const { average, threshold } = this.#rates[origin]
    this.#options.onEvent(monitor.id, {
      action: 'EJECT',
      kind,
      isEnforced,
      ejections: monitor.ejections,
      secondsSinceLast: this.#secondsSince(monitor.returnedAt),
      rate: monitor.rates[origin],
      average,
      threshold,
    })
  }

  #secondsSince(moment: number | undefined): number | undefined {
    return moment === undefined ? undefined : Math.floor((this.#options.clock.now() - moment) / 1000)
  }

  #setActive(active: number): void {
    this.#active = active
    this.#options.onActive(active)
  }

  // ---------------------------------------------------------------- looks at all members

  /** When the next look is due, if it could lead to anything. */
  #arm(): void {
    if (this.#cancelLook !== undefined || !this.#isLookNeeded()) return
    const { clock } = this.#options
    const interval = Math.max(1, this.#intervalMs)
    const late = clock.now() - this.#nextLook
    if (late > 0) this.#nextLook += Math.ceil(late / interval) * interval
    this.#cancelLook = clock.after(Math.max(0, this.#nextLook - clock.now()), () => this.#look())
  }

  #isLookNeeded(): boolean {
    if (this.#active > 0 || this.#reckonsRates()) return true
    for (const { backoff } of this.#monitors.values()) if (backoff > 0) return true
    return false
  }

  #reckonsRates(): boolean {
    const { successRate, failurePercentage } = this.#options.plan
    const { size } = this.#monitors
    if (size === 0) return false
    return (
      size >= this.#setting('success_rate_minimum_hosts', successRate.minimumHosts) ||
      size >= this.#setting('failure_percentage_minimum_hosts', failurePercentage.minimumHosts)
    )
  }

  #look(): void {
    this.#cancelLook = undefined
    this.#nextLook += Math.max(1, this.#intervalMs)
    const now = this.#options.clock.now()
    for (const monitor of this.#monitors.values()) {
      if (monitor.isEjected && this.#isOver(monitor, now)) this.#uneject(monitor)
      monitor.rates = noRates
    }
    this.#rates = { external: noClusterRate, local: noClusterRate }
    if (this.#reckonsRates()) {
      this.#beginInterval()
      this.#reckon('external')
      this.#reckon('local')
    }
    for (const monitor of this.#monitors.values()) {
      const behaves = !monitor.isEjected && monitor.returnedAt !== undefined
      if (behaves && now - (monitor.returnedAt ?? now) >= this.#intervalMs && monitor.backoff > 0) monitor.backoff -= 1
    }
    this.#arm()
  }

  #isOver({ backoff, jitterMs, ejectedAt = 0 }: OutlierMonitor, now: number): boolean {
    return Math.min(this.#baseMs * backoff, this.#maxMs) + jitterMs <= now - ejectedAt
  }

  #beginInterval(): void {
    const outcomes = this.#options.outcomes()
    for (let at = 0; at < outcomes.length; at += perHost) {
      const monitor = this.#monitors.get(outcomes[at] as number)
      if (monitor !== undefined) begin(monitor, outcomes, at)
    }
  }

  /** Rates of the interval that ended; who fails too often for itself, or compared with the others, is ejected. */
  #reckon(origin: Origin): void {
    const { successRate, failurePercentage } = this.#options.plan
    const volumes = {
      rate: this.#setting('success_rate_request_volume', successRate.requestVolume),
      failures: this.#setting('failure_percentage_request_volume', failurePercentage.requestVolume),
    }
    const compared: OutlierMonitor[] = []
    const judged: OutlierMonitor[] = []
    for (const monitor of this.#monitors.values()) {
      const { total, good } = monitor.last(origin)
      if (monitor.isEjected || total === 0) continue
      if (total >= Math.min(volumes.rate, volumes.failures))
        monitor.rates = { ...monitor.rates, [origin]: (good * 100) / total }
      if (total >= volumes.rate) compared.push(monitor)
      if (total >= volumes.failures) judged.push(monitor)
    }
    this.#compare(origin, compared)
    this.#judge(origin, judged)
  }

  #compare(origin: Origin, monitors: readonly OutlierMonitor[]): void {
    const { plan, onCount } = this.#options
    const least = this.#setting('success_rate_minimum_hosts', plan.successRate.minimumHosts)
    if (monitors.length === 0 || monitors.length < least) return
    const factor = this.#setting('success_rate_stdev_factor', plan.successRate.stdevFactor) / 1000
    const rate = clusterRate(
      monitors.map(({ rates }) => rates[origin]),
      factor,
    )
    this.#rates = { ...this.#rates, [origin]: rate }
    for (const monitor of monitors) {
      if (monitor.rates[origin] >= rate.threshold) continue
      onCount('ejections_success_rate')
      this.#found(monitor, origin === 'external' ? 'success_rate' : 'local_origin_success_rate')
    }
  }

  #judge(origin: Origin, monitors: readonly OutlierMonitor[]): void {
    const { failurePercentage } = this.#options.plan
    const least = this.#setting('failure_percentage_minimum_hosts', failurePercentage.minimumHosts)
    if (monitors.length === 0 || monitors.length < least) return
    const threshold = this.#setting('failure_percentage_threshold', failurePercentage.threshold)
    for (const monitor of monitors)
      if (100 - monitor.rates[origin] >= threshold)
        this.#found(monitor, origin === 'external' ? 'failure_percentage' : 'local_origin_failure_percentage')
  }

  // ---------------------------------------------------------------- settings

  get #intervalMs(): number {
    return this.#setting('interval_ms', this.#options.plan.intervalMs)
  }

  get #baseMs(): number {
    return this.#setting('base_ejection_time_ms', this.#options.plan.baseEjectionMs)
  }

  get #maxMs(): number {
    return this.#setting('max_ejection_time_ms', this.#options.plan.maxEjectionMs)
  }

  #setting(name: string, configured: number): number {
    const value = this.#options.runtime(`outlier_detection.${name}`)
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : configured
  }

  #happens(name: string, percent: number): boolean {
    return this.#options.random() * 100 < this.#setting(name, percent)
  }
}

/** As the runtime calls it, where that is different. */
const runtimeNames: Readonly<Record<OutlierKind, string>> = {
  consecutive_5xx: 'consecutive_5xx',
  consecutive_gateway_failure: 'consecutive_gateway_failure',
  consecutive_local_origin_failure: 'consecutive_local_origin_failure',
  success_rate: 'success_rate',
  local_origin_success_rate: 'local_origin_success_rate',
  failure_percentage: 'failure_percentage',
  local_origin_failure_percentage: 'failure_percentage_local_origin',
}

function begin(monitor: OutlierMonitor, outcomes: Float64Array, at: number): void {
  const [, answers = 0, goodAnswers = 0, attempts = 0, goodAttempts = 0] = outcomes.subarray(at, at + perHost)
  monitor.begin('external', { total: answers, good: goodAnswers })
  monitor.begin('local', { total: attempts, good: goodAttempts })
}

/** The mean, and what is `factor` standard deviations below it. */
function clusterRate(rates: readonly number[], factor: number): ClusterRate {
  const average = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - average) ** 2, 0) / rates.length
  return { average, threshold: average - factor * Math.sqrt(variance) }
}
