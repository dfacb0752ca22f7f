import { hookNames } from '../threads/hook-names.js'
import type { Clock } from '../support/clock.js'

export interface ScriptWatchdogOptions {
  /** Three numbers for each worker: calls (odd while a hook runs), slot of the program, stage. */
  readonly activity: () => readonly number[]
  readonly clock: Clock
  /** How long a hook may run. */
  readonly limitMs: number
  /** Worker `index` has been in one hook for longer: its slot and name. */
  readonly onHung: (index: number, slot: number, hook: string) => void
}

/** Notices a worker that does not come back from a hook of a filter in TypeScript. Main thread. */
export class ScriptWatchdog {
  readonly #options: ScriptWatchdogOptions
  readonly #seen = new Map<number, { readonly calls: number; readonly since: number }>()
  #cancel: (() => void) | undefined

  constructor(options: ScriptWatchdogOptions) {
    this.#options = options
  }

  /** There are filters to watch, or none. */
  watch(on: boolean): void {
    if (!on) this.close()
    else if (this.#cancel === undefined) this.#schedule()
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#seen.clear()
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.after(this.#options.limitMs / 4, () => {
      this.#look()
      this.#schedule()
    })
  }

  #look(): void {
    const { activity, clock, limitMs, onHung } = this.#options
    const numbers = activity()
    const now = clock.now()
    for (let index = 0; index * 3 < numbers.length; ++index) {
      const [calls = 0, slot = 0, stage = 0] = numbers.slice(index * 3, index * 3 + 3)
      const before = this.#seen.get(index)
      if (calls % 2 === 0 || before?.calls !== calls) {
        this.#seen.set(index, { calls, since: now })
        continue
      }
      if (now - before.since < limitMs) continue
      this.#seen.set(index, { calls, since: Number.POSITIVE_INFINITY })
      onHung(index, slot, hookNames[stage] ?? 'a hook')
    }
  }
}
