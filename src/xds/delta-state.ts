import { sorted } from './mux.js'

export const wildcard = '*'

/** What a request says of names. */
export interface NamesToSay {
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  readonly initialVersions: Readonly<Record<string, string>>
}

/**
 * What one type's subscription in the delta dialect asks for, and which versions it has of it. A resource is `requested` by its name, known
 * by `wildcard`, or `ambiguous`: no longer asked for by name, and perhaps part of the wildcard.
 */
export class DeltaState {
  /** undefined: asked for, not here yet. */
  readonly #requested = new Map<string, string | undefined>()
  readonly #wildcard = new Map<string, string>()
  readonly #ambiguous = new Map<string, string>()
  #added = new Set<string>()
  #removed = new Set<string>()
  /** Nothing was ever asked for by name: the first request of a stream names nothing, which means everything. */
  #isPlainWildcard = true
  #isFirstOnStream = true

  newStream(): void {
    this.#isFirstOnStream = true
  }

  /** Names that nobody asked for before, and names that nobody asks for any more. */
  change(added: Iterable<string>, removed: Iterable<string>): void {
    for (const name of added) this.#add(name)
    for (const name of removed) this.#remove(name)
  }

  hasSomethingToSay(): boolean {
    if (this.#added.size > 0 || this.#removed.size > 0) return true
    return this.#isFirstOnStream && (this.#requested.size > 0 || this.#isPlainWildcard)
  }

  /** For the next request; from now on it counts as said. */
  take(): NamesToSay {
    const initialVersions: Record<string, string> = {}
    if (this.#isFirstOnStream) {
      this.#isFirstOnStream = false
      const isPlain = this.#asksForAllPlainly()
      for (const [name, version] of this.#requested) {
        if (version !== undefined) initialVersions[name] = version
        this.#added.add(name)
      }
      for (const [name, version] of [...this.#wildcard, ...this.#ambiguous]) initialVersions[name] = version
      if (isPlain) this.#added.clear()
      this.#removed.clear()
    }
    const said = { subscribe: sorted(this.#added), unsubscribe: sorted(this.#removed), initialVersions }
    this.#added = new Set()
    this.#removed = new Set()
    return said
  }

  /** Whether the server says nothing but that a resource is still as we have it. */
  hasVersion(name: string, version: string): boolean {
    if (this.#requested.has(name)) return this.#requested.get(name) === version
    return (this.#wildcard.get(name) ?? this.#ambiguous.get(name)) === version
  }

  /** Whether it is remembered at all: something that was not asked for is not. */
  arrived(name: string, version: string): boolean {
    if (this.#requested.has(name)) {
      this.#requested.set(name, version)
      return true
    }
    if (!this.#requested.has(wildcard)) return false
    this.#wildcard.set(name, version)
    this.#ambiguous.delete(name)
    return true
  }

  /** Gone at the server, or its time is up. */
  gone(name: string): void {
    if (this.#requested.has(name)) this.#requested.set(name, undefined)
    else if (!this.#ambiguous.delete(name)) this.#wildcard.delete(name)
  }

  #add(name: string): void {
    if (name !== wildcard) this.#isPlainWildcard = false
    this.#requested.set(name, this.#wildcard.get(name) ?? this.#ambiguous.get(name))
    this.#wildcard.delete(name)
    this.#ambiguous.delete(name)
    // Who asks again after not asking needs to be sent it again.
    this.#removed.delete(name)
    this.#added.add(name)
  }

  #remove(name: string): void {
    const wasRequested = this.#requested.has(name)
    const version = this.#requested.get(name)
    if (this.#requested.has(wildcard) && version !== undefined) this.#ambiguous.set(name, version)
    this.#requested.delete(name)
    this.#added.delete(name)
    if (wasRequested) {
      this.#removed.add(name)
      this.#isPlainWildcard = false
    }
    if (name !== wildcard) return
    this.#wildcard.clear()
    this.#ambiguous.clear()
  }

  #asksForAllPlainly(): boolean {
    if (this.#isPlainWildcard) {
      this.#requested.set(wildcard, undefined)
      return true
    }
    if (this.#added.size > 0 || this.#removed.size > 0) return false
    return this.#requested.size === 1 && this.#requested.has(wildcard)
  }
}
