/** How long messages are dealt with without a break. */
const sliceMs = 8

/**
 * Messages in the order in which they came, dealt with so that the rest of the thread has its turn in between. One that comes alone is dealt
 * with at once.
 */
export class Inbox<Message> {
  /** The answer: what is left to do of it, step by step. */
  readonly #take: (message: Message) => Iterable<void> | undefined | void
  readonly #sliceMs: number
  #waiting: Message[] = []
  #steps: Iterator<void> | undefined
  #isBusy = false

  constructor(take: (message: Message) => Iterable<void> | undefined | void, slice = sliceMs) {
    this.#take = take
    this.#sliceMs = slice
  }

  put(message: Message): void {
    this.#waiting.push(message)
    if (this.#isBusy) return
    this.#isBusy = true
    this.#work()
  }

  #work(): void {
    const until = performance.now() + this.#sliceMs
    while (this.#step()) {
      if (performance.now() < until) continue
      setImmediate(() => this.#work())
      return
    }
    this.#isBusy = false
  }

  /** False: nothing is left. */
  #step(): boolean {
    if (this.#steps !== undefined) {
      if (this.#steps.next().done === true) this.#steps = undefined
      return true
    }
    const message = this.#waiting.shift()
    if (message === undefined) return false
    this.#steps = this.#take(message)?.[Symbol.iterator]()
    return true
  }
}
