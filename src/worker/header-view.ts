import type { Headers } from '../api/headers.js'
import type { StreamParts } from './stream-parts.js'

/** One header map of one stream. Holds a number, never a pointer: after the stream is over every call throws. */
export class HeaderView implements Headers {
  readonly #parts: StreamParts
  readonly #handle: number
  readonly #part: number

  constructor(parts: StreamParts, handle: number, part: number) {
    this.#parts = parts
    this.#handle = handle
    this.#part = part
  }

  get(name: string): string | undefined {
    const { frame, names } = this.#parts
    if (frame.live === this.#handle && frame.part === this.#part) return frame.get(name)
    return names.addon.headerGet(this.#handle, this.#part, names.of(name))
  }

  getAll(name: string): string[] {
    const { names } = this.#parts
    return names.addon.headerGetAll(this.#handle, this.#part, names.of(name))
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  set(name: string, value: string): void {
    const { frame, names } = this.#parts
    if (frame.live === this.#handle && frame.part === this.#part) frame.set(name, value)
    else names.addon.headerSet(this.#handle, this.#part, names.of(name), value)
  }

  append(name: string, value: string): void {
    const { frame, names } = this.#parts
    if (frame.live === this.#handle && frame.part === this.#part) frame.append(name, value)
    else names.addon.headerAppend(this.#handle, this.#part, names.of(name), value)
  }

  delete(name: string): void {
    const { frame, names } = this.#parts
    if (frame.live === this.#handle && frame.part === this.#part) frame.delete(name)
    else names.addon.headerDelete(this.#handle, this.#part, names.of(name))
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    const flat = this.#parts.names.addon.headerEntries(this.#handle, this.#part)
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string]
  }
}
