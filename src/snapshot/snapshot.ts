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

/** A place in the snapshot. */
export type PlacedSlot = Pick<PlacedPlan, 'kind' | 'slot'>

/** What stands in each slot, as main knows it: which plan, by id. One change costs one entry, whatever the size. Main thread. */
export class Snapshot {
  #version = 0
  readonly #kinds = new Map<PlanKind, (string | undefined)[]>()

  /** How many commits there were. */
  get version(): number {
    return this.#version
  }

  idOf(kind: PlanKind, slot: number): string | undefined {
    return this.#kinds.get(kind)?.[slot]
  }

  /** Stands this very plan in its place? */
  has({ kind, slot, id }: Pick<PlacedPlan, 'kind' | 'slot' | 'id'>): boolean {
    return this.idOf(kind, slot) === id
  }

  /** These were committed. */
  record(changes: readonly SnapshotChange[]): void {
    this.#version += 1
    for (const { kind, slot, id } of changes) {
      let slots = this.#kinds.get(kind)
      if (slots === undefined) this.#kinds.set(kind, (slots = []))
      slots[slot] = id === '' ? undefined : id
    }
  }
}
