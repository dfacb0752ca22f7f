import type { CompiledThing } from './collection.js'
import type { Collection } from './collection.js'
import type { Resource, Update, Watcher } from '../../xds/types.js'
import { ownName } from '../../xds/wire.js'
import { reasonOf, type ResourceErrors } from '../../plan/compile-resource.js'
import type { Breathe } from '../../support/breather.js'
import type { Result } from '../../support/result.js'
import type { Verdict } from './outbox.js'
import type { StoredResource } from './stored.js'

export interface CollectionWatcherOptions {
  /** "cluster" or "listener", for messages. */
  readonly called: 'cluster' | 'listener'
  readonly collection: Collection
  /** An answer that leaves fewer is refused whole. */
  readonly least?: number
  readonly compile: (resource: Resource, stored: StoredResource) => Result<CompiledThing, ResourceErrors>
  /** Why what was compiled may not stand beside what is there. */
  readonly conflictOf?: (thing: CompiledThing) => string | undefined
  /** Before and after an update is taken. */
  readonly around: () => () => void
  /** The first answer, or that there will be none. */
  readonly onFirst: () => void
  /** Something of it is in use, or warms, or something is gone. `isReload`: and nothing was refused. */
  readonly onApplied: (version: string, isReload: boolean) => void
  readonly time: () => number
  /** A pause now and then, so that thousands do not keep the thread from everything else. */
  readonly breathe: Breathe
}

/** CDS or LDS: each resource is taken or refused by itself, and the answer names those that were refused. */
export class CollectionWatcher implements Watcher {
  readonly #options: CollectionWatcherOptions

  constructor(options: CollectionWatcherOptions) {
    this.#options = options
  }

  async onUpdate(wrapped: Update): Promise<string | undefined> {
    const { collection, around, onFirst, onApplied } = this.#options
    // As in Envoy, what a wrapper calls them means nothing here.
    const update = { ...wrapped, added: wrapped.added.map(underOwnName) }
    if (this.#leaves(update) < (this.#options.least ?? 0)) return tooFew
    const finish = around()
    const verdicts: Promise<Judged>[] = []
    const seen = new Set<string>()
    if (this.#options.called === 'listener') collection.forgetErrors()
    // What is gone makes room for what comes.
    let removed = this.#options.called === 'listener' ? this.#remove(update) : 0
    for (const resource of update.added) {
      if (resource.isAbsent) continue
      if (seen.has(resource.name)) {
        const verdict = `duplicate ${this.#options.called} ${resource.name} found`
        verdicts.push(Promise.resolve({ resource, verdict }))
        continue
      }
      seen.add(resource.name)
      const verdict = this.#take(resource)
      if (verdict !== undefined) verdicts.push(verdict.then(text => ({ resource, verdict: text })))
      const pause = this.#options.breathe()
      if (pause !== undefined) await pause
    }
    if (this.#options.called === 'cluster') removed = this.#remove(update)
    finish()
    const refused = (await Promise.all(verdicts)).filter(({ verdict }) => verdict !== undefined)
    if (this.#options.called === 'listener')
      collection.failures = refused.map(({ resource, verdict = '' }) => ({
        failed: this.#stored(resource),
        details: verdict,
      }))
    const taken = verdicts.length - refused.length
    if (taken > 0 || removed > 0) onApplied(update.version, taken > 0 && refused.length === 0)
    void collection.settled().then(onFirst)
    return refused.length === 0 ? undefined : this.#words(refused)
  }

  onFailure(reason: 'timeout' | 'rejected' | 'connection'): void {
    if (reason !== 'connection') void this.#options.collection.settled().then(this.#options.onFirst)
  }

  #words(refused: readonly Judged[]): string {
    const { called } = this.#options
    const lines = refused.map(({ resource, verdict }) => `${resource.name}: ${verdict}`)
    const listed = called === 'cluster' ? lines.join(', ') : lines.map(line => `${line}\n`).join('')
    return `Error adding/updating ${called}(s) ${listed}`
  }

  /** How many there would be after it. */
  #leaves({ added, removed, isFullState }: Update): number {
    if (this.#options.least === undefined) return 0
    const names = new Set(added.map(({ name }) => name))
    if (isFullState) return names.size
    const gone = new Set(removed)
    for (const { name, active, warming } of this.#options.collection.entries.values())
      if ((warming ?? active)?.isStatic === false && !gone.has(name)) names.add(name)
    return names.size
  }

  /** How many are gone. */
  #remove({ added, removed, isFullState }: Update): number {
    const { collection } = this.#options
    const kept = new Set(added.map(({ name }) => name))
    const gone = isFullState ? [...collection.entries.keys()].filter(name => !kept.has(name)) : removed
    return gone.filter(name => collection.remove(name)).length
  }

  #take(resource: Resource): Promise<Verdict> | undefined {
    const { collection, compile, conflictOf } = this.#options
    const stored = this.#stored(resource)
    if (collection.isKnown(stored, false)) return undefined
    const compiled = compile(resource, stored)
    const problem = compiled.ok ? conflictOf?.(compiled.value) : reasonOf(compiled.error)
    if (problem !== undefined) {
      collection.refuse(stored, problem)
      return Promise.resolve(problem)
    }
    return compiled.ok ? collection.set(compiled.value) : undefined
  }

  #stored({ name, version, typeUrl, bytes }: Resource): StoredResource {
    return { name, version, typeUrl, bytes, updatedAt: this.#options.time() }
  }
}

const tooFew = 'CDS update attempts to reduce clusters below configured minimum.'

interface Judged {
  readonly resource: Resource
  readonly verdict: Verdict
}

function underOwnName(resource: Resource): Resource {
  const name = resource.isAbsent ? resource.name : (ownName(resource) ?? resource.name)
  return name === resource.name ? resource : { ...resource, name }
}
