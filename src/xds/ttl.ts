import type { Clock } from '../support/clock.js'

/** When resources end unless they are sent again. One timer, for the earliest. */
export class TimesToLive {
  readonly #clock: Clock
  readonly #onExpired: (names: readonly string[]) => void
  readonly #ends = new Map<string, number>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, onExpired: (names: readonly string[]) => void) {
    this.#clock = clock
    this.#onExpired = onExpired
  }

  /** Without `ttlMs` it lives on. Takes effect with the next `arm`. */
  set(name: string, ttlMs: number | undefined): void {
    if (ttlMs === undefined) this.#ends.delete(name)
    else this.#ends.set(name, this.#clock.now() + ttlMs)
  }

  arm(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#ends.size === 0) return
    let earliest = Number.POSITIVE_INFINITY
    for (const end of this.#ends.values()) earliest = Math.min(earliest, end)
    this.#cancel = this.#clock.after(Math.max(0, Math.ceil(earliest - this.#clock.now())), () => this.#expire())
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#ends.clear()
  }

  #expire(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    const expired = [...this.#ends].flatMap(([name, end]) => (end <= now ? [name] : []))
    for (const name of expired) this.#ends.delete(name)
    this.arm()
    if (expired.length > 0) this.#onExpired(expired)
  }
}
