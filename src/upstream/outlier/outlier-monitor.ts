/** How requests to a host ended since it is a member, or within one interval. */
export interface Outcomes {
  readonly total: number
  readonly good: number
}

const nothing: Outcomes = { total: 0, good: 0 }

/** What upstreams answered, and how we fared reaching them; the second only where the cluster tells them apart. */
export type Origin = 'external' | 'local'

/** Success rates in percent; -1: there were not enough requests in the last interval. */
export type Rates = Readonly<Record<Origin, number>>

export const noRates: Rates = { external: -1, local: -1 }

/** What outlier detection keeps of one member. Times are the clock's. */
export class OutlierMonitor {
  readonly id: number
  isEjected = false
  /** Since it is a member. */
  ejections = 0
  ejectedAt: number | undefined
  returnedAt: number | undefined
  /** So many times the base time it is ejected for; falls while it behaves. */
  backoff = 0
  jitterMs = 0
  rates: Rates = noRates
  readonly #before: Record<Origin, Outcomes> = { external: nothing, local: nothing }
  readonly #last: Record<Origin, Outcomes> = { external: nothing, local: nothing }

  constructor(id: number) {
    this.id = id
  }

  /** What was counted so far: an interval begins. */
  begin(origin: Origin, now: Outcomes): void {
    const before = this.#before[origin]
    this.#last[origin] = { total: now.total - before.total, good: now.good - before.good }
    this.#before[origin] = now
  }

  /** Of the interval that ended last. */
  last(origin: Origin): Outcomes {
    return this.#last[origin]
  }
}
