import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from '../support/clock.js'

/** How long nothing may have come before the heap is looked at. */
const quietMs = 1000
/** Growth that is worth the time. */
const worthBytes = 32 * 1024 * 1024
/** A collection frees objects; pages go back with the next ones, when what is left has been moved together. */
const maxRounds = 4

export interface HeapTrimOptions {
  readonly clock: Clock
  /** Bytes that the heap of this thread takes. */
  readonly size?: () => number
  /** One full collection. */
  readonly collect?: () => void
}

/**
 * Gives memory back after a large update. A thread that waits allocates nothing, so that V8 sees no cause to collect, and a configuration of
 * thousands of clusters would leave twice the memory behind that it needs. Nobody waits for the configuration thread when it is quiet.
 */
export class HeapTrim {
  readonly #clock: Clock
  readonly #size: () => number
  readonly #collect: () => void
  #kept: number
  #cancel: () => void = () => undefined

  constructor({
    clock,
    size = () => getHeapStatistics().total_heap_size,
    collect = fullCollection(),
  }: HeapTrimOptions) {
    this.#clock = clock
    this.#size = size
    this.#collect = collect
    this.#kept = size()
  }

  /** Something came: not now. */
  touch(): void {
    this.#cancel()
    this.#cancel = this.#clock.after(quietMs, () => this.#trim(maxRounds))
  }

  close(): void {
    this.#cancel()
  }

  #trim(rounds: number): void {
    const before = this.#size()
    if (rounds === 0 || (rounds === maxRounds && before - this.#kept < worthBytes)) {
      this.#kept = Math.min(this.#kept, before)
      return
    }
    this.#collect()
    this.#kept = this.#size()
    // Between two rounds what came meanwhile has its turn, and puts the rest off.
    this.#cancel = this.#clock.after(1, () => this.#trim(rounds - 1))
  }
}

/** V8 offers its collector to contexts that are made while the flag is set. */
function fullCollection(): () => void {
  let collect: (() => void) | undefined
  return () => {
    if (collect === undefined) {
      setFlagsFromString('--expose-gc')
      collect = runInNewContext('gc') as () => void
      setFlagsFromString('--no-expose-gc')
    }
    collect()
  }
}
