import type { OpenedListener } from '../native/addon.js'
import { Slots } from '../plan/ids.js'
import type { BootstrapSource, CompiledBootstrap, RefusedBootstrap } from '../snapshot/compile-task.js'
import type { ConfigDelta, ConfigUnit, DeltaAnswer, RefusedUnit } from '../snapshot/config-delta.js'
import type { Published, Publisher, PublishError, Refused } from '../snapshot/publisher.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import { err, ok, type Result } from '../support/result.js'
import type { Candidates, DnsClusters } from './dns-clusters.js'
import { type UnitChange, Units } from './units.js'

export interface ConfigurationOptions {
  readonly source: () => BootstrapSource
  readonly compiler: {
    bootstrap(task: {
      kind: 'bootstrap'
      source: BootstrapSource
      slots: CompiledBootstrap['slots']
    }): Promise<CompiledBootstrap | RefusedBootstrap>
  }
  readonly publisher: Publisher
  /** The plan of the runtime under a bootstrap, with what is known beside it. */
  readonly runtime: (bootstrap: CompiledBootstrap) => PlacedPlan
  readonly dns: DnsClusters
  readonly onAdopted: (change: Adopted) => void
  /** A cluster of a management server's knows its members, or that it has none. */
  readonly onResolved: (cluster: string) => void
}

export interface Adopted {
  /** When a bootstrap took effect: the one before. */
  readonly bootstrap?: { readonly before: CompiledBootstrap | undefined; readonly now: CompiledBootstrap }
  readonly units: readonly UnitChange[]
  readonly opened: ReadonlyMap<number, OpenedListener>
}

/** Lines to print. */
export type Errors = readonly string[]

interface UnitShare {
  readonly unit: ConfigUnit
  readonly plans: readonly PlacedPlan[]
}

/**
 * The configuration in use, and how the next one takes its place. A bootstrap does so as a whole or not at all; what a management server
 * sends, unit by unit. Main thread.
 */
export class Configuration {
  readonly #options: ConfigurationOptions
  readonly #units = new Units()
  readonly #listening = new Map<number, OpenedListener>()
  /** Units that wait for DNS, with the candidates that tell whether they are still meant. */
  readonly #resolving = new Map<string, Candidates>()
  #current: CompiledBootstrap | undefined
  /** For a thread that takes another's place. */
  readonly #slots = new Slots()

  constructor(options: ConfigurationOptions) {
    this.#options = options
  }

  /** The bootstrap. */
  get current(): CompiledBootstrap | undefined {
    return this.#current
  }

  get units(): Units {
    return this.#units
  }

  /** By listener slot. */
  get listening(): ReadonlyMap<number, OpenedListener> {
    return this.#listening
  }

  /** Reads and compiles the source as it is now; changes nothing. */
  async compile(): Promise<Result<CompiledBootstrap, Errors>> {
    const { compiler, source } = this.#options
    const answer = await compiler.bootstrap({
      kind: 'bootstrap',
      source: source(),
      slots: this.#slots.table(),
    })
    return answer.kind === 'compiled' ? ok(answer) : err(answer.errors)
  }

  /** Waits until DNS has answered for new clusters, then publishes. After an error everything is as before. */
  async apply(next: CompiledBootstrap, { withListeners = true } = {}): Promise<Result<void, Errors>> {
    const { dns } = this.#options
    const candidates = dns.prepare(next.unit.clusters)
    await candidates.ready()
    const runtime = this.#options.runtime(next)
    const plans = next.unit.plans.map(plan => (plan.kind === 'runtime' ? runtime : plan))
    const whole = { ...next.unit, plans }
    const unit = withListeners ? whole : withoutListeners(whole)
    const published = await this.#publish([unit], [], candidates)
    const [refused] = published.refused
    if (refused !== undefined) {
      dns.abandon(candidates)
      return err(refused.errors.map(error => `error: ${sentence(error)}`))
    }
    const before = this.#current
    this.#current = next
    this.#slots.adoptTable(next.slots)
    this.#adopt(published, [], candidates, { before, now: next })
    return ok()
  }

  /** Those that `apply` left out. */
  openListeners(): Promise<Result<void, Errors>> {
    return this.#current === undefined ? Promise.resolve(ok()) : this.apply(this.#current)
  }

  /** The answer says which units could not take effect; the others have, but for clusters that wait for DNS. */
  async applyDelta(delta: ConfigDelta): Promise<DeltaAnswer> {
    const { dns } = this.#options
    for (const key of [...delta.removed, ...delta.units.map(unit => unit.key)]) this.#stopResolving(key)
    const now: ConfigUnit[] = []
    const known: Candidates[] = []
    const resolving: string[] = []
    for (const unit of delta.units) {
      const candidates = dns.prepare(unit.clusters)
      if (!candidates.isReady) {
        void this.#applyLater(unit, candidates)
        resolving.push(...unit.clusters.map(({ name }) => name))
        continue
      }
      now.push(unit)
      if (candidates.entries.size > 0) known.push(candidates)
    }
    const candidates = dns.joined(known)
    const published = await this.#publish(now, delta.removed, candidates)
    this.#slots.adopt(delta.newSlots ?? [])
    this.#adopt(published, delta.removed, candidates)
    const failed = await this.#tryOut(delta.trials ?? [])
    return { number: delta.number, refused: published.refused.map(refusedUnit), failed, resolving }
  }

  async #tryOut(units: readonly ConfigUnit[]): Promise<readonly RefusedUnit[]> {
    if (units.length === 0) return []
    const shares = units.map(unit => ({ unit, plans: unit.plans.filter(({ kind }) => kind === 'listener') }))
    return (await this.#options.publisher.tryListeners(shares)).map(refusedUnit)
  }

  async #applyLater(unit: ConfigUnit, candidates: Candidates): Promise<void> {
    const { dns, onResolved } = this.#options
    this.#resolving.set(unit.key, candidates)
    await candidates.ready()
    if (this.#resolving.get(unit.key) !== candidates) return
    this.#resolving.delete(unit.key)
    const published = await this.#publish([unit], [], candidates)
    if (published.refused.length > 0) dns.abandon(candidates)
    else this.#adopt(published, [], candidates)
    for (const { name } of unit.clusters) onResolved(name)
  }

  #stopResolving(key: string): void {
    const candidates = this.#resolving.get(key)
    if (candidates === undefined) return
    this.#resolving.delete(key)
    this.#options.dns.abandon(candidates)
  }

  #publish(
    units: readonly ConfigUnit[],
    removed: readonly string[],
    candidates: Candidates,
  ): Promise<Published<UnitShare>> {
    return this.#options.publisher.publishRound<UnitShare>({
      shares: () => units.map(unit => ({ unit, plans: candidates.complete(unit.plans) })),
      settle: accepted => {
        const kept = accepted.map(({ unit }) => unit)
        return {
          emptied: this.#units.emptiedBy(kept, removed),
          ...(touchesPrograms(kept, removed, this.#units) && {
            programs: this.#units.programsWith(kept, removed),
          }),
        }
      },
    })
  }

  #adopt(
    { accepted, opened }: Published<UnitShare>,
    removed: readonly string[],
    candidates: Candidates,
    bootstrap?: Adopted['bootstrap'],
  ): void {
    const { dns, onAdopted } = this.#options
    const units = this.#units.adopt(
      accepted.map(({ unit }) => unit),
      removed,
    )
    dns.adopt(candidates)
    for (const { before } of units) {
      for (const { name } of before?.clusters ?? [])
        if (this.#units.clusters.get(name)?.dns === undefined) dns.remove(name)
      for (const { name, slot } of before?.listeners ?? [])
        if (!this.#units.listeners.has(name)) this.#listening.delete(slot)
    }
    for (const [slot, at] of opened) this.#listening.set(slot, at)
    onAdopted({ ...(bootstrap && { bootstrap }), units, opened })
  }
}

const refusedUnit = ({ share, errors }: Refused<UnitShare>): RefusedUnit => ({
  key: share.unit.key,
  message: errors.map(error => error.message).join('; '),
})

const withoutListeners = (unit: ConfigUnit): ConfigUnit => ({
  ...unit,
  listeners: [],
  plans: unit.plans.filter(plan => plan.kind !== 'listener'),
})

function touchesPrograms(units: readonly ConfigUnit[], removed: readonly string[], known: Units): boolean {
  return units.some(unit => unit.programs.length > 0) || (known.programs.size > 0 && units.length + removed.length > 0)
}

const sentence = ({ kind, name, message }: PublishError): string =>
  `${name === '' ? '' : `${kind} '${name}': `}${message}`
