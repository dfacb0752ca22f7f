import type { PlanKind, SnapshotChange } from '../native/addon.js'

/** A plan and the place it stands in. */
export interface PlacedPlan {
  readonly kind: PlanKind
  readonly name: string
  readonly slot: number
  /** Hash of the bytes. */
  readonly id: string
  readonly bytes: Uint8Array
}

type Slots = ReadonlyMap<number, { readonly id: string; readonly name: string }>

/** What a snapshot differs in from the one before: plans the native store may not have yet, and the slots they go to. */
export interface Delta {
  readonly plans: readonly PlacedPlan[]
  readonly changes: readonly SnapshotChange[]
}

/** A version number and what stands in each slot. Immutable; kinds that did not change are shared with the snapshot before. */
export class Snapshot {
  static readonly empty = new Snapshot(0, new Map())

  readonly version: number
  readonly #kinds: ReadonlyMap<PlanKind, Slots>

  private constructor(version: number, kinds: ReadonlyMap<PlanKind, Slots>) {
    this.version = version
    this.#kinds = kinds
  }

  idOf(kind: PlanKind, slot: number): string | undefined {
    return this.#kinds.get(kind)?.get(slot)?.id
  }

  /** What must change so that of `kinds` exactly `plans` stand there; other kinds stay. */
  deltaTo(plans: readonly PlacedPlan[], kinds: readonly PlanKind[]): Delta {
    const wanted = new Set(plans.map(plan => `${plan.kind} ${plan.slot}`))
    const gone = kinds.flatMap(kind =>
      [...(this.#kinds.get(kind)?.keys() ?? [])]
        .filter(slot => !wanted.has(`${kind} ${slot}`))
        .map(slot => ({ kind, slot, id: '' })),
    )
    const added = this.deltaWith(plans)
    return { ...added, changes: [...added.changes, ...gone] }
  }

  /** What must change so that these plans stand where they say; the rest stays. */
  deltaWith(plans: readonly PlacedPlan[]): Delta {
    const fresh = plans.filter(plan => this.idOf(plan.kind, plan.slot) !== plan.id)
    return { plans: fresh, changes: fresh.map(({ kind, slot, id }) => ({ kind, slot, id })) }
  }

  /** The next version. */
  apply(delta: Delta): Snapshot {
    const kinds = new Map(this.#kinds)
    const names = new Map(delta.plans.map(plan => [`${plan.kind} ${plan.slot}`, plan.name]))
    for (const kind of new Set(delta.changes.map(change => change.kind))) {
      const slots = new Map(kinds.get(kind))
      for (const { slot, id } of delta.changes.filter(change => change.kind === kind)) {
        if (id === '') slots.delete(slot)
        else slots.set(slot, { id, name: names.get(`${kind} ${slot}`) ?? '' })
      }
      kinds.set(kind, slots)
    }
    return new Snapshot(this.version + 1, kinds)
  }
}
