/** Delays between attempts: the limit doubles with each, the delay is any time below the limit. */
export class BackOff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #nextMs: number

  constructor(baseMs: number, maxMs: number, random: () => number) {
    this.#baseMs = Math.max(1, baseMs)
    this.#maxMs = Math.max(this.#baseMs, maxMs)
    this.#random = random
    this.#nextMs = this.#baseMs
  }

  next(): number {
    const limit = this.#nextMs
    this.#nextMs = Math.min(limit * 2, this.#maxMs)
    return Math.floor(this.#random() * limit)
  }

  reset(): void {
    this.#nextMs = this.#baseMs
  }
}
