import type { Version } from './collection.js'
import type { StoredResource } from './stored.js'

/** As many are remembered at most. */
const mostVersions = 1000

/** Listeners of management servers that were replaced or removed and still go on for the drain time, for /config_dump. */
export class Draining {
  readonly #drainMs: number
  readonly #time: () => number
  /** By name: as Envoy shows it, the last one of a name. */
  readonly #versions = new Map<string, { readonly stored: StoredResource; readonly until: number }>()

  /** `time`: Unix milliseconds. */
  constructor(drainMs: number, time: () => number) {
    this.#drainMs = drainMs
    this.#time = time
  }

  retired({ name, stored, shape, isStatic }: Version, next: Version | undefined): void {
    this.#forget()
    // With other filter chains alone the listener itself goes on.
    if (isStatic || (next !== undefined && next.shape === shape)) return
    this.#versions.delete(name)
    this.#versions.set(name, { stored, until: this.#time() + this.#drainMs })
    const [oldest = ''] = this.#versions.keys()
    if (this.#versions.size > mostVersions) this.#versions.delete(oldest)
  }

  get versions(): ReadonlyMap<string, StoredResource> {
    this.#forget()
    return new Map([...this.#versions].map(([name, { stored }]) => [name, stored]))
  }

  // Oldest first.
  #forget(): void {
    const now = this.#time()
    for (const [name, { until }] of this.#versions) {
      if (until > now) return
      this.#versions.delete(name)
    }
  }
}
