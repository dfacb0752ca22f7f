import type { SecretMeta } from '../plan/secrets.js'
import type { ClusterInfo, HostInfo, ListenerInfo } from '../snapshot/compile-task.js'
import type { ConfigUnit } from '../snapshot/config-delta.js'
import type { PlanKind } from '../native/addon.js'
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
  /** How many units put something into a slot, by kind and slot. */
  readonly #owners = new Map<PlanKind, (number | undefined)[]>()
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
    const changes = new Map<string, { readonly slot: PlacedSlot; change: number }>()
    const leave = (key: string): void => {
      for (const slot of this.#units.get(key)?.slots ?? []) {
        const known = changes.get(placeOf(slot))
        if (known === undefined) changes.set(placeOf(slot), { slot, change: -1 })
        else known.change -= 1
      }
    }
    for (const key of removed) leave(key)
    for (const unit of units) leave(unit.key)
    if (changes.size === 0) return []
    for (const unit of units) {
      for (const plan of unit.plans) {
        const known = changes.get(placeOf(plan))
        if (known !== undefined) known.change += 1
      }
    }
    return [...changes.values()].flatMap(({ slot, change }) =>
      change < 0 && this.#ownersOf(slot) + change <= 0 ? [{ kind: slot.kind, slot: slot.slot }] : [],
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
      if (this.#ownersOf({ kind: 'secret', slot: source.slot }) === 0) this.#secrets.delete(source.slot)
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

  #own({ kind, slot }: PlacedSlot, change: number): void {
    let slots = this.#owners.get(kind)
    if (slots === undefined) this.#owners.set(kind, (slots = []))
    slots[slot] = (slots[slot] ?? 0) + change
  }

  #ownersOf({ kind, slot }: PlacedSlot): number {
    return this.#owners.get(kind)?.[slot] ?? 0
  }
}

// Member by member: an object literal that begins with a spread takes V8 thirty times as long, and thousands come at once.
function held(unit: ConfigUnit): HeldUnit {
  const { key, plans, clusters, listeners, members, virtualHosts, secrets, tlsContexts, programs } = unit
  const slots = plans.map(({ kind, slot, name }) => ({ kind, slot, name }))
  return { key, clusters, listeners, members, virtualHosts, secrets, tlsContexts, programs, slots }
}
