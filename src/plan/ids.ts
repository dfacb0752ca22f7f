import crypto from 'node:crypto'

/**
 * Small stable numbers for names: clusters, listeners, route tables, secrets, scripts. Plans refer to each other by slot, so the hot path hashes no name and
 * a route table does not change when a cluster does. A slot is never given to another name while the process lives.
 *
 * Maps of plain data (they cross threads); the main thread keeps it between compilations, and a compilation works on a copy.
 */
export interface SlotTable {
  readonly clusters: ReadonlyMap<string, number>
  readonly listeners: ReadonlyMap<string, number>
  readonly routeTables: ReadonlyMap<string, number>
  readonly secrets: ReadonlyMap<string, number>
  readonly scripts: ReadonlyMap<string, number>
  readonly scopedRoutes: ReadonlyMap<string, number>
  readonly extensionConfigs: ReadonlyMap<string, number>
  /** Where clusters are asked for on demand. */
  readonly clusterSources: ReadonlyMap<string, number>
}

export const emptySlots: SlotTable = {
  clusters: new Map(),
  listeners: new Map(),
  routeTables: new Map(),
  secrets: new Map(),
  scripts: new Map(),
  scopedRoutes: new Map(),
  extensionConfigs: new Map(),
  clusterSources: new Map(),
}

/** A name that has got its slot. */
export interface NamedSlot {
  readonly kind: keyof SlotTable
  readonly name: string
  readonly slot: number
}

export class Slots {
  #added: NamedSlot[] = []
  readonly #maps: { readonly [Kind in keyof SlotTable]: Map<string, number> }

  constructor(table: SlotTable = emptySlots) {
    this.#maps = {
      clusters: new Map(table.clusters),
      listeners: new Map(table.listeners),
      routeTables: new Map(table.routeTables),
      secrets: new Map(table.secrets),
      scripts: new Map(table.scripts),
      scopedRoutes: new Map(table.scopedRoutes),
      extensionConfigs: new Map(table.extensionConfigs),
      clusterSources: new Map(table.clusterSources),
    }
  }

  /** The slot of a name; a new name takes the next free one. */
  of(kind: keyof SlotTable, name: string): number {
    const known = this.#maps[kind].get(name)
    if (known !== undefined) return known
    const slot = this.#maps[kind].size
    this.#maps[kind].set(name, slot)
    this.#added.push({ kind, name, slot })
    return slot
  }

  /** Names that got a slot since this was asked last. */
  takeAdded(): readonly NamedSlot[] {
    const added = this.#added
    this.#added = []
    return added
  }

  /** Takes over what names have got elsewhere. */
  adopt(added: readonly NamedSlot[]): void {
    for (const { kind, name, slot } of added) this.#maps[kind].set(name, slot)
  }

  adoptTable(table: SlotTable): void {
    for (const kind of Object.keys(this.#maps) as (keyof SlotTable)[])
      for (const [name, slot] of table[kind]) this.#maps[kind].set(name, slot)
  }

  /** The table as plain data, with the names added since. */
  table(): SlotTable {
    return {
      clusters: new Map(this.#maps.clusters),
      listeners: new Map(this.#maps.listeners),
      routeTables: new Map(this.#maps.routeTables),
      secrets: new Map(this.#maps.secrets),
      scripts: new Map(this.#maps.scripts),
      scopedRoutes: new Map(this.#maps.scopedRoutes),
      extensionConfigs: new Map(this.#maps.extensionConfigs),
      clusterSources: new Map(this.#maps.clusterSources),
    }
  }
}

/**
 * The identity of a plan: the hash of its name and bytes, in hexadecimal. The same resource sent again is the same plan; two
 * clusters with the same endpoints are not, since each counts for its own hosts.
 */
export function planId(bytes: Uint8Array, name = ''): string {
  return name === '' ? sha1(bytes) : sha1(Buffer.concat([Buffer.from(`${name}\0`), bytes]))
}

/** Of Node 20.12 on in one step, which is three times as fast: a large configuration has tens of thousands of plans. */
const sha1: (bytes: Uint8Array) => string =
  typeof crypto.hash === 'function'
    ? bytes => crypto.hash('sha1', bytes, 'hex')
    : bytes => crypto.createHash('sha1').update(bytes).digest('hex')

/** A name as one part of a longer one: "/" and ":" in it are escaped, so that parts joined by these stay apart. */
export function namePart(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2F').replaceAll(':', '%3A')
}
