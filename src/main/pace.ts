/** Runs many short pieces of work one after the other, and lets the rest of the thread have its turn in between. */
export class Pace {
  readonly #waiting: (() => void)[] = []
  readonly #sliceMs: number
  #isRunning = false

  /** `sliceMs`: how long pieces run without a break. */
  constructor(sliceMs = 5) {
    this.#sliceMs = sliceMs
  }

  run(piece: () => void): void {
    this.#waiting.push(piece)
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(() => this.#turn())
  }

  close(): void {
    this.#waiting.length = 0
  }

  #turn(): void {
    const until = performance.now() + this.#sliceMs
    let done = 0
    for (const piece of this.#waiting) {
      piece()
      done += 1
      if (performance.now() >= until) break
    }
    this.#waiting.splice(0, done)
    this.#isRunning = this.#waiting.length > 0
    if (this.#isRunning) setImmediate(() => this.#turn())
  }
}
