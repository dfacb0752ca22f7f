import type { Reference } from '../../plan/reference.js'

/** Something that a reference asks for, shared by all who refer to it the same way. */
export interface Needed {
  /** It is there, or will not come. */
  readonly isSettled: boolean
}

/** Something that is needed, held on to until it is let go. */
export interface Hold<N extends Needed> {
  readonly needed: N
  release(): void
}

export interface Supplier<N extends Needed> {
  acquire(reference: Reference, onSettled: () => void): Hold<N>
}

/** What one version of a thing needs from elsewhere before it may take effect. It holds on to it until it is let go. */
export class Requirements {
  readonly #references: readonly Reference[]
  readonly #holds: readonly Hold<Needed>[]
  readonly #onReady: () => void
  #isStarted = false
  #isReady = false
  #isReleased = false

  /** `onReady` is called once, by `start` when nothing is missing. */
  constructor(references: readonly Reference[], supplier: Supplier<Needed>, onReady: () => void) {
    this.#onReady = onReady
    this.#references = references
    const look = (): void => this.#look()
    this.#holds = references.length === 0 ? none : references.map(reference => supplier.acquire(reference, look))
  }

  /** To be called when the owner is ready to hear. */
  start(): void {
    this.#isStarted = true
    this.#look()
  }

  get isReady(): boolean {
    return this.#references.every((_, at) => !this.#isMissing(at))
  }

  /** What is still waited for. */
  get missing(): readonly Reference[] {
    return this.#references.filter((_, at) => this.#isMissing(at))
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    for (const hold of this.#holds) hold.release()
  }

  #isMissing(at: number): boolean {
    return this.#references[at]?.isRequired === true && this.#holds[at]?.needed.isSettled === false
  }

  #look(): void {
    if (!this.#isStarted || this.#isReady || this.#isReleased || !this.isReady) return
    this.#isReady = true
    this.#onReady()
  }
}

const none: readonly never[] = []
