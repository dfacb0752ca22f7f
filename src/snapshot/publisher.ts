import type { NativeAddon, OpenedListener, SnapshotChange } from '../native/addon.js'
import { err, ok, type Result } from '../support/result.js'
import type { ScriptProgram } from '../threads/script-program.js'
import type { WorkerGroup } from '../threads/worker-group.js'
import { type PlacedPlan, type PlacedSlot, Snapshot } from './snapshot.js'

/** A plan that kept its share from taking effect. */
export interface PublishError {
  readonly kind: string
  readonly name: string
  readonly message: string
}

/** Plans that take effect together or not at all. */
export interface Share {
  readonly plans: readonly PlacedPlan[]
}

export interface Refused<S extends Share> {
  readonly share: S
  readonly errors: readonly PublishError[]
}

export interface Round<S extends Share> {
  /** Called when its turn comes. */
  shares(): readonly S[]
  /** What else the version is, when it consists of these shares: slots to empty, and all filters in TypeScript (absent: as they were). */
  settle?(accepted: readonly S[]): {
    readonly emptied: readonly PlacedSlot[]
    readonly programs?: readonly ScriptProgram[]
  }
}

export interface Published<S extends Share> {
  readonly accepted: readonly S[]
  readonly refused: readonly Refused<S>[]
  readonly version: number
  /** By listener slot: where the listeners that were opened now listen. */
  readonly opened: ReadonlyMap<number, OpenedListener>
}

type Addon = Pick<NativeAddon, 'putPlan' | 'openListener' | 'abandonListeners' | 'commit'>

const prepareDeadlineMs = 5000
/** How long plans are put without a break for the rest of the thread. */
const sliceMs = 8

/**
 * Hands versions to all workers in two phases. Prepare does everything that can fail: plans are decoded and checked, sockets opened,
 * JavaScript filters built. Commit is a pointer store and one wake-up per worker. Rounds happen one after the other; each works out what
 * changes when its turn comes, from what is then current. A share that fails is left out, and what stood in its slots stays. Main thread.
 */
export class Publisher {
  readonly #addon: Addon
  readonly #workers: WorkerGroup
  readonly #current = new Snapshot()
  /** Of the round that is going on. */
  readonly #freshPlans = new Map<Share, readonly PlacedPlan[]>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(addon: Addon, workers: WorkerGroup) {
    this.#addon = addon
    this.#workers = workers
  }

  get current(): Snapshot {
    return this.#current
  }

  /** One or more plans, all or nothing. After an error nothing has changed. */
  async publish(plans: readonly PlacedPlan[]): Promise<Result<Published<Share>, readonly PublishError[]>> {
    const published = await this.publishRound({ shares: () => [{ plans }] })
    const [refused] = published.refused
    return refused === undefined ? ok(published) : err(refused.errors)
  }

  /** Those whose listeners cannot be opened now, and why. Nothing takes effect. */
  tryListeners<S extends Share>(shares: readonly S[]): Promise<readonly Refused<S>[]> {
    const turn = this.#last.then(async () => {
      const unfit = await this.#put(shares)
      const refused = this.#open(without(shares, unfit), new Map())
      this.#addon.abandonListeners()
      return [...unfit, ...refused]
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Those whose plans cannot be used at all, and why. Nothing takes effect. */
  tryPlans<S extends Share>(shares: readonly S[]): Promise<readonly Refused<S>[]> {
    const turn = this.#last.then(() => this.#put(shares))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  publishRound<S extends Share>(round: Round<S>): Promise<Published<S>> {
    const turn = this.#last.then(() => this.#publishNow(round))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #publishNow<S extends Share>(round: Round<S>): Promise<Published<S>> {
    this.#freshPlans.clear()
    let shares = round.shares()
    const refused: Refused<S>[] = await this.#put(shares)
    // Each time around at least one share less.
    for (;;) {
      shares = without(shares, refused)
      const attempt = await this.#attempt(round, shares)
      if (attempt.refused.length === 0)
        return { accepted: shares, refused, version: this.#current.version, opened: attempt.opened }
      this.#addon.abandonListeners()
      refused.push(...attempt.refused)
    }
  }

  async #attempt<S extends Share>(
    round: Round<S>,
    shares: readonly S[],
  ): Promise<{ refused: Refused<S>[]; opened: ReadonlyMap<number, OpenedListener> }> {
    const { emptied = [], programs } = round.settle?.(shares) ?? {}
    const opened = new Map<number, OpenedListener>()
    const refused = this.#open(shares, opened)
    if (refused.length > 0) return { refused, opened }
    const unprepared = await this.#prepare(shares, programs ?? [])
    if (unprepared.length > 0) return { refused: unprepared, opened }
    const changes: SnapshotChange[] = []
    for (const share of shares) for (const { kind, slot, id } of this.#fresh(share)) changes.push({ kind, slot, id })
    for (const { kind, slot } of emptied) changes.push({ kind, slot, id: '' })
    if (changes.length === 0) return { refused: [], opened }
    const failure = this.#addon.commit(changes)
    if (failure !== undefined) return { refused: this.#blame(shares, failure), opened: new Map() }
    this.#current.record(changes)
    this.#freshPlans.clear()
    if (programs !== undefined && changes.some(change => change.kind === 'script')) this.#workers.keep(programs)
    return { refused: [], opened }
  }

  /** Plans of a share that do not stand in their places already. Nothing else is published during a round. */
  #fresh(share: Share): readonly PlacedPlan[] {
    const known = this.#freshPlans.get(share)
    if (known !== undefined) return known
    const isAllFresh = share.plans.every(plan => !this.#current.has(plan))
    const fresh = isAllFresh ? share.plans : share.plans.filter(plan => !this.#current.has(plan))
    this.#freshPlans.set(share, fresh)
    return fresh
  }

  async #put<S extends Share>(shares: readonly S[]): Promise<Refused<S>[]> {
    const refused: Refused<S>[] = []
    let until = performance.now() + sliceMs
    for (const share of shares) {
      const errors: PublishError[] = []
      for (const { kind, name, id, bytes } of this.#fresh(share)) {
        const message = this.#addon.putPlan(kind, name, id, bytes)
        if (message !== undefined) errors.push({ kind, name, message })
        if (performance.now() < until) continue
        await new Promise(resolve => setImmediate(resolve))
        until = performance.now() + sliceMs
      }
      if (errors.length > 0) refused.push({ share, errors })
    }
    return refused
  }

  #open<S extends Share>(shares: readonly S[], opened: Map<number, OpenedListener>): Refused<S>[] {
    return shares.flatMap(share => {
      const errors: PublishError[] = []
      for (const { kind, name, slot, id } of this.#fresh(share)) {
        if (kind !== 'listener') continue
        const result = this.#addon.openListener(slot, id)
        if (typeof result === 'string') errors.push({ kind, name, message: result })
        else opened.set(slot, result)
      }
      return errors.length > 0 ? [{ share, errors }] : []
    })
  }

  // Only a round that brings JavaScript asks the workers.
  async #prepare<S extends Share>(shares: readonly S[], programs: readonly ScriptProgram[]): Promise<Refused<S>[]> {
    const scripted = shares.filter(share => this.#fresh(share).some(plan => plan.kind === 'script'))
    if (scripted.length === 0) return []
    const version = this.#current.version + 1
    const answers = await this.#workers.prepare(version, programs, prepareDeadlineMs)
    // All workers run the same code, and say the same of it.
    const lines = [...new Set(answers.flatMap(answer => answer.errors))]
    if (lines.length === 0) return []
    this.#workers.post({ type: 'abandon', version })
    const errors = lines.map(message => ({ kind: 'filter', name: '', message }))
    const own = scripted.map(share => ({ share, errors: errorsOf(share, errors) }))
    const guilty = own.filter(one => one.errors.length > 0)
    return guilty.length > 0 ? guilty : scripted.map(share => ({ share, errors }))
  }

  /** A commit that failed did so for a listener: another process was quicker. */
  #blame<S extends Share>(shares: readonly S[], message: string): Refused<S>[] {
    const errors = [{ kind: 'snapshot', name: String(this.#current.version + 1), message }]
    const opening = shares.filter(share => this.#fresh(share).some(plan => plan.kind === 'listener'))
    return (opening.length > 0 ? opening : shares).map(share => ({ share, errors }))
  }
}

/** Those about the filters of a share, which the last part of a plan's name names; all, when they name none. */
function errorsOf(share: Share, errors: readonly PublishError[]): readonly PublishError[] {
  const names = share.plans
    .filter(plan => plan.kind === 'script')
    .map(({ name }) => decodeURIComponent((name.split('/').at(-1) ?? '').replace(/#\d+$/, '')))
  const isNamed = errors.some(({ message }) => message.startsWith("filter '"))
  return isNamed ? errors.filter(({ message }) => names.some(name => message.startsWith(`filter '${name}':`))) : errors
}

function without<S extends Share>(shares: readonly S[], refused: readonly Refused<S>[]): readonly S[] {
  if (refused.length === 0) return shares
  const gone = new Set(refused.map(({ share }) => share))
  return shares.filter(share => !gone.has(share))
}
