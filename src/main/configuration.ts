import type { OpenedListener } from '../native/addon.js'
import { Slots } from '../plan/ids.js'
import type { BootstrapSource, CompiledBootstrap, HostInfo, RefusedBootstrap } from '../snapshot/compile-task.js'
import type { ConfigDelta, ConfigUnit, DeltaAnswer, RefusedUnit } from '../snapshot/config-delta.js'
import type { Published, Publisher, PublishError, Refused } from '../snapshot/publisher.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import { err, ok, type Result } from '../support/result.js'
import type { Candidates, DnsClusters } from './dns-clusters.js'
import { type HealthCandidates, type HealthChecks, noChecks } from './health-checks.js'
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
  readonly health: HealthChecks
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

interface Waiting {
  readonly candidates: Candidates
  checks: HealthCandidates | undefined
}

/** A unit that waits for nothing. */
interface ReadyUnit {
  readonly unit: ConfigUnit
  readonly candidates: Candidates
  readonly checks: HealthCandidates
}

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
  /** Units that wait for DNS or for first health checks, with what tells whether they are still meant. */
  readonly #resolving = new Map<string, Waiting>()
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
    const checks = await this.#checkFirst([next.unit], candidates)
    const runtime = this.#options.runtime(next)
    const plans = next.unit.plans.map(plan => (plan.kind === 'runtime' ? runtime : plan))
    const whole = { ...next.unit, plans }
    const unit = withListeners ? whole : withoutListeners(whole)
    const published = await this.#publish([unit], [], candidates)
    const [refused] = published.refused
    if (refused !== undefined) {
      dns.abandon(candidates)
      this.#options.health.abandon(checks)
      return err(refused.errors.map(error => `error: ${sentence(error)}`))
    }
    const before = this.#current
    this.#current = next
    this.#slots.adoptTable(next.slots)
    this.#adopt(published, [], candidates, checks, { before, now: next })
    return ok()
  }

  /** Begins the first checks of members that are new to this, and waits for the answers. */
  async #checkFirst(units: readonly ConfigUnit[], candidates: Candidates): Promise<HealthCandidates> {
    const checks = this.#prepareChecks(units, units, candidates)
    await this.#awaitChecks(units, checks)
    return checks
  }

  /** `around`: units that may hold their members. */
  #prepareChecks(
    units: readonly ConfigUnit[],
    around: readonly ConfigUnit[],
    candidates: Candidates,
  ): HealthCandidates {
    if (!units.some(({ clusters }) => clusters.some(({ health }) => health !== undefined))) return noChecks
    return this.#options.health.prepare(
      units.flatMap(({ clusters }) => clusters),
      units.flatMap(({ plans }) => plans),
      name => this.#membersOf(name, around, candidates),
    )
  }

  // TLS needs its secrets where workers find them; nothing else uses them yet, or they are as they were.
  async #awaitChecks(units: readonly ConfigUnit[], checks: HealthCandidates): Promise<void> {
    if (checks.isReady) return
    const secrets = units.flatMap(({ plans }) => plans).filter(({ kind }) => kind === 'secret')
    if (secrets.length > 0) await this.#options.publisher.publish(secrets)
    await checks.ready()
  }

  #membersOf(name: string, units: readonly ConfigUnit[], candidates: Candidates): readonly HostInfo[] {
    for (const { members } of units) {
      const found = members.find(({ cluster }) => cluster === name)
      if (found !== undefined) return found.hosts
    }
    return candidates.entries.get(name)?.hosts ?? this.#options.dns.hostsOf(name) ?? this.#units.members.get(name) ?? []
  }

  /** DNS has another answer for the members of a cluster in use. */
  async membersResolved(plan: PlacedPlan, hosts: readonly HostInfo[]): Promise<void> {
    const { health } = this.#options
    await this.republish(() => health.completeMembers(plan, hosts).plan)
    health.membersAdopted(plan.name)
  }

  /** Members of a cluster in use, as they are when their turn comes. */
  async republish(makePlan: () => PlacedPlan | undefined): Promise<void> {
    const { health, publisher } = this.#options
    await publisher.publishRound({
      shares: () => {
        const plan = makePlan()
        return plan === undefined ? [] : [{ plans: [plan] }]
      },
      settle: shares => {
        for (const { plans } of shares) health.stage(plans)
        return { emptied: [] }
      },
    })
  }

  /** Those that `apply` left out. */
  openListeners(): Promise<Result<void, Errors>> {
    return this.#current === undefined ? Promise.resolve(ok()) : this.apply(this.#current)
  }

  /** The answer says which units could not take effect; the others have, but for clusters that wait for DNS or for first health checks. */
  async applyDelta(delta: ConfigDelta): Promise<DeltaAnswer> {
    const { dns, health } = this.#options
    for (const key of [...delta.removed, ...delta.units.map(unit => unit.key)]) this.#stopResolving(key)
    const unfit = await this.#unfit(delta.units.filter(mayWait))
    const now: ReadyUnit[] = []
    const resolving: string[] = []
    for (const unit of delta.units) {
      if (unfit.has(unit.key)) continue
      const candidates = dns.prepare(unit.clusters)
      const checks = candidates.isReady ? this.#prepareChecks([unit], delta.units, candidates) : undefined
      if (checks?.isReady === true) {
        now.push({ unit, candidates, checks })
        continue
      }
      void this.#applyLater(unit, candidates, checks)
      resolving.push(...unit.clusters.map(({ name }) => name))
    }
    const published = await this.#publish(
      now.map(({ unit }) => unit),
      delta.removed,
      joinedCandidates(dns, now),
    )
    this.#slots.adopt(delta.newSlots ?? [])
    const refused = [...unfit.values(), ...published.refused.map(refusedUnit)]
    const isRefused = new Set(refused.map(({ key }) => key))
    const [taken, left] = [
      now.filter(({ unit }) => !isRefused.has(unit.key)),
      now.filter(({ unit }) => isRefused.has(unit.key)),
    ]
    for (const { candidates, checks } of left) {
      dns.abandon(candidates)
      health.abandon(checks)
    }
    this.#adopt(
      published,
      delta.removed,
      joinedCandidates(dns, taken),
      health.joined(taken.flatMap(({ checks }) => (checks.entries.size > 0 ? [checks] : []))),
    )
    const failed = await this.#tryOut(delta.trials ?? [])
    return { number: delta.number, refused, failed, resolving }
  }

  /** Those of them, by key, that no waiting would make usable. Their old versions go on, checks and all. */
  async #unfit(units: readonly ConfigUnit[]): Promise<ReadonlyMap<string, RefusedUnit>> {
    if (units.length === 0) return new Map()
    const refused = await this.#options.publisher.tryPlans(units.map(unit => ({ unit, plans: unit.plans })))
    return new Map(refused.map(refusedUnit).map(one => [one.key, one]))
  }

  async #tryOut(units: readonly ConfigUnit[]): Promise<readonly RefusedUnit[]> {
    if (units.length === 0) return []
    const shares = units.map(unit => ({ unit, plans: unit.plans.filter(({ kind }) => tried.has(kind)) }))
    return (await this.#options.publisher.tryListeners(shares)).map(refusedUnit)
  }

  async #applyLater(unit: ConfigUnit, candidates: Candidates, begun: HealthCandidates | undefined): Promise<void> {
    const { dns, health, onResolved } = this.#options
    const waiting: Waiting = { candidates, checks: begun }
    this.#resolving.set(unit.key, waiting)
    await candidates.ready()
    if (this.#resolving.get(unit.key) !== waiting) return
    const checks = begun ?? this.#prepareChecks([unit], [unit], candidates)
    waiting.checks = checks
    await this.#awaitChecks([unit], checks)
    if (this.#resolving.get(unit.key) !== waiting) return
    this.#resolving.delete(unit.key)
    const published = await this.#publish([unit], [], candidates)
    if (published.refused.length > 0) {
      dns.abandon(candidates)
      health.abandon(checks)
    } else this.#adopt(published, [], candidates, checks)
    for (const { name } of unit.clusters) onResolved(name)
  }

  #stopResolving(key: string): void {
    const waiting = this.#resolving.get(key)
    if (waiting === undefined) return
    this.#resolving.delete(key)
    this.#options.dns.abandon(waiting.candidates)
    if (waiting.checks !== undefined) this.#options.health.abandon(waiting.checks)
  }

  #publish(
    units: readonly ConfigUnit[],
    removed: readonly string[],
    candidates: Candidates,
  ): Promise<Published<UnitShare>> {
    const { health } = this.#options
    return this.#options.publisher.publishRound<UnitShare>({
      shares: () =>
        units.map(one => {
          const plans = candidates.complete(one.plans)
          const known = plans === one.plans ? one : { ...one, plans }
          const unit = health.complete(known, name => this.#membersOf(name, [known], candidates))
          return { unit, plans: unit.plans }
        }),
      settle: accepted => {
        const kept = accepted.map(({ unit }) => unit)
        for (const unit of kept) health.stage(unit.plans, unit)
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
    checks: HealthCandidates,
    bootstrap?: Adopted['bootstrap'],
  ): void {
    const { dns, health, onAdopted } = this.#options
    const units = this.#units.adopt(
      accepted.map(({ unit }) => unit),
      removed,
    )
    dns.adopt(candidates)
    health.adopt(checks)
    for (const { unit } of accepted)
      for (const { kind, name } of unit.plans) if (kind === 'endpoints') health.membersAdopted(name)
    for (const { before } of units) {
      for (const cluster of before?.clusters ?? [])
        if (this.#units.clusters.get(cluster.name)?.health === undefined) health.remove(cluster)
      for (const { name } of before?.clusters ?? [])
        if (this.#units.clusters.get(name)?.dns === undefined) dns.remove(name)
      for (const { name, slot } of before?.listeners ?? [])
        if (!this.#units.listeners.has(name)) this.#listening.delete(slot)
    }
    for (const [slot, at] of opened) this.#listening.set(slot, at)
    onAdopted({ ...(bootstrap && { bootstrap }), units, opened })
  }
}

const tried: ReadonlySet<string> = new Set(['listener', 'cluster'])

const refusedUnit = ({ share, errors }: Refused<UnitShare>): RefusedUnit => ({
  key: share.unit.key,
  message: errors.map(error => error.message).join('; '),
})

/** Members that DNS knows, or first health checks, may have to be waited for. */
const mayWait = ({ clusters }: ConfigUnit): boolean =>
  clusters.some(({ dns, health }) => dns !== undefined || health !== undefined)

const joinedCandidates = (dns: DnsClusters, units: readonly ReadyUnit[]): Candidates =>
  dns.joined(units.flatMap(({ candidates }) => (candidates.entries.size > 0 ? [candidates] : [])))

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
