import type { ScopedRouteConfiguration } from '../../generated/protos/envoy/config/route/v3/scoped_route_pb.js'
import { type CompiledResource, compileScopedRouteResource, reasonOf, scopesPlan } from '../../plan/compile-resource.js'
import type { Reference, ScopedRouteReference } from '../../plan/reference.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import type { Update } from '../../xds/types.js'
import { describeVirtualHosts } from '../describe.js'
import type { DiscoveriesOptions } from './discoveries.js'
import { type HeldSet, HeldSets } from './held-sets.js'
import type { Verdict } from './outbox.js'
import { type Needed, Requirements, type Supplier } from './requirements.js'
import { sameBytes, type StoredResource } from './stored.js'
import { joinedUnit, plainUnit } from './unit.js'

export interface ScopeCounts {
  readonly all: number
  /** Whose route table is asked for. */
  readonly active: number
  readonly onDemand: number
}

export interface ScopeSetsOptions extends DiscoveriesOptions {
  /** Of the route tables that scopes name. */
  readonly supplier: Supplier<Needed>
}

/** For /config_dump: a set and its scopes as they came. */
export interface StoredScopes {
  readonly name: string
  readonly version: string
  readonly updatedAt: number
  readonly scopes: readonly StoredResource[]
}

interface Scope {
  readonly stored: StoredResource
  readonly compiled: CompiledResource
  readonly unit: ConfigUnit
}

interface Version {
  readonly unit: ConfigUnit
  readonly requirements: Requirements
}

interface ScopeSet extends HeldSet<ScopedRouteReference> {
  /** Scopes on demand that somebody asked for, by name; what their route tables are held by. */
  readonly demanded: Map<string, Requirements>
  scopes: ReadonlyMap<string, Scope>
  version: string
  updatedAt: number
  active: Version | undefined
  warming: Version | undefined
}

/** Sets of scopes (SRDS): each is one plan, made of all the scopes that its subscription has brought. */
export class ScopeSets {
  readonly #options: ScopeSetsOptions
  readonly #sets: HeldSets<ScopedRouteReference, ScopeSet>

  constructor(options: ScopeSetsOptions) {
    this.#options = options
    this.#sets = new HeldSets({
      ...options,
      asked: ({ name }) => ({ type: 'scoped-route', names: undefined, ...(name !== '' && { collection: name }) }),
      onUpdate: (set, update) => this.#onUpdate(set, update),
      onReleased: set => this.#onReleased(set),
    })
  }

  /** Those that something has come for. */
  get stored(): readonly StoredScopes[] {
    return this.#sets.all.flatMap(({ reference, version, updatedAt, scopes }) =>
      updatedAt === 0
        ? []
        : [{ name: reference.use.setName, version, updatedAt, scopes: [...scopes.values()].map(one => one.stored) }],
    )
  }

  acquire(reference: ScopedRouteReference, onSettled: () => void): { needed: Needed; release(): void } {
    const key = `scoped-route/${reference.use.planName}`
    return this.#sets.acquire(key, reference, newScopes, onSettled)
  }

  /** A request waits for the route table of this scope. `onSettled`: it is there, or will not come. */
  demand(slot: number, name: string, onSettled: () => void): void {
    const set = this.#sets.all.find(one => one.reference.slot === slot)
    const scope = set?.scopes.get(name)
    if (set === undefined || scope === undefined) return onSettled()
    set.demanded.get(name)?.release()
    // It is waited for now.
    const references = scope.compiled.references.map(reference => ({ ...reference, isRequired: true }))
    const requirements = new Requirements(references, this.#options.supplier, onSettled)
    set.demanded.set(name, requirements)
    this.#count(set)
    requirements.start()
  }

  close(): void {
    this.#sets.close()
  }

  async #onUpdate(set: ScopeSet, update: Update): Promise<string | undefined> {
    const { environment, messageOf, onEvent, time } = this.#options
    const next = new Map(update.isFullState ? [] : set.scopes)
    for (const name of update.removed) next.delete(name)
    const errors: string[] = []
    const fresh = new Set<string>()
    for (const resource of update.added) {
      const { name, typeUrl, bytes, version } = resource
      if (fresh.has(name)) errors.push(`duplicate scoped route configuration '${name}' found`)
      fresh.add(name)
      const known = set.scopes.get(name)
      const stored = { name, version, typeUrl, bytes, updatedAt: time() }
      if (known !== undefined && sameBytes(known.stored.bytes, bytes)) {
        next.set(name, { ...known, stored: { ...stored, updatedAt: known.stored.updatedAt } })
        continue
      }
      const message = messageOf(resource) as ScopedRouteConfiguration
      const compiled = compileScopedRouteResource(message, set.reference.use, environment())
      if (compiled.ok) next.set(name, { stored, compiled: compiled.value, unit: scopeUnit(message, compiled.value) })
      else errors.push(reasonOf(compiled.error))
    }
    const plan = scopesPlan(
      [...next.values()].flatMap(({ compiled }) => compiled.scope ?? []),
      set.reference.use,
    )
    if (!plan.ok) errors.push(plan.error)
    if (errors.length > 0 || !plan.ok) return `Error adding/updating scoped route(s): ${errors.join(', ')}`
    onEvent(set.reference, { kind: 'changed', at: time() })
    set.scopes = next
    set.version = update.version
    set.updatedAt = time()
    for (const [name, requirements] of set.demanded) {
      if (next.has(name)) continue
      requirements.release()
      set.demanded.delete(name)
    }
    const units = [...next.values()].map(({ unit }) => unit)
    const refused = await this.#warm(set, joinedUnit(set.key, [...units, plainUnit('', { plans: [plan.value] })]))
    this.#count(set)
    return refused
  }

  /** The set takes effect once the route tables that it must have are there. */
  async #warm(set: ScopeSet, unit: ConfigUnit): Promise<Verdict> {
    const references = [...set.scopes.values()].flatMap(({ compiled }) => compiled.references)
    const verdicts: Promise<Verdict>[] = []
    const requirements = new Requirements(references.filter(isWanted), this.#options.supplier, () => {
      set.active?.requirements.release()
      set.active = version
      set.warming = undefined
      verdicts.push(this.#options.outbox.put(version.unit))
      this.#sets.settle(set)
    })
    const version: Version = { unit, requirements }
    // Only now: what both need is not to be let go between.
    const before = set.warming
    set.warming = version
    before?.requirements.release()
    requirements.start()
    return (await Promise.all(verdicts)).find(verdict => verdict !== undefined)
  }

  #count(set: ScopeSet): void {
    const scopes = [...set.scopes.values()].map(({ compiled }) => compiled)
    const onDemand = scopes.filter(({ scope }) => scope?.isOnDemand).length
    const asked = scopes.filter(({ references }) => references.some(isWanted)).length
    this.#options.onScopes(set.reference, { all: scopes.length, onDemand, active: asked + set.demanded.size })
  }

  #onReleased(set: ScopeSet): void {
    for (const requirements of set.demanded.values()) requirements.release()
    set.active?.requirements.release()
    set.warming?.requirements.release()
    void this.#options.outbox.remove(set.key)
  }
}

const newScopes = (): Omit<ScopeSet, keyof HeldSet<ScopedRouteReference>> => ({
  demanded: new Map(),
  scopes: new Map(),
  version: '',
  updatedAt: 0,
  active: undefined,
  warming: undefined,
})

/** On demand it is asked for when a request comes. */
const isWanted = (reference: Reference): boolean => reference.isRequired

const scopeUnit = (message: ScopedRouteConfiguration, compiled: CompiledResource): ConfigUnit => ({
  ...plainUnit('', compiled),
  virtualHosts: message.routeConfiguration === undefined ? [] : describeVirtualHosts(message.routeConfiguration),
})
