/** Tokens whose signature was good, the last that were seen. */
export class AcceptedTokens {
  readonly #max: number
  readonly #texts = new Set<string>()

  /** 0: none are kept in mind. */
  constructor(max: number) {
    this.#max = max
  }

  has(text: string): boolean {
    if (!this.#texts.delete(text)) return false
    this.#texts.add(text)
    return true
  }

  add(text: string): void {
    if (this.#max === 0) return
    const oldest = this.#texts.size >= this.#max ? this.#texts.values().next().value : undefined
    if (oldest !== undefined) this.#texts.delete(oldest)
    this.#texts.add(text)
  }

  /** Other keys: nothing of it counts any more. */
  clear(): void {
    this.#texts.clear()
  }
}
