import type { HealthCheckPlan } from '../../plan/health-check-plan.js'
import type { Clock } from '../../support/clock.js'
import { type CheckedHost, checkKey, hostKey } from './checked-host.js'
import type { HealthEvent } from './event-log.js'
import { HealthSession } from './health-session.js'
import { hostFlag } from './host-flags.js'
import type { Probe, ProbeResult } from './probe.js'

/** What is counted, under `cluster.<name>.health_check.`. */
export type HealthCount = 'attempt' | 'success' | 'failure' | 'passive_failure' | 'network_failure' | 'verify_cluster'

export interface HealthCheckerOptions {
  readonly plan: HealthCheckPlan
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
  readonly makeProbe: (host: CheckedHost, onResult: (result: ProbeResult) => void) => Probe
  /** Has the cluster ever been connected to for traffic? */
  readonly hasTraffic: () => boolean
  /** Runs it soon: many hosts do not begin at once. */
  readonly soon: (start: () => void) => void
  /** The health of a host is another. */
  readonly onChange: (host: CheckedHost, flags: number) => void
  readonly onCount: (count: HealthCount) => void
  /** It passed a check, and does not fail its checks. */
  readonly onGoodCheck: (host: CheckedHost) => void
  readonly onEvent: (host: CheckedHost, event: HealthEvent) => void
}

/**
 * Decides when each member of a cluster is checked, and what follows from the answers. `ready` resolves when every member it was first
 * given has had an answer. Main thread.
 */
export class HealthChecker {
  readonly ready: Promise<void>
  readonly #options: HealthCheckerOptions
  readonly #sessions = new Map<string, HealthSession>()
  readonly #awaited = new Set<string>()
  #announce: () => void = () => undefined
  #isReady = false

  constructor(options: HealthCheckerOptions) {
    this.#options = options
    this.ready = new Promise(resolve => {
      this.#announce = resolve
    })
  }

  /** Once: the first members. */
  begin(hosts: readonly CheckedHost[]): void {
    this.setHosts(hosts)
    for (const [key, session] of this.#sessions) if (session.isChecked) this.#awaited.add(key)
    this.#look()
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** These are the members now: those that stay keep their state, new ones begin unhealthy. */
  setHosts(hosts: readonly CheckedHost[]): void {
    const wanted = new Map(hosts.map(host => [hostKey(host), host]))
    for (const [key, session] of this.#sessions) {
      const host = wanted.get(key)
      if (host !== undefined && checkKey(host) === checkKey(session.host)) continue
      session.close()
      this.#sessions.delete(key)
      this.#settle(key)
    }
    for (const [key, host] of wanted) {
      const known = this.#sessions.get(key)
      if (known !== undefined) known.host = host
      else this.#sessions.set(key, this.#begin(key, host))
    }
  }

  /** Flags of a member; of one that is not known yet, those it begins with. */
  flagsOf(host: CheckedHost): number {
    const session = this.#sessions.get(hostKey(host))
    return session !== undefined && checkKey(session.host) === checkKey(host) ? session.flags : this.#firstFlags(host)
  }

  /** By its checks. */
  isHealthy(host: Pick<CheckedHost, 'ip' | 'port' | 'hostname'>): boolean {
    const session = this.#sessions.get(hostKey(host))
    return session !== undefined && (session.flags & hostFlag.failedActiveCheck) === 0
  }

  /** Its answer to a request said that it fails its checks. */
  failAtOnce(host: Pick<CheckedHost, 'ip' | 'port' | 'hostname'>): void {
    this.#sessions.get(hostKey(host))?.failAtOnce()
  }

  counts(): { readonly healthy: number; readonly degraded: number } {
    let healthy = 0
    let degraded = 0
    for (const { flags, isChecked } of this.#sessions.values()) {
      if (!isChecked) continue
      if ((flags & hostFlag.failedActiveCheck) === 0) healthy += 1
      if ((flags & hostFlag.degradedActiveCheck) !== 0) degraded += 1
    }
    return { healthy, degraded }
  }

  close(): void {
    for (const session of this.#sessions.values()) session.close()
    this.#sessions.clear()
    this.#awaited.clear()
    this.#look()
  }

  #firstFlags(host: CheckedHost): number {
    if (host.check?.isDisabled) return 0
    return hostFlag.failedActiveCheck | (this.#options.plan.ignoresNewHosts ? hostFlag.pendingActiveCheck : 0)
  }

  #begin(key: string, host: CheckedHost): HealthSession {
    const session = new HealthSession(this.#options, host, this.#firstFlags(host), () => this.#settle(key))
    session.begin()
    return session
  }

  #settle(key: string): void {
    if (this.#awaited.delete(key)) this.#look()
  }

  #look(): void {
    if (this.#awaited.size > 0 || this.#isReady) return
    this.#isReady = true
    this.#announce()
  }
}
