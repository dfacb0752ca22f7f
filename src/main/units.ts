import type { SecretMeta } from '../plan/secrets.js'
import type { ClusterInfo, HostInfo, ListenerInfo } from '../snapshot/compile-task.js'
import type { ConfigUnit } from '../snapshot/config-delta.js'
import type { PlacedPlan, PlacedSlot } from '../snapshot/snapshot.js'
import type { ScriptProgram } from '../threads/script-program.js'

/** A unit in use, without the bytes of its plans. */
export type HeldUnit = Omit<ConfigUnit, 'plans'> & { readonly slots: readonly NamedSlot[] }

type NamedSlot = Pick<PlacedPlan, 'kind' | 'slot' | 'name'>

export interface UnitChange {
  readonly before: HeldUnit | undefined
  readonly now: HeldUnit | undefined
}

const placeOf = ({ kind, slot }: PlacedSlot): string => `${kind} ${slot}`

/** Everything in use, by unit and by name. One change costs what the unit holds, whatever the size of the rest. Main thread. */
export class Units {
  readonly #units = new Map<string, HeldUnit>()
  /** How many units put something into a slot. */
  readonly #owners = new Map<string, number>()
  readonly #clusters = new Map<string, ClusterInfo>()
  readonly #listeners = new Map<string, ListenerInfo>()
  readonly #members = new Map<string, readonly HostInfo[]>()
  readonly #programs = new Map<string, ScriptProgram>()
  readonly #secrets = new Map<number, SecretMeta>()

  get clusters(): ReadonlyMap<string, ClusterInfo> {
    return this.#clusters
  }

  get listeners(): ReadonlyMap<string, ListenerInfo> {
    return this.#listeners
  }

  /** By cluster, in the order of its endpoints plan. */
  get members(): ReadonlyMap<string, readonly HostInfo[]> {
    return this.#members
  }

  get programs(): ReadonlyMap<string, ScriptProgram> {
    return this.#programs
  }

  get secrets(): ReadonlyMap<number, SecretMeta> {
    return this.#secrets
  }

  /** The filter in TypeScript whose plan stands in a slot. */
  programAt(slot: number): ScriptProgram | undefined {
    for (const unit of this.#units.values()) {
      const at = unit.slots.find(one => one.kind === 'script' && one.slot === slot)
      if (at !== undefined) return unit.programs.find(program => program.slotName === at.name)
    }
    return undefined
  }

  has(key: string): boolean {
    return this.#units.has(key)
  }

  /** Keys that begin so. */
  keys(): Iterable<string> {
    return this.#units.keys()
  }

  *all(): Iterable<HeldUnit> {
    yield* this.#units.values()
  }

  /** Slots that nothing fills any more when these units come and those go. */
  emptiedBy(units: readonly ConfigUnit[], removed: readonly string[]): PlacedSlot[] {
    const counts = new Map<string, { slot: PlacedSlot; change: number }>()
    const count = (slot: PlacedSlot, change: number): void => {
      const key = placeOf(slot)
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { slot, change })
      else known.change += change
    }
    for (const key of removed) for (const slot of this.#units.get(key)?.slots ?? []) count(slot, -1)
    for (const unit of units) {
      for (const slot of this.#units.get(unit.key)?.slots ?? []) count(slot, -1)
      for (const plan of unit.plans) count(plan, 1)
    }
    return [...counts].flatMap(([key, { slot, change }]) =>
      change < 0 && (this.#owners.get(key) ?? 0) + change <= 0 ? [{ kind: slot.kind, slot: slot.slot }] : [],
    )
  }

  /** All filters in TypeScript when these units come and those go. */
  programsWith(units: readonly ConfigUnit[], removed: readonly string[]): ScriptProgram[] {
    const programs = new Map(this.#programs)
    for (const key of [...removed, ...units.map(unit => unit.key)])
      for (const { slotName } of this.#units.get(key)?.programs ?? []) programs.delete(slotName)
    for (const unit of units) for (const program of unit.programs) programs.set(program.slotName, program)
    return [...programs.values()]
  }

  /** These are in use now. */
  adopt(units: readonly ConfigUnit[], removed: readonly string[]): UnitChange[] {
    const changes = [
      ...units.map(unit => ({ before: this.#units.get(unit.key), now: held(unit) })),
      ...removed.flatMap(key => {
        const before = this.#units.get(key)
        return before === undefined ? [] : [{ before, now: undefined }]
      }),
    ]
    for (const { before } of changes) if (before !== undefined) this.#letGo(before)
    for (const { now } of changes) if (now !== undefined) this.#take(now)
    return changes
  }

  /** The secret was read anew. */
  renew(meta: SecretMeta): void {
    this.#secrets.set(meta.source.slot, meta)
  }

  #letGo(unit: HeldUnit): void {
    this.#units.delete(unit.key)
    for (const slot of unit.slots) this.#own(slot, -1)
    for (const { name } of unit.clusters) this.#clusters.delete(name)
    for (const { name } of unit.listeners) this.#listeners.delete(name)
    for (const { cluster } of unit.members) this.#members.delete(cluster)
    for (const { slotName } of unit.programs) this.#programs.delete(slotName)
    for (const { source } of unit.secrets)
      if (!this.#owners.has(placeOf({ kind: 'secret', slot: source.slot }))) this.#secrets.delete(source.slot)
  }

  #take(unit: HeldUnit): void {
    this.#units.set(unit.key, unit)
    for (const slot of unit.slots) this.#own(slot, 1)
    for (const cluster of unit.clusters) this.#clusters.set(cluster.name, cluster)
    for (const listener of unit.listeners) this.#listeners.set(listener.name, listener)
    for (const { cluster, hosts } of unit.members) this.#members.set(cluster, hosts)
    for (const program of unit.programs) this.#programs.set(program.slotName, program)
    for (const meta of unit.secrets) this.#secrets.set(meta.source.slot, meta)
  }

  #own(slot: PlacedSlot, change: number): void {
    const key = placeOf(slot)
    const count = (this.#owners.get(key) ?? 0) + change
    if (count > 0) this.#owners.set(key, count)
    else this.#owners.delete(key)
  }
}

function held({ plans, ...unit }: ConfigUnit): HeldUnit {
  return { ...unit, slots: plans.map(({ kind, slot, name }) => ({ kind, slot, name })) }
}
