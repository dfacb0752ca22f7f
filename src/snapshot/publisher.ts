import type { NativeAddon, OpenedListener } from '../native/addon.js'
import { err, ok, type Result } from '../support/result.js'
import type { ScriptProgram } from '../threads/script-program.js'
import type { WorkerGroup } from '../threads/worker-group.js'
import { type Delta, Snapshot } from './snapshot.js'

/** A plan that kept a publish from happening. */
export interface PublishError {
  readonly kind: string
  readonly name: string
  readonly message: string
}

export interface Published {
  readonly snapshot: Snapshot
  /** By listener slot: where the listeners that were opened now listen. */
  readonly opened: ReadonlyMap<number, OpenedListener>
}

type Addon = Pick<NativeAddon, 'putPlan' | 'openListener' | 'abandonListeners' | 'commit'>

const prepareDeadlineMs = 5000

/**
 * Hands snapshots to all workers in two phases. Prepare does everything that can fail: plans are decoded and checked, sockets opened,
 * JavaScript filters built. Commit is a pointer store and one wake-up per worker. Publishes happen one after the other; each works out its
 * delta when its turn comes, from what is then current.
 */
export class Publisher {
  readonly #addon: Addon
  readonly #workers: WorkerGroup
  #current = Snapshot.empty
  #last: Promise<unknown> = Promise.resolve()

  constructor(addon: Addon, workers: WorkerGroup) {
    this.#addon = addon
    this.#workers = workers
  }

  get current(): Snapshot {
    return this.#current
  }

  /** After an error nothing has changed. `programs`: all filters in TypeScript of the version; absent: as they were. */
  publish(
    next: (current: Snapshot) => Delta,
    programs?: readonly ScriptProgram[],
  ): Promise<Result<Published, readonly PublishError[]>> {
    const turn = this.#last.then(() => this.#publishNow(next(this.#current), programs))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #publishNow(
    delta: Delta,
    programs: readonly ScriptProgram[] = [],
  ): Promise<Result<Published, readonly PublishError[]>> {
    if (delta.changes.length === 0) return ok({ snapshot: this.#current, opened: new Map() })
    const refused = this.#put(delta)
    if (refused.length > 0) return err(refused)
    const opened = this.#open(delta)
    if (!opened.ok) return this.#abandon(opened.error)
    const unprepared = await this.#prepare(delta, programs)
    if (unprepared.length > 0) return this.#abandon(unprepared)
    const failure = this.#addon.commit(delta.changes)
    if (failure !== undefined)
      return this.#abandon([{ kind: 'snapshot', name: String(this.#current.version + 1), message: failure }])
    this.#current = this.#current.apply(delta)
    if (delta.changes.some(change => change.kind === 'script')) this.#workers.keep(programs)
    return ok({ snapshot: this.#current, opened: opened.value })
  }

  /** Ports that were bound for a publish that did not come about are free again. */
  #abandon(errors: readonly PublishError[]): Result<never, readonly PublishError[]> {
    this.#addon.abandonListeners()
    return err(errors)
  }

  #put(delta: Delta): PublishError[] {
    return delta.plans.flatMap(({ kind, name, id, bytes }) => {
      const message = this.#addon.putPlan(kind, name, id, bytes)
      return message === undefined ? [] : [{ kind, name, message }]
    })
  }

  #open(delta: Delta): Result<ReadonlyMap<number, OpenedListener>, readonly PublishError[]> {
    const opened = new Map<number, OpenedListener>()
    const errors: PublishError[] = []
    for (const { kind, name, slot, id } of delta.plans) {
      if (kind !== 'listener') continue
      const result = this.#addon.openListener(slot, id)
      if (typeof result === 'string') errors.push({ kind, name, message: result })
      else opened.set(slot, result)
    }
    return errors.length > 0 ? err(errors) : ok(opened)
  }

  // Only a publish that brings JavaScript asks the workers.
  async #prepare(delta: Delta, programs: readonly ScriptProgram[]): Promise<PublishError[]> {
    if (!delta.plans.some(plan => plan.kind === 'script')) return []
    const version = this.#current.version + 1
    const answers = await this.#workers.prepare(version, programs, prepareDeadlineMs)
    // All workers run the same code, and say the same of it.
    const lines = new Set(answers.flatMap(answer => answer.errors))
    const errors = [...lines].map(message => ({ kind: 'filter', name: '', message }))
    if (errors.length > 0) this.#workers.post({ type: 'abandon', version })
    return errors
  }
}
