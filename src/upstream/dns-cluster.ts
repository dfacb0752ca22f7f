import type { Clock } from '../support/clock.js'
import type { DnsAnswer, DnsLookup } from './dns-lookup.js'
import type { DnsPlan, DnsTarget } from '../plan/dns-plan.js'
import { encodeEndpoints, type HostValue, type LocalityValue } from './plan-encoder.js'

/** What happened, for `cluster.<name>.update_*`. */
export type DnsEvent = 'update_attempt' | 'update_success' | 'update_failure' | 'update_no_rebuild'

export interface DnsClusterOptions {
  readonly plan: DnsPlan
  readonly lookup: DnsLookup
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
  /** The members changed, or are known for the first time: bytes of an Endpoints plan. */
  readonly onEndpoints: (bytes: Uint8Array, localities: readonly LocalityValue[]) => void
  readonly onEvent: (event: DnsEvent) => void
}

/** One name of the configuration and what DNS last said about it. */
interface Resolution {
  readonly target: DnsTarget
  readonly locality: number
  addresses: readonly string[]
  isAnswered: boolean
  failures: number
  cancelTimer: () => void
}

/**
 * The members of a STRICT_DNS or LOGICAL_DNS cluster. Each name is resolved by itself and again when its time has come; a failure keeps
 * what was known. `ready` resolves when every name had its first answer, good or bad. Main thread.
 */
export class DnsCluster {
  readonly ready: Promise<void>
  readonly #options: DnsClusterOptions
  readonly #resolutions: readonly Resolution[]
  #announce: () => void = () => {}
  #last = ''
  #isClosed = false

  constructor(options: DnsClusterOptions) {
    this.#options = options
    this.#resolutions = options.plan.localities.flatMap((locality, index) =>
      locality.targets.map(target => ({
        target,
        locality: index,
        addresses: [],
        isAnswered: false,
        failures: 0,
        cancelTimer: () => {},
      })),
    )
    this.ready = new Promise(resolve => {
      this.#announce = resolve
    })
    for (const resolution of this.#resolutions) void this.#resolve(resolution)
    if (this.#resolutions.length === 0) queueMicrotask(() => this.#publish())
  }

  close(): void {
    this.#isClosed = true
    for (const resolution of this.#resolutions) resolution.cancelTimer()
  }

  async #resolve(resolution: Resolution): Promise<void> {
    this.#options.onEvent('update_attempt')
    const answer = await this.#options.lookup(resolution.target.host)
    if (this.#isClosed) return
    this.#options.onEvent(answer.ok ? 'update_success' : 'update_failure')
    resolution.failures = answer.ok ? 0 : resolution.failures + 1
    if (answer.ok) resolution.addresses = this.#membersOf(answer.addresses, resolution.addresses)
    resolution.isAnswered = true
    this.#publish()
    resolution.cancelTimer = this.#options.clock.after(
      this.#delay(answer, resolution.failures),
      () => void this.#resolve(resolution),
    )
  }

  // STRICT_DNS: a set, so the order of the answer, which servers rotate, is no change. LOGICAL_DNS: the first address is the member, and an
  // empty answer leaves the old one.
  #membersOf(addresses: readonly string[], before: readonly string[]): readonly string[] {
    if (this.#options.plan.kind === 'logical') return addresses.length === 0 ? before : addresses
    return [...new Set(addresses)].sort()
  }

  #delay(answer: DnsAnswer, failures: number): number {
    const { plan, random } = this.#options
    if (!answer.ok) {
      if (plan.failureBaseMs === undefined) return plan.refreshMs
      const max = plan.failureMaxMs ?? 10 * plan.failureBaseMs
      return Math.max(1, Math.floor(random() * Math.min(max, plan.failureBaseMs * 2 ** Math.min(failures - 1, 30))))
    }
    const hasTtl = plan.respectTtl && answer.addresses.length > 0 && answer.ttlMs > 0
    const jitter = plan.jitterMs > 0 ? Math.floor(random() * plan.jitterMs) : 0
    return (hasTtl ? Math.max(answer.ttlMs, plan.minRefreshMs) : plan.refreshMs) + jitter
  }

  #publish(): void {
    const { plan } = this.#options
    const isWarm = this.#resolutions.every(resolution => resolution.isAnswered)
    if (!isWarm) return
    const localities = plan.localities.map((locality, index) => ({ ...locality, hosts: this.#hosts(index) }))
    const { overprovisioningFactor, dropOverloadPpm } = plan
    const bytes = encodeEndpoints({ localities, overprovisioningFactor, dropOverloadPpm, warm: true })
    const key = Buffer.from(bytes).toString('latin1')
    if (key === this.#last) {
      this.#options.onEvent('update_no_rebuild')
      return
    }
    const isFirst = this.#last === ''
    this.#last = key
    this.#options.onEndpoints(bytes, localities)
    if (isFirst) this.#announce()
  }

  // An address that two names of a locality share counts once, as in Envoy.
  #hosts(index: number): HostValue[] {
    const seen = new Set<string>()
    const hosts = this.#resolutions
      .filter(resolution => resolution.locality === index)
      .flatMap(resolution => this.#hostsOf(resolution))
    return hosts.filter(({ ip, port }) => !seen.has(`${ip} ${port}`) && seen.add(`${ip} ${port}`))
  }

  #hostsOf({ target, addresses }: Resolution): HostValue[] {
    const [first, ...rest] = addresses
    const host = { ...target, hostname: target.hostname === '' ? target.host : target.hostname }
    if (this.#options.plan.kind === 'strict') return addresses.map(ip => ({ ...host, ip, moreIps: [] }))
    return first === undefined ? [] : [{ ...host, ip: first, moreIps: rest }]
  }
}
