import type { Reference } from '../../plan/reference.js'

/** Something that a reference asks for, shared by all who refer to it the same way. */
export interface Needed {
  /** It is there, or will not come. */
  readonly isSettled: boolean
}

export interface Supplier<N extends Needed> {
  acquire(reference: Reference, onSettled: () => void): { readonly needed: N; release(): void }
}

/** What one version of a thing needs from elsewhere before it may take effect. It holds on to it until it is let go. */
export class Requirements {
  readonly #held: { readonly reference: Reference; readonly needed: Needed; release(): void }[] = []
  readonly #onReady: () => void
  #isReady = false
  #isReleased = false

  /** `onReady` is called once, at once when nothing is missing. */
  constructor(references: readonly Reference[], supplier: Supplier<Needed>, onReady: () => void) {
    this.#onReady = onReady
    for (const reference of references) {
      const held = supplier.acquire(reference, () => this.#look())
      this.#held.push({ ...held, reference })
    }
  }

  /** To be called when the owner is ready to hear. */
  start(): void {
    this.#look()
  }

  get isReady(): boolean {
    return this.missing.length === 0
  }

  /** What is still waited for. */
  get missing(): readonly Reference[] {
    return this.#held.flatMap(({ reference, needed }) => (reference.isRequired && !needed.isSettled ? [reference] : []))
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    for (const held of this.#held) held.release()
  }

  #look(): void {
    if (this.#isReady || this.#isReleased || !this.isReady) return
    this.#isReady = true
    this.#onReady()
  }
}
