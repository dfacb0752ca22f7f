import type { ConfigDelta, ConfigUnit, DeltaAnswer } from '../../snapshot/config-delta.js'

/** How a unit fared: undefined when it is in use. */
export type Verdict = string | undefined

/** As many units travel together at most: main goes through them in one turn of its loop. */
const mostUnits = 200

type Runtime = NonNullable<ConfigDelta['runtime']>

export interface OutboxOptions {
  readonly send: (delta: ConfigDelta) => void
  /** Calls back when what happens now is over, so that changes of one response travel together. */
  readonly later?: (callback: () => void) => void
}

/** What is to go to main. One delta is under way at a time; changes that come meanwhile are folded into the next. */
export class Outbox {
  readonly #send: OutboxOptions['send']
  readonly #later: NonNullable<OutboxOptions['later']>
  readonly #units = new Map<string, { unit: ConfigUnit; settle: ((verdict: Verdict) => void)[] }>()
  readonly #removed = new Map<string, (() => void)[]>()
  readonly #trials = new Map<string, { unit: ConfigUnit; settle: ((verdict: Verdict) => void)[] }>()
  #runtime: { readonly layers: Runtime; readonly settle: readonly (() => void)[] } | undefined
  #underWay: { settle(answer: DeltaAnswer): void } | undefined
  #number = 0
  #isScheduled = false
  #isClosed = false
  readonly #idle: (() => void)[] = []

  constructor({ send, later = callback => void setImmediate(callback) }: OutboxOptions) {
    this.#send = send
    this.#later = later
  }

  /** Resolves with why it could not take effect. One that another takes the place of before it was sent shares that one's fate. */
  put(unit: ConfigUnit): Promise<Verdict> {
    return new Promise(resolve => {
      const before = this.#units.get(unit.key)?.settle ?? []
      for (const settle of this.#removed.get(unit.key) ?? []) settle()
      this.#removed.delete(unit.key)
      // Last come, last sent: what a unit relies on was put before it.
      this.#units.delete(unit.key)
      this.#units.set(unit.key, { unit, settle: [...before, resolve] })
      this.#schedule()
    })
  }

  /** Could it listen, or connect? Resolves with why not. */
  tryOut(unit: ConfigUnit): Promise<Verdict> {
    return new Promise(resolve => {
      const before = this.#trials.get(unit.key)?.settle ?? []
      this.#trials.set(unit.key, { unit, settle: [...before, resolve] })
      this.#schedule()
    })
  }

  remove(key: string): Promise<void> {
    return new Promise(resolve => {
      for (const settle of this.#units.get(key)?.settle ?? []) settle(undefined)
      this.#units.delete(key)
      this.#removed.set(key, [...(this.#removed.get(key) ?? []), resolve])
      this.#schedule()
    })
  }

  /** Resolves when main has it. */
  runtime(layers: Runtime): Promise<void> {
    return new Promise(resolve => {
      this.#runtime = { layers, settle: [...(this.#runtime?.settle ?? []), resolve] }
      this.#schedule()
    })
  }

  /** Resolves when nothing is under way or waiting. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  answered(answer: DeltaAnswer): void {
    if (answer.number !== this.#number) return
    const underWay = this.#underWay
    this.#underWay = undefined
    underWay?.settle(answer)
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
  }

  get #isEmpty(): boolean {
    return this.#units.size === 0 && this.#removed.size === 0 && this.#trials.size === 0 && this.#runtime === undefined
  }

  get #isIdle(): boolean {
    return this.#underWay === undefined && this.#isEmpty
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    this.#later(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#isClosed || this.#underWay !== undefined) return
    if (this.#isEmpty) {
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    const [units, removed, runtime] = [firstOf(this.#units), firstOf(this.#removed), this.#runtime]
    const trials = firstOf(this.#trials)
    this.#runtime = undefined
    this.#underWay = {
      settle: answer => {
        const refused = new Map(answer.refused.map(({ key, message }) => [key, message]))
        for (const [key, { settle }] of units) for (const resolve of settle) resolve(refused.get(key))
        for (const settle of removed.values()) for (const resolve of settle) resolve()
        for (const resolve of runtime?.settle ?? []) resolve()
        const failed = new Map(answer.failed?.map(({ key, message }) => [key, message]))
        for (const [key, { settle }] of trials) for (const resolve of settle) resolve(failed.get(key))
      },
    }
    this.#number += 1
    this.#send({
      number: this.#number,
      units: [...units.values()].map(({ unit }) => unit),
      removed: [...removed.keys()],
      ...(trials.size > 0 && { trials: [...trials.values()].map(({ unit }) => unit) }),
      ...(runtime && { runtime: runtime.layers }),
    })
  }
}

/** Takes the first entries out. */
function firstOf<T>(map: Map<string, T>): Map<string, T> {
  const first = new Map<string, T>()
  for (const [key, value] of map) {
    if (first.size === mostUnits) break
    first.set(key, value)
    map.delete(key)
  }
  return first
}
