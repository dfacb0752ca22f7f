import type { CheckedHost } from './checked-host.js'
import type { HealthCheckerOptions } from './health-checker.js'
import { hostFlag } from './host-flags.js'
import type { Probe, ProbeResult } from './probe.js'

type FailureType = 'ACTIVE' | 'PASSIVE' | 'NETWORK' | 'NETWORK_TIMEOUT'
/** What an answer did: `pending` is on the way to a threshold. */
type Transition = 'unchanged' | 'changed' | 'pending'

/**
 * The checks of one host, one after the other, and its health. The first answer decides at once; afterwards thresholds do, but an answer
 * that is a clear no fails the host at once too. Main thread.
 */
export class HealthSession {
  host: CheckedHost
  readonly isChecked: boolean
  readonly #options: HealthCheckerOptions
  readonly #onAnswer: () => void
  readonly #probe: Probe | undefined
  #flags: number
  #isFirst = true
  #successes = 0
  #failures = 0
  #isClosed = false
  #cancelInterval: () => void = () => undefined
  #cancelTimeout: () => void = () => undefined

  /** `onAnswer`: after each check, when its host is what it says. */
  constructor(options: HealthCheckerOptions, host: CheckedHost, flags: number, onAnswer: () => void) {
    this.host = host
    this.#options = options
    this.#flags = flags
    this.#onAnswer = onAnswer
    this.isChecked = !(host.check?.isDisabled ?? false)
    if (this.isChecked) this.#probe = options.makeProbe(host, result => this.#result(result))
  }

  get flags(): number {
    return this.#flags
  }

  begin(): void {
    if (!this.isChecked) return
    const { plan, soon } = this.#options
    if (plan.initialJitterMs === 0) soon(() => this.#check())
    else this.#later(this.#jittered(0, plan.initialJitterMs))
  }

  close(): void {
    this.#isClosed = true
    this.#cancelInterval()
    this.#cancelTimeout()
    this.#probe?.close()
  }

  failAtOnce(): void {
    if (this.#isClosed || !this.isChecked) return
    this.#flags |= hostFlag.excludedByImmediateFailure
    this.#failed('PASSIVE', false, 0)
  }

  #later(ms: number): void {
    this.#cancelInterval()
    const { clock, soon } = this.#options
    // Timers of many hosts end at once.
    this.#cancelInterval = clock.after(ms, () => soon(() => this.#check()))
  }

  #check(): void {
    if (this.#isClosed) return
    const { clock, plan, onCount } = this.#options
    onCount('attempt')
    this.#cancelTimeout = clock.after(plan.timeoutMs, () => {
      this.#probe?.giveUp()
      this.#failed('NETWORK_TIMEOUT', false, 0)
    })
    this.#probe?.start()
  }

  #result(result: ProbeResult): void {
    if (this.#isClosed) return
    if (result.verifiesCluster) this.#options.onCount('verify_cluster')
    if (result.kind === 'success') return this.#succeeded(result.isDegraded)
    if (result.isExcluded) this.#flags |= hostFlag.excludedByImmediateFailure
    this.#failed(result.type, result.isRetriable ?? false, result.httpStatus)
  }

  #succeeded(isDegraded: boolean): void {
    const { plan, onCount, onEvent } = this.#options
    this.#failures = 0
    let transition: Transition = 'unchanged'
    let isBack = false
    if (this.#has('failedActiveCheck')) {
      transition = 'pending'
      if (this.#isFirst || ++this.#successes === plan.healthyThreshold) {
        this.#clear('failedActiveCheck', 'excludedByImmediateFailure', 'activeCheckTimeout')
        transition = 'changed'
        isBack = true
        onEvent(this.host, { kind: 'add_healthy', isFirst: this.#isFirst })
      }
    }
    if (isDegraded !== this.#has('degradedActiveCheck')) {
      if (isDegraded) this.#flags |= hostFlag.degradedActiveCheck
      else this.#clear('degradedActiveCheck')
      onEvent(this.host, { kind: isDegraded ? 'degraded' : 'no_longer_degraded' })
      if (transition === 'unchanged') transition = 'changed'
    }
    if (this.#has('pendingActiveCheck')) transition = 'changed'
    this.#clear('pendingActiveCheck')
    onCount('success')
    if (plan.log.successes && !isBack) onEvent(this.host, { kind: 'success' })
    this.#answered(true, transition)
  }

  #failed(type: FailureType, isRetriable: boolean, httpStatus: number): void {
    const { plan, onCount, onEvent } = this.#options
    this.#successes = 0
    let transition: Transition = 'unchanged'
    if (type === 'NETWORK_TIMEOUT') this.#flags |= hostFlag.activeCheckTimeout
    else this.#clear('activeCheckTimeout')
    if (!this.#has('failedActiveCheck')) {
      transition = 'pending'
      const isClear = (type === 'ACTIVE' || type === 'PASSIVE') && !isRetriable
      if (isClear || ++this.#failures === plan.unhealthyThreshold) {
        this.#flags |= hostFlag.failedActiveCheck
        transition = 'changed'
        onEvent(this.host, { kind: 'eject_unhealthy', failure: type, httpStatus })
      }
    }
    if (this.#has('pendingActiveCheck')) transition = 'changed'
    this.#clear('pendingActiveCheck')
    if (this.#isFirst || plan.log.failures)
      onEvent(this.host, { kind: 'failure', failure: type, isFirst: this.#isFirst, httpStatus })
    onCount('failure')
    if (type === 'NETWORK' || type === 'NETWORK_TIMEOUT') onCount('network_failure')
    else if (type === 'PASSIVE') onCount('passive_failure')
    this.#answered(false, transition)
  }

  #answered(isHealthy: boolean, transition: Transition): void {
    this.#isFirst = false
    this.#cancelTimeout()
    if (transition === 'changed') this.#options.onChange(this.host, this.#flags)
    if (isHealthy && !this.#has('failedActiveCheck')) this.#options.onGoodCheck(this.host)
    this.#onAnswer()
    if (!this.#isClosed) this.#later(this.#interval(isHealthy, transition))
  }

  // On the way to a threshold hosts are asked at the edge intervals; a cluster that nobody uses, rarely.
  #interval(isHealthy: boolean, transition: Transition): number {
    const { intervals, jitterMs } = this.#options.plan
    const isEdge = transition === 'pending'
    if (!this.#options.hasTraffic())
      return this.#jittered(isHealthy && !isEdge ? intervals.noTrafficHealthyMs : intervals.noTrafficMs, jitterMs)
    if (isHealthy) return this.#jittered(isEdge ? intervals.healthyEdgeMs : intervals.healthyMs, jitterMs)
    return this.#jittered(isEdge ? intervals.unhealthyEdgeMs : intervals.unhealthyMs, jitterMs)
  }

  #jittered(ms: number, jitterMs: number): number {
    const { plan, random } = this.#options
    const share = Math.floor((plan.jitterPercent * ms) / 100)
    const more = (most: number) => (most > 0 ? Math.floor(random() * most) : 0)
    return Math.max(1, ms + more(share) + more(jitterMs))
  }

  #has(flag: keyof typeof hostFlag): boolean {
    return (this.#flags & hostFlag[flag]) !== 0
  }

  #clear(...flags: (keyof typeof hostFlag)[]): void {
    for (const flag of flags) this.#flags &= ~hostFlag[flag]
  }
}
