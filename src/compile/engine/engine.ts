import type { DescMessage } from '@bufbuild/protobuf'
import { fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Cluster } from '../../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Listener } from '../../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { ResolverSettings } from '../../plan/compile.js'
import {
  claimedAddresses,
  compileClusterResource,
  compileListenerResource,
  type CompiledResource,
  type ResourceEnvironment,
  type ResourceErrors,
} from '../../plan/compile-resource.js'
import type { CollectionSource, DynamicSettings } from '../../plan/dynamic-settings.js'
import type { Reference } from '../../plan/reference.js'
import type { ConfigDelta, DeltaAnswer, Demand, DemandEnd } from '../../snapshot/config-delta.js'
import { backgroundClock } from '../../support/clock.js'
import type { Logger } from '../../support/log.js'
import { err, ok, type Result } from '../../support/result.js'
import type { DiscoveryClient, Resource, ResourceType } from '../../xds/types.js'
import { makeBreather } from '../../support/breather.js'
import type { DescribedCluster } from '../describe.js'
import { Collection, type CompiledThing } from './collection.js'
import { CollectionWatcher, type CollectionWatcherOptions } from './collection-watcher.js'
import type { Decoder } from './decoder.js'
import { Discoveries } from './discoveries.js'
import { Draining } from './draining.js'
import { OnDemandClusters } from './on-demand-clusters.js'
import { Outbox } from './outbox.js'
import { RuntimeLayers } from './runtime-layers.js'
import type { StaticThings } from './static-things.js'
import {
  ecdsScope,
  edsScope,
  ledsScope,
  type FeedEvent,
  rdsScope,
  sdsScope,
  srdsScope,
  type Statistics,
  type SubscriptionScope,
  vhdsScope,
} from './statistics.js'
import type { StoredResource } from './stored.js'
import { clusterUnit, listenerUnit, plainUnit } from './unit.js'

/** Everything the engine is made of for one bootstrap. */
export interface EngineSettings {
  readonly environment: ResourceEnvironment
  readonly dynamic: DynamicSettings
  readonly resolver: ResolverSettings
  readonly things: StaticThings
}

export interface EngineOptions {
  readonly settings: EngineSettings
  readonly client: DiscoveryClient
  readonly decoder: Decoder
  readonly statistics: Statistics
  readonly log: Logger
  readonly send: (delta: ConfigDelta) => void
  readonly onInitialized: () => void
  /** What requests waited for is there, or will not come. */
  readonly onSettledDemand: (demand: Demand, end: DemandEnd) => void
  /** The way to clusters for the client: a listener that nobody is shown. Absent: no source needs it. */
  readonly door?: CompiledResource | undefined
  /** Keys of units in use that nobody here knows of: what is not sent again is removed when everything has come. */
  readonly inherited: readonly string[]
  /** Unix milliseconds. */
  readonly time: () => number
  /** How long listeners that were replaced or removed go on. */
  readonly drainMs: number
}

const collectionScopes: Record<'cluster' | 'listener', SubscriptionScope> = {
  cluster: { kind: 'cds', scope: 'cluster_manager.cds' },
  listener: { kind: 'subscription', scope: 'listener_manager.lds' },
}

/**
 * Dynamic configuration: what management servers say, and what of the bootstrap waits for them. Resources come in through the discovery
 * client, are compiled one by one, warm until they have what they refer to, and go to main as units. Configuration thread.
 */
export class Engine {
  readonly #options: EngineOptions
  readonly #outbox: Outbox
  readonly #discoveries: Discoveries
  readonly #runtime: RuntimeLayers
  readonly #breathe = makeBreather()
  /** DNS clusters that main has not heard of yet. */
  readonly #resolving = new Set<string>()
  readonly #inherited: Set<string>
  readonly clusters: Collection
  readonly listeners: Collection
  readonly draining: Draining
  readonly #onDemand: OnDemandClusters
  #settings: EngineSettings
  #areClustersInitialized = false
  #resumeClusters: (() => void) | undefined
  #onResolved: (() => void)[] = []
  #isClosed = false
  #isInitialized = false
  readonly versions = { cds: '', lds: '' }

  constructor(options: EngineOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#inherited = new Set(options.inherited)
    this.#outbox = new Outbox({
      send: delta => {
        for (const unit of delta.units) this.#inherited.delete(unit.key)
        options.statistics.flush()
        options.send(delta)
      },
    })
    const { statistics } = options
    this.#onDemand = new OnDemandClusters({
      client: options.client,
      types: this.#types,
      clock: backgroundClock,
      onOpened: () => statistics.declare(onDemandScope),
      onEvent: event => statistics.subscription(onDemandScope, event),
      watcher: () => this.#collectionWatcher('cluster', { onFirst: () => undefined, onApplied: () => undefined }),
      isInUse: name =>
        this.#settings.things.names.clusters.has(name) ||
        (this.clusters.entries.get(name)?.active !== undefined && !this.#resolving.has(name)),
      whenIdle: () => this.#outbox.idle(),
    })
    this.#discoveries = new Discoveries({
      clusters: this.#onDemand,
      client: options.client,
      outbox: this.#outbox,
      environment: () => this.#settings.environment,
      messageOf: resource => options.decoder.messageOf(resource),
      faultsOf: resource => options.decoder.faultsOf(resource),
      onEvent: (reference, event) => this.#subscriptionEvent(reference, event),
      onOpened: reference => {
        const scope = scopeOf(reference)
        if (scope !== undefined) statistics.opened(scope)
      },
      onClosed: reference => {
        const scope = scopeOf(reference)
        const isLast = scope !== undefined && statistics.forget(scope)
        // Main knows nothing of a cluster that never was in use.
        const entry = reference.kind === 'endpoint' ? this.clusters.entries.get(reference.use.cluster) : undefined
        if (isLast && entry !== undefined && entry.active === undefined)
          statistics.forget({ kind: 'cluster', scope: scope.scope })
      },
      onScopes: ({ statPrefix, use }, { all, active, onDemand }) => {
        const { kind, scope } = srdsScope(statPrefix, use.setName)
        statistics.set(kind, scope, 'all_scopes', all)
        statistics.set(kind, scope, 'active_scopes', active)
        statistics.set(kind, scope, 'on_demand_scopes', onDemand)
      },
      time: options.time,
      clock: backgroundClock,
    })
    this.clusters = new Collection({
      outbox: this.#outbox,
      supplier: this.#discoveries,
      reserved: name => this.#settings.things.names.clusters.has(name),
      onChange: (change, name) => {
        statistics.inc('cluster_manager', 'cluster_manager', `cluster_${change}`)
        if (change === 'removed') this.#resolved(name)
      },
      countsRefused: true,
      onCounts: () => this.#countClusters(),
    })
    this.draining = new Draining(options.drainMs, backgroundClock)
    this.listeners = new Collection({
      onRetired: (version, next) => this.draining.retired(version, next),
      outbox: this.#outbox,
      supplier: this.#discoveries,
      reserved: name => this.#settings.things.names.listeners.has(name),
      onChange: change => statistics.inc('listener_manager', 'listener_manager', `listener_${change}`),
      onCounts: () =>
        statistics.set('listener_manager', 'listener_manager', 'total_listeners_warming', this.listeners.warming),
    })
    this.#runtime = new RuntimeLayers({
      layers: options.settings.dynamic.runtime,
      client: options.client,
      types: this.#types,
      messageOf: resource => options.decoder.messageOf(resource),
      onValues: values => this.#runtimeChanged(values),
      onEvent: event => statistics.subscription({ kind: 'subscription', scope: 'runtime' }, event),
    })
  }

  /** Asks for everything in Envoy's order: the runtime, clusters with what they need, listeners with what they need. */
  async start(): Promise<void> {
    const { client, door, log, onInitialized, statistics } = this.#options
    const { dynamic, things } = this.#settings
    if (dynamic.cds !== undefined) statistics.declare(collectionScopes.cluster)
    if (dynamic.lds !== undefined) statistics.declare(collectionScopes.listener)
    if (door !== undefined) await this.#outbox.put(plainUnit('door', door))
    // Clusters that need files alone: streams may go through them.
    const isPrimary = ({ references }: CompiledThing) =>
      references.every(({ source }) => this.#discoveries.isFile(source))
    const primary = things.clusters.filter(isPrimary)
    for (const thing of primary) void this.#set(this.clusters, thing)
    if (primary.length > 0) await Promise.all([this.clusters.settled(), this.#outbox.idle()])
    client.start()
    await this.#runtime.start()
    for (const thing of things.clusters) if (!primary.includes(thing)) void this.#set(this.clusters, thing)
    await this.#collect('cluster', dynamic.cds)
    await this.clusters.settled()
    await this.#outbox.idle()
    await this.#allResolved()
    this.#areClustersInitialized = true
    log.info('all clusters initialized. initializing init manager')
    if (this.#isClosed) return
    this.listeners.hold()
    for (const thing of things.listeners) void this.#set(this.listeners, thing)
    await this.#collect('listener', dynamic.lds)
    await this.listeners.settled()
    await this.#outbox.idle()
    if (this.#isClosed) return
    for (const { name, verdict } of await this.listeners.release())
      if (verdict !== undefined) log.error(`listener '${name}': ${verdict}`)
    for (const key of this.#inherited) void this.#outbox.remove(key)
    await this.#outbox.idle()
    this.#isInitialized = true
    onInitialized()
  }

  /** The bootstrap's own part is another one, while its sources are the same. */
  adopt(settings: EngineSettings): void {
    const before = this.#settings
    const { runtime } = before.environment
    this.#settings = { ...settings, environment: { ...settings.environment, runtime } }
    const pairs = [
      [this.clusters, before.things.clusters, settings.things.clusters],
      [this.listeners, before.things.listeners, settings.things.listeners],
    ] as const
    for (const [collection, old, fresh] of pairs) {
      const names = new Set(fresh.map(({ name }) => name))
      for (const { name } of old) if (!names.has(name)) collection.remove(name, true)
      for (const thing of fresh) void this.#set(collection, thing)
    }
  }

  get settings(): EngineSettings {
    return this.#settings
  }

  /** Everything that was waited for at the start has come, or will not. */
  get isInitialized(): boolean {
    return this.#isInitialized
  }

  get discoveries(): Discoveries {
    return this.#discoveries
  }

  answered(answer: DeltaAnswer): void {
    for (const name of answer.resolving) this.#resolving.add(name)
    this.#outbox.answered(answer)
    this.#countClusters()
  }

  /** A request waits for something that may come on demand. */
  demanded({ what, slot, name }: Demand): void {
    const settled = (end: DemandEnd): void => this.#options.onSettledDemand({ what, slot, name }, end)
    if (what === 'cluster') this.#onDemand.demand(slot, name, settled)
    else this.#discoveries.demand(what, slot, name, () => settled('came'))
  }

  resolved(cluster: string): void {
    this.#resolved(cluster)
    this.#countClusters()
  }

  close(): void {
    this.#isClosed = true
    this.#options.client.close() // first: thousands of subscriptions that end one by one would each be told to the server
    this.#outbox.close()
    this.#runtime.close()
    this.draining.close()
    this.#onDemand.close()
    this.#discoveries.close()
  }

  get #types() {
    return this.#options.settings.environment.deps.types
  }

  async #set(collection: Collection, thing: CompiledThing): Promise<void> {
    if (collection.isKnown(thing.stored, true)) return
    const verdict = await collection.set(thing)
    if (verdict !== undefined) this.#options.log.error(`'${thing.name}': ${verdict}`)
  }

  /** Resolves when the first answer has been taken, or there will be none. */
  #collect(type: 'cluster' | 'listener', from: CollectionSource | undefined): Promise<void> {
    if (from === undefined) return Promise.resolve()
    const { client, statistics, time } = this.#options
    const schema = this.#types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    const isCluster = type === 'cluster'
    const scope = collectionScopes[type]
    return new Promise(resolve => {
      client.subscribe({
        type,
        source: fromBinary(schema, from.source.bytes) as ConfigSource,
        names: undefined,
        ...(from.locator !== '' && { collection: from.locator }),
        watcher: this.#collectionWatcher(type, {
          onFirst: resolve,
          onApplied: (version, isReload) => {
            this.versions[isCluster ? 'cds' : 'lds'] = version
            if (isReload) statistics.subscription(scope, { kind: 'changed', at: time() })
          },
        }),
        onEvent: event => statistics.subscription(scope, event),
      })
    })
  }

  #collectionWatcher(
    type: 'cluster' | 'listener',
    hooks: Pick<CollectionWatcherOptions, 'onFirst' | 'onApplied'>,
  ): CollectionWatcher {
    const { client, time } = this.#options
    const isCluster = type === 'cluster'
    const least = this.#settings.dynamic.leastClusters
    return new CollectionWatcher({
      ...hooks,
      called: type,
      ...(isCluster && least > 0 && { least }),
      collection: isCluster ? this.clusters : this.listeners,
      compile: (resource, stored) => {
        const faults = this.#options.decoder.faultsOf(resource)
        if (faults !== undefined) return err(faults)
        return isCluster ? this.#compileCluster(resource, stored) : this.#compileListener(resource, stored)
      },
      around: () => client.pause(isCluster ? heldBackByClusters : heldBackByListeners),
      time,
      breathe: this.#breathe,
    })
  }

  #compileCluster(resource: Resource, stored: StoredResource): Result<CompiledThing, ResourceErrors> {
    const { decoder } = this.#options
    const { environment, resolver } = this.#settings
    const plain = decoder.plainClusters.compile(resource.bytes, environment)
    if (plain !== undefined) return ok(clusterThing(plain.compiled, plain.described, resolver, stored))
    const message = decoder.messageOf(resource) as Cluster
    const compiled = compileClusterResource(message, environment)
    if (!compiled.ok) return compiled
    if (decoder.isSilent(resource)) decoder.plainClusters.learn(resource.bytes, message, compiled.value, environment)
    return ok(clusterThing(compiled.value, message, resolver, stored))
  }

  #compileListener(resource: Resource, stored: StoredResource): Result<CompiledThing, ResourceErrors> {
    const message = this.#options.decoder.messageOf(resource) as Listener
    const compiled = compileListenerResource(message, this.#settings.environment)
    if (!compiled.ok) return compiled
    const { name, references, listener } = compiled.value
    const addresses = listener === undefined ? [] : claimedAddresses(listener)
    const taken = this.#takenBy(addresses, name)
    if (taken !== undefined)
      return err([
        {
          code: 'bad-value',
          path: '',
          message: `error adding listener: '${name}' has duplicate address '${taken}' as existing listener, to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener`,
        },
      ])
    this.#addresses.set(name, addresses)
    return ok({ name, unit: listenerUnit(compiled.value, message, this.#types), references, stored, isStatic: false })
  }

  /** Addresses of dynamic listeners, by name; those of listeners that are gone count no more. */
  readonly #addresses = new Map<string, readonly string[]>()

  #takenBy(addresses: readonly string[], name: string): string | undefined {
    for (const other of this.#addresses.keys()) if (!this.listeners.entries.has(other)) this.#addresses.delete(other)
    const others = [...this.#settings.things.addresses, ...this.#addresses].filter(([other]) => other !== name)
    const isTaken = others.some(([, taken]) => addresses.some(address => taken.includes(address)))
    return isTaken ? addresses.join(',') : undefined
  }

  #runtimeChanged(values: ReadonlyMap<string, ReadonlyMap<string, string>>): Promise<void> {
    const { environment, dynamic } = this.#settings
    const merged = new Map(environment.runtime)
    for (const { layer } of dynamic.runtime) for (const [key, value] of values.get(layer) ?? []) merged.set(key, value)
    this.#settings = { ...this.#settings, environment: { ...environment, runtime: merged } }
    return this.#outbox.runtime(
      dynamic.runtime.map(({ layer: name }) => ({ name, values: Object.fromEntries(values.get(name) ?? []) })),
    )
  }

  #subscriptionEvent(reference: Reference, event: FeedEvent): void {
    const scope = scopeOf(reference)
    if (scope !== undefined) this.#options.statistics.subscription(scope, event)
  }

  #countClusters(): void {
    this.#onDemand.look()
    const warming = this.clusters.warming + this.#resolving.size
    this.#options.statistics.set('cluster_manager', 'cluster_manager', 'warming_clusters', warming)
    if (!this.#areClustersInitialized) return
    // As Envoy: the next answer about clusters waits for those that warm.
    if (warming > 0) this.#resumeClusters ??= this.#options.client.pause(['cluster'])
    else {
      this.#resumeClusters?.()
      this.#resumeClusters = undefined
    }
  }

  #resolved(cluster: string): void {
    this.#resolving.delete(cluster)
    if (this.#resolving.size === 0) for (const resolve of this.#onResolved.splice(0)) resolve()
  }

  #allResolved(): Promise<void> {
    if (this.#resolving.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#onResolved.push(resolve))
  }
}

function clusterThing(
  compiled: CompiledResource,
  message: DescribedCluster,
  resolver: ResolverSettings,
  stored: StoredResource,
): CompiledThing {
  const { name, references } = compiled
  return { name, unit: clusterUnit(compiled, message, resolver, true), references, stored, isStatic: false }
}

const onDemandScope: SubscriptionScope = { kind: 'subscription', scope: 'cluster_manager.odcds' }
const heldBackByClusters: readonly ResourceType[] = ['endpoint', 'locality-endpoints', 'secret']
const heldBackByListeners: readonly ResourceType[] = ['route', 'scoped-route', 'virtual-host', 'extension-config']

function scopeOf(reference: Reference): SubscriptionScope | undefined {
  switch (reference.kind) {
    case 'endpoint':
      return edsScope(reference.use.cluster)
    case 'locality-endpoints':
      return ledsScope(reference.use.cluster)
    case 'secret':
      return sdsScope(reference.name)
    case 'route':
      return rdsScope(reference.statPrefix ?? '', reference.name)
    case 'scoped-route':
      return srdsScope(reference.statPrefix, reference.use.setName)
    case 'virtual-host':
      return vhdsScope(reference.statPrefix, reference.name)
    case 'extension-config':
      return ecdsScope(reference.use.category, reference.name)
    default:
      return undefined
  }
}
