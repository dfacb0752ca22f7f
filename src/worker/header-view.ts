import type { Headers } from '../api/headers.js'
import type { StreamAddon } from './script-addon.js'

// A filter uses few names; one that makes names up as it goes must not fill the table.
const maxNames = 1024

/** Numbers of header names in a worker: a number crosses to native code faster than a text. */
export class HeaderNames {
  readonly addon: StreamAddon
  readonly #numbers = new Map<string, number>()

  constructor(addon: StreamAddon) {
    this.addon = addon
  }

  of(name: string): string | number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    if (this.#numbers.size >= maxNames || typeof name !== 'string') return name
    const number = this.addon.headerName(name)
    this.#numbers.set(name, number)
    return number
  }
}

/** One header map of one stream. Holds a number, never a pointer: after the stream is over every call throws. */
export class HeaderView implements Headers {
  readonly #names: HeaderNames
  readonly #handle: number
  readonly #part: number

  constructor(names: HeaderNames, handle: number, part: number) {
    this.#names = names
    this.#handle = handle
    this.#part = part
  }

  get(name: string): string | undefined {
    const names = this.#names
    return names.addon.headerGet(this.#handle, this.#part, names.of(name))
  }

  getAll(name: string): string[] {
    const names = this.#names
    return names.addon.headerGetAll(this.#handle, this.#part, names.of(name))
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  set(name: string, value: string): void {
    const names = this.#names
    names.addon.headerSet(this.#handle, this.#part, names.of(name), value)
  }

  append(name: string, value: string): void {
    const names = this.#names
    names.addon.headerAppend(this.#handle, this.#part, names.of(name), value)
  }

  delete(name: string): void {
    const names = this.#names
    names.addon.headerDelete(this.#handle, this.#part, names.of(name))
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    const flat = this.#names.addon.headerEntries(this.#handle, this.#part)
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string]
  }
}
