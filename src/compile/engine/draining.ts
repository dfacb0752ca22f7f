import type { Clock } from '../../support/clock.js'
import type { Version } from './collection.js'
import type { StoredResource } from './stored.js'

/** As many are remembered at most. */
const mostVersions = 1000

interface Drained {
  readonly version: Version
  readonly stored: StoredResource | undefined
  cancel(): void
}

/**
 * Listeners that were replaced or removed and still go on for the drain time: their connections are served with the route tables and
 * secrets they refer to until then. /config_dump shows those of management servers.
 */
export class Draining {
  readonly #drainMs: number
  readonly #clock: Clock
  readonly #drained = new Set<Drained>()

  constructor(drainMs: number, clock: Clock) {
    this.#drainMs = drainMs
    this.#clock = clock
  }

  retired(version: Version, next: Version | undefined): void {
    // With other filter chains alone the listener itself goes on.
    const isShown = !version.isStatic && (next === undefined || next.shape !== version.shape)
    const drained: Drained = {
      version,
      stored: isShown ? version.stored : undefined,
      cancel: this.#clock.after(this.#drainMs, () => this.#end(drained)),
    }
    this.#drained.add(drained)
    const [oldest] = this.#drained
    if (oldest !== undefined && this.#drained.size > mostVersions) this.#end(oldest)
  }

  /** By name: as Envoy shows it, the last one of a name. */
  get versions(): ReadonlyMap<string, StoredResource> {
    return new Map([...this.#drained].flatMap(({ stored }) => (stored === undefined ? [] : [[stored.name, stored]])))
  }

  close(): void {
    for (const { cancel } of this.#drained) cancel()
    this.#drained.clear()
  }

  #end(drained: Drained): void {
    drained.cancel()
    this.#drained.delete(drained)
    drained.version.requirements.release()
  }
}
