import type { Reference } from '../../plan/reference.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import type { Outbox, Verdict } from './outbox.js'
import { type Needed, Requirements, type Supplier } from './requirements.js'
import { type ErrorState, sameBytes, type StoredResource } from './stored.js'

/** A cluster or a listener, compiled. */
export interface CompiledThing {
  readonly name: string
  readonly unit: ConfigUnit
  readonly references: readonly Reference[]
  readonly stored: StoredResource
  /** Of the bootstrap: no management server changes or removes it. */
  readonly isStatic: boolean
}

/** Of a thing. There may be ten thousand, in use as long as nothing changes. */
export class Version implements Omit<CompiledThing, 'unit'> {
  readonly name: string
  readonly key: string
  /** Until it was sent. */
  unit: ConfigUnit | undefined
  readonly references: readonly Reference[]
  readonly stored: StoredResource
  readonly isStatic: boolean
  /** Of a listener: everything but its filter chains. */
  readonly shape: string | undefined
  readonly requirements: Requirements
  isReady = false

  constructor(
    { name, unit, references, isStatic }: CompiledThing,
    stored: StoredResource,
    supplier: Supplier<Needed>,
    onReady: (version: Version) => void,
  ) {
    this.name = name
    this.key = unit.key
    this.unit = unit
    this.references = references
    this.stored = stored
    this.isStatic = isStatic
    this.shape = unit.listeners[0]?.shape
    this.requirements = new Requirements(references, supplier, () => onReady(this))
  }
}

/** One name: the version in use, the one that waits to take its place, and the last that was refused. */
export interface Entry {
  readonly name: string
  active: Version | undefined
  warming: Version | undefined
  error: ErrorState | undefined
}

export type Change = 'added' | 'modified' | 'removed'

export interface CollectionOptions {
  readonly outbox: Outbox
  readonly supplier: Supplier<Needed>
  /** The name belongs to something of the bootstrap that is in use without waiting. */
  readonly reserved: (name: string) => boolean
  /** A version came in or went. */
  readonly onChange: (change: Change, name: string) => void
  /** A version that was in use is no more: another took its place, or none. Whoever is told lets go of what it needs. */
  readonly onRetired?: (version: Version, next: Version | undefined) => void
  readonly countsRefused?: boolean
  /** Numbers of entries may be others than before. */
  readonly onCounts: () => void
}

/**
 * All clusters, or all listeners, that wait for something or may change by themselves. A new version warms beside the old one, which serves
 * until the new one has all that it needs. While the collection is held, what is ready waits.
 */
export class Collection {
  readonly #options: CollectionOptions
  readonly #entries = new Map<string, Entry>()
  readonly #ready = new Set<Version>()
  /** What the last update had that was refused. */
  failures: readonly ErrorState[] = []
  #warming = 0
  /** Of those that wait: how many lack something. */
  #lacking = 0
  #isHeld = false
  #onSettled: (() => void)[] = []
  /** The last one that took effect, for who looks whether it did so at once. */
  #activated: { readonly version: Version; readonly verdict: Promise<Verdict> } | undefined

  constructor(options: CollectionOptions) {
    this.#options = options
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries
  }

  /** How many versions wait. */
  get warming(): number {
    return this.#warming
  }

  /** Nothing takes effect until `release`. */
  hold(): void {
    this.#isHeld = true
  }

  async release(): Promise<readonly { readonly name: string; readonly verdict: Verdict }[]> {
    this.#isHeld = false
    const ready = [...this.#ready]
    this.#ready.clear()
    return Promise.all(ready.map(async version => ({ name: version.name, verdict: await this.#activate(version) })))
  }

  /** Resolves when every version that came has what it needs, or does without. */
  settled(): Promise<void> {
    if (this.#isSettled) return Promise.resolve()
    return new Promise(resolve => this.#onSettled.push(resolve))
  }

  /** Is it as it was, or not to be changed by whom it comes from? Then nothing is to be done. */
  isKnown(stored: Pick<StoredResource, 'name' | 'bytes'>, isStatic: boolean): boolean {
    const entry = this.#entries.get(stored.name)
    const latest = entry?.warming ?? entry?.active
    if (!isStatic && this.#options.reserved(stored.name)) return true
    if (latest === undefined) return false
    return (
      (latest.isStatic && !isStatic) || (latest.isStatic === isStatic && sameBytes(latest.stored.bytes, stored.bytes))
    )
  }

  /** Resolves at once when it has to wait for something, else with how it fared. */
  async set(thing: CompiledThing): Promise<Verdict> {
    const entry = this.#entry(thing.name)
    this.#options.onChange(entry.active === undefined && entry.warming === undefined ? 'added' : 'modified', thing.name)
    entry.error = undefined
    const shape = thing.unit.listeners[0]?.shape
    const isInPlace = shape !== undefined && entry.active?.shape === shape && !thing.isStatic
    // As in Envoy: a listener of which only filter chains change is of the version that it had before.
    const stored = isInPlace ? { ...thing.stored, version: entry.active?.stored.version ?? '' } : thing.stored
    const version = new Version(thing, stored, this.#options.supplier, this.#onReady)
    // Only now: what both need is not to be let go between.
    this.#drop(entry)
    entry.warming = version
    this.#warming += 1
    this.#lacking += 1
    version.requirements.start()
    this.#options.onCounts()
    const verdict = this.#activated?.version === version ? this.#activated.verdict : undefined
    this.#activated = undefined
    const { listeners, tlsContexts } = thing.unit
    if (verdict !== undefined || listeners.length + tlsContexts.length === 0 || thing.isStatic) return verdict
    // As in Envoy, an address that is taken or TLS that cannot be set up is the reason to refuse it, whatever it waits for.
    const problem = await this.#options.outbox.tryOut(thing.unit)
    if (problem === undefined || entry.warming !== version) return undefined
    this.#drop(entry)
    entry.error = { failed: thing.stored, details: problem }
    this.#options.onCounts()
    this.#look()
    return problem
  }

  /** Another update begins. */
  forgetErrors(): void {
    for (const [name, entry] of this.#entries) {
      entry.error = undefined
      if (entry.active === undefined && entry.warming === undefined) this.#entries.delete(name)
    }
  }

  /** It was refused: what is there stays. */
  refuse(stored: StoredResource, details: string): void {
    const entry = this.#entry(stored.name)
    // Envoy counts a cluster before it looks whether it can be.
    if (this.#options.countsRefused === true)
      this.#options.onChange(
        entry.active === undefined && entry.warming === undefined ? 'added' : 'modified',
        stored.name,
      )
    entry.error = { failed: stored, details }
  }

  /** False: there is none, or it is the bootstrap's. */
  remove(name: string, isStatic = false): boolean {
    const entry = this.#entries.get(name)
    const latest = entry?.warming ?? entry?.active
    if (entry === undefined) return false
    if (latest === undefined) {
      this.#entries.delete(name)
      return false
    }
    if (latest.isStatic !== isStatic) return false
    this.#drop(entry)
    this.#entries.delete(name)
    if (entry.active !== undefined) {
      void this.#options.outbox.remove(entry.active.key)
      this.#retire(entry.active, undefined)
    }
    this.#options.onChange('removed', name)
    this.#options.onCounts()
    this.#look()
    return true
  }

  readonly #onReady = (version: Version): void => {
    version.isReady = true
    this.#lacking -= 1
    if (this.#isHeld) this.#ready.add(version)
    else this.#activated = { version, verdict: this.#activate(version) }
    this.#look()
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      entry = { name, active: undefined, warming: undefined, error: undefined }
      this.#entries.set(name, entry)
    }
    return entry
  }

  /** The version that waits does so in vain. */
  #drop(entry: Entry): void {
    const { warming } = entry
    if (warming === undefined) return
    entry.warming = undefined
    this.#ready.delete(warming)
    this.#warming -= 1
    if (!warming.isReady) this.#lacking -= 1
    warming.requirements.release()
  }

  async #activate(version: Version): Promise<Verdict> {
    const { outbox, onCounts } = this.#options
    const entry = this.#entry(version.name)
    const before = entry.active
    entry.active = version
    entry.warming = undefined
    this.#warming -= 1
    onCounts()
    const { unit } = version
    version.unit = undefined
    const verdict = unit && (await outbox.put(unit))
    if (verdict === undefined) {
      if (before !== undefined) this.#retire(before, version)
    } else {
      version.requirements.release()
      entry.error = { failed: version.stored, details: verdict }
      if (entry.active === version) entry.active = before
    }
    onCounts()
    this.#look()
    return verdict
  }

  #retire(version: Version, next: Version | undefined): void {
    if (this.#options.onRetired === undefined) version.requirements.release()
    else this.#options.onRetired(version, next)
  }

  get #isSettled(): boolean {
    return this.#lacking === 0
  }

  #look(): void {
    if (this.#onSettled.length === 0 || !this.#isSettled) return
    for (const resolve of this.#onSettled.splice(0)) resolve()
  }
}
