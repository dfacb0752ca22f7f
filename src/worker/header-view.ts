import type { Headers } from '../api/headers.js'
import type { ScriptAddon } from './script-addon.js'

/** One header map of one stream. Holds a number, never a pointer: after the stream is over every call throws. */
export class HeaderView implements Headers {
  readonly #addon: ScriptAddon
  readonly #handle: number
  readonly #part: number

  constructor(addon: ScriptAddon, handle: number, part: number) {
    this.#addon = addon
    this.#handle = handle
    this.#part = part
  }

  get(name: string): string | undefined {
    return this.#addon.headerGet(this.#handle, this.#part, name)
  }

  getAll(name: string): string[] {
    return this.#addon.headerGetAll(this.#handle, this.#part, name)
  }

  has(name: string): boolean {
    return this.#addon.headerGet(this.#handle, this.#part, name) !== undefined
  }

  set(name: string, value: string): void {
    this.#addon.headerSet(this.#handle, this.#part, name, value)
  }

  append(name: string, value: string): void {
    this.#addon.headerAppend(this.#handle, this.#part, name, value)
  }

  delete(name: string): void {
    this.#addon.headerDelete(this.#handle, this.#part, name)
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    const flat = this.#addon.headerEntries(this.#handle, this.#part)
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string]
  }
}
