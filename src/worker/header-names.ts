import type { StreamAddon } from './script-addon.js'

// A filter uses few names; one that makes names up as it goes must not fill the table.
const maxNames = 1024

/** A header's name as native code knows it, and where the frame (head-frame.ts) has its value. */
export class HeaderName {
  /** A number crosses to native code faster than a text. */
  readonly number: number
  /** The stream whose value `at` tells. */
  epoch = -1
  /** Which of the frame's values it is. */
  at = 0

  constructor(number: number) {
    this.number = number
  }
}

/** The header names that filters of a worker have used. */
export class HeaderNames {
  readonly addon: StreamAddon
  readonly #byName = new Map<string, HeaderName>()
  readonly #byNumber = new Map<number, HeaderName>()

  constructor(addon: StreamAddon) {
    this.addon = addon
  }

  /** Undefined for what has no number. Throws a TypeError for what is no name. */
  find(name: string): HeaderName | undefined {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    if (this.#byName.size >= maxNames || typeof name !== 'string') return undefined
    const number = this.addon.headerName(name)
    if (number === undefined) return undefined
    // Spellings of a name have one number, and one entry.
    const entry = this.#byNumber.get(number) ?? new HeaderName(number)
    this.#byNumber.set(number, entry)
    this.#byName.set(name, entry)
    return entry
  }

  of(name: string): string | number {
    return this.find(name)?.number ?? name
  }

  forgetValues(): void {
    for (const entry of this.#byNumber.values()) entry.epoch = -1
  }
}
