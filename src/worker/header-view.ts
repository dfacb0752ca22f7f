import type { Headers } from '../api/headers.js'
import type { HeadFrame } from './head-frame.js'

/** One header map of one stream. Holds a number, never a pointer: after the stream is over every call throws. */
export class HeaderView implements Headers {
  readonly #frame: HeadFrame
  readonly #handle: number
  readonly #part: number

  constructor(frame: HeadFrame, handle: number, part: number) {
    this.#frame = frame
    this.#handle = handle
    this.#part = part
  }

  get(name: string): string | undefined {
    const frame = this.#frame
    if (frame.live === this.#handle && frame.part === this.#part) return frame.get(name)
    return frame.names.addon.headerGet(this.#handle, this.#part, frame.names.of(name))
  }

  getAll(name: string): string[] {
    const { names } = this.#frame
    return names.addon.headerGetAll(this.#handle, this.#part, names.of(name))
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  set(name: string, value: string): void {
    const frame = this.#frame
    if (frame.live === this.#handle && frame.part === this.#part) frame.set(name, value)
    else frame.names.addon.headerSet(this.#handle, this.#part, frame.names.of(name), value)
  }

  append(name: string, value: string): void {
    const frame = this.#frame
    if (frame.live === this.#handle && frame.part === this.#part) frame.append(name, value)
    else frame.names.addon.headerAppend(this.#handle, this.#part, frame.names.of(name), value)
  }

  delete(name: string): void {
    const frame = this.#frame
    if (frame.live === this.#handle && frame.part === this.#part) frame.delete(name)
    else frame.names.addon.headerDelete(this.#handle, this.#part, frame.names.of(name))
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    const flat = this.#frame.names.addon.headerEntries(this.#handle, this.#part)
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string]
  }
}
