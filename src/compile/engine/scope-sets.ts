import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { ScopedRouteConfiguration } from '../../generated/protos/envoy/config/route/v3/scoped_route_pb.js'
import { type CompiledResource, compileScopedRouteResource, reasonOf, scopesPlan } from '../../plan/compile-resource.js'
import type { Reference, ScopedRouteReference } from '../../plan/reference.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import type { Subscription, Update } from '../../xds/types.js'
import { describeVirtualHosts } from '../describe.js'
import type { DiscoveriesOptions } from './discoveries.js'
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

interface ScopeSet extends Needed {
  readonly key: string
  readonly reference: ScopedRouteReference
  readonly waiting: Map<object, () => void>
  /** Scopes on demand that somebody asked for, by name; what their route tables are held by. */
  readonly demanded: Map<string, Requirements>
  subscription: Subscription | undefined
  isSettled: boolean
  scopes: ReadonlyMap<string, Scope>
  version: string
  updatedAt: number
  active: Version | undefined
  warming: Version | undefined
}

/** Sets of scopes (SRDS): each is one plan, made of all the scopes that its subscription has brought. */
export class ScopeSets {
  readonly #options: ScopeSetsOptions
  readonly #sets = new Map<string, ScopeSet>()

  constructor(options: ScopeSetsOptions) {
    this.#options = options
  }

  /** Those that something has come for. */
  get stored(): readonly StoredScopes[] {
    return [...this.#sets.values()].flatMap(({ reference, version, updatedAt, scopes }) =>
      updatedAt === 0
        ? []
        : [{ name: reference.use.setName, version, updatedAt, scopes: [...scopes.values()].map(one => one.stored) }],
    )
  }

  acquire(reference: ScopedRouteReference, onSettled: () => void): { needed: Needed; release(): void } {
    const key = `scoped-route/${reference.use.planName}`
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = {
        key,
        reference,
        waiting: new Map(),
        demanded: new Map(),
        subscription: undefined,
        isSettled: false,
        scopes: new Map(),
        version: '',
        updatedAt: 0,
        active: undefined,
        warming: undefined,
      }
      this.#sets.set(key, set)
    }
    const held = set
    const holder = {}
    held.waiting.set(holder, onSettled)
    held.subscription ??= this.#subscribe(held)
    return { needed: held, release: () => this.#release(held, holder) }
  }

  /** A request waits for the route table of this scope. `onSettled`: it is there, or will not come. */
  demand(slot: number, name: string, onSettled: () => void): void {
    const set = [...this.#sets.values()].find(one => one.reference.slot === slot)
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
    for (const { subscription } of this.#sets.values()) subscription?.close()
    this.#sets.clear()
  }

  #subscribe(set: ScopeSet): Subscription {
    const { reference } = set
    const { client, environment, onEvent } = this.#options
    const schema = environment().deps.types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    return client.subscribe({
      type: 'scoped-route',
      source: fromBinary(schema, reference.source.bytes) as ConfigSource,
      names: undefined,
      ...(reference.name !== '' && { collection: reference.name }),
      watcher: {
        onUpdate: update => this.#onUpdate(set, update),
        onFailure: reason => {
          if (reason !== 'connection') this.#settle(set)
        },
      },
      onEvent: event => onEvent(reference, event),
    })
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
    if (!isSame(set.scopes, next)) onEvent(set.reference, { kind: 'changed', at: time() })
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
      this.#settle(set)
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

  #settle(set: ScopeSet): void {
    if (set.isSettled) return
    set.isSettled = true
    for (const onSettled of [...set.waiting.values()]) onSettled()
  }

  #release(set: ScopeSet, holder: object): void {
    set.waiting.delete(holder)
    if (set.waiting.size > 0) return
    this.#sets.delete(set.key)
    set.subscription?.close()
    this.#options.onClosed(set.reference)
    for (const requirements of set.demanded.values()) requirements.release()
    set.active?.requirements.release()
    set.warming?.requirements.release()
    void this.#options.outbox.remove(set.key)
  }
}

const isSame = (before: ReadonlyMap<string, Scope>, now: ReadonlyMap<string, Scope>): boolean =>
  before.size === now.size && [...now].every(([name, { compiled }]) => before.get(name)?.compiled === compiled)

/** On demand it is asked for when a request comes. */
const isWanted = (reference: Reference): boolean => reference.isRequired

const scopeUnit = (message: ScopedRouteConfiguration, compiled: CompiledResource): ConfigUnit => ({
  ...plainUnit('', compiled),
  virtualHosts: message.routeConfiguration === undefined ? [] : describeVirtualHosts(message.routeConfiguration),
})
