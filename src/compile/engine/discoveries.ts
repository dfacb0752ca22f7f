import { fromBinary, type DescMessage, type Message } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { ClusterLoadAssignment } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { RouteConfiguration } from '../../generated/protos/envoy/config/route/v3/route_pb.js'
import { reasonOf, type ResourceEnvironment, type ResourceErrors } from '../../plan/compile-resource.js'
import { plainAssignment } from '../../plan/plain-assignment.js'
import { type DiscoverySource, type Reference, referenceKey, type ScopedRouteReference } from '../../plan/reference.js'
import type { MemberChanges } from '../../snapshot/config-delta.js'
import type { Clock } from '../../support/clock.js'
import type { DiscoveryClient, Resource, Subscription, Update } from '../../xds/types.js'
import { assignmentChanges, plainChanges } from './assignment-changes.js'
import { Asking, type Feed, type FeedOwner, Holder, Need, type NeedVersion, type Renewal } from './needs.js'
import { type CompiledNeed, isRemovable, kinds, startsWithout } from './kinds.js'
import type { FeedEvent } from './statistics.js'
import type { OnDemandClusters } from './on-demand-clusters.js'
import type { Outbox, Verdict } from './outbox.js'
import { type Hold, type Needed, Requirements, type Supplier } from './requirements.js'
import { type ScopeCounts, ScopeSets, type StoredScopes } from './scope-sets.js'
import { sameBytes, type StoredResource } from './stored.js'
import { ownName } from '../../xds/wire.js'
import { isUrn } from '../../xds/xdstp.js'
import { LocalityEndpoints } from './locality-endpoints.js'
import { VirtualHosts } from './virtual-hosts.js'

export interface DiscoveriesOptions {
  readonly client: DiscoveryClient
  readonly outbox: Outbox
  readonly environment: () => ResourceEnvironment
  /** The message of a resource, checked before. */
  readonly messageOf: (resource: Resource) => Message
  /** What is wrong with a payload in it. */
  readonly faultsOf: (resource: Resource) => ResourceErrors | undefined
  readonly onEvent: (reference: Reference, event: FeedEvent) => void
  /** Asking for something begins. */
  readonly onOpened: (reference: Reference) => void
  /** Nobody refers to it any more. */
  readonly onClosed: (reference: Reference) => void
  readonly clusters: Pick<OnDemandClusters, 'acquire'>
  readonly onScopes: (reference: ScopedRouteReference, counts: ScopeCounts) => void
  /** Unix milliseconds. */
  readonly time: () => number
  readonly clock: Clock
}

/** What references ask for: each resource is asked for as long as somebody refers to it. */
export class Discoveries implements Supplier<Needed> {
  readonly #options: DiscoveriesOptions
  readonly #feeds = new Map<string, Feed>()
  readonly #sources = new Map<string, ConfigSource>()
  readonly #scopes: ScopeSets
  readonly #virtualHosts: VirtualHosts
  readonly #localities: LocalityEndpoints
  readonly #owner: FeedOwner = {
    sourceOf: source => this.#source(source),
    onUpdate: (feed, update) => this.#onUpdate(feed, update),
    onFailed: feed => this.#failed(feed),
    onEvent: (reference, event) => this.#options.onEvent(reference, event),
  }

  constructor(options: DiscoveriesOptions) {
    this.#options = options
    this.#scopes = new ScopeSets({ ...options, supplier: this })
    this.#virtualHosts = new VirtualHosts({
      ...options,
      onChange: (slot, version) => this.#renew('route', slot, version),
    })
    this.#localities = new LocalityEndpoints({ ...options, onChange: slot => this.#renew('endpoint', slot) })
  }

  /** A request waits for something. `onSettled`: main has it, or it will not come. */
  demand(what: 'virtual-host' | 'scope', slot: number, name: string, onSettled: () => void): void {
    const settled = (): void => void this.#options.outbox.idle().then(onSettled)
    if (what === 'scope') this.#scopes.demand(slot, name, settled)
    else this.#virtualHosts.demand(slot, name, settled)
  }

  /** Whether it is a file, which needs no stream. */
  isFile(source: DiscoverySource): boolean {
    const { case: kind } = this.#source(source).configSourceSpecifier
    return kind === 'path' || kind === 'pathConfigSource'
  }

  get scopeSets(): readonly StoredScopes[] {
    return this.#scopes.stored
  }

  get feeds(): Iterable<Feed> {
    return this.#feeds.values()
  }

  acquire(reference: Reference, onSettled: () => void): Hold<Needed> {
    if (reference.kind === 'cluster') return this.#options.clusters.acquire(reference)
    if (reference.kind === 'scoped-route') return this.#scopes.acquire(reference, onSettled)
    if (reference.kind === 'virtual-host') return this.#virtualHosts.acquire(reference, onSettled)
    if (reference.kind === 'locality-endpoints') return this.#localities.acquire(reference, onSettled)
    const feed = this.#feed(reference)
    const key = keyOf(reference)
    let need = feed.needs.get(key)
    if (need === undefined) {
      need = new Need(feed.key === key ? feed.key : key, feed, reference)
      feed.needs.set(need.key, need)
      this.#fill(need)
      // Nobody waits: what holds until it comes holds from now on.
      if (!reference.isRequired && !need.isSettled) this.#goOnWithout(need)
    } else if (reference.kind !== 'endpoint' && JSON.stringify(reference) !== JSON.stringify(need.reference)) {
      // Used in another way now: compiled anew.
      need.reference = reference
      this.#fill(need)
    }
    if (reference.kind === 'endpoint') return this.#askAnew(need, reference, onSettled)
    const holder = new Holder(need, undefined, onSettled, this.#release)
    need.holders.add(holder)
    feed.subscription ??= this.#subscribe(feed)
    return holder
  }

  close(): void {
    for (const feed of this.#feeds.values()) {
      feed.subscription?.close()
      feed.cancelStale?.()
      for (const { renewals } of feed.needs.values()) for (const { subscription } of renewals) subscription?.close()
    }
    this.#feeds.clear()
    this.#scopes.close()
    this.#virtualHosts.close()
    this.#localities.close()
  }

  #feed(reference: Reference): Feed {
    // An assignment is asked for by each cluster on its own.
    const isOwn = reference.kind === 'endpoint'
    const key = isOwn ? keyOf(reference) : `${reference.kind} ${reference.source.key} ${reference.name}`
    let feed = this.#feeds.get(key)
    if (feed === undefined) {
      feed = {
        key,
        reference,
        needs: new Map(),
        subscription: undefined,
        stored: undefined,
        error: undefined,
        askedAt: this.#options.time(),
        staleAfterMs: 0,
        cancelStale: undefined,
        hasFailed: false,
      }
      this.#feeds.set(key, feed)
      this.#options.onOpened(reference)
    }
    return feed
  }

  #askAnew(need: Need, reference: Reference, onSettled: () => void): Holder {
    const isStale = reference !== need.reference && JSON.stringify(reference) !== JSON.stringify(need.reference)
    const renewal: Renewal = { isSettled: false, isAnswered: false, isStale, subscription: undefined }
    need.reference = reference
    const holder = new Holder(need, renewal, onSettled, this.#release)
    need.holders.add(holder)
    renewal.subscription = this.#subscribe(need.feed, renewal)
    return holder
  }

  #subscribe(feed: Feed, renewal?: Renewal): Subscription {
    return this.#options.client.subscribe(new Asking(this.#owner, feed, renewal))
  }

  /** One message for all who name the same source: thousands of clusters do. */
  #source({ key, bytes }: DiscoverySource): ConfigSource {
    let source = this.#sources.get(key)
    if (source === undefined) {
      const { types } = this.#options.environment().deps
      source = fromBinary(types.message('envoy.config.core.v3.ConfigSource') as DescMessage, bytes) as ConfigSource
      this.#sources.set(key, source)
    }
    return source
  }

  async #onUpdate(feed: Feed, update: Update): Promise<string | undefined> {
    const resource = update.added.find(({ name, isAbsent }) => name === feed.reference.name && !isAbsent)
    if (resource === undefined && update.removed.includes(feed.reference.name) && isRemovable(feed.reference)) {
      this.#removed(feed)
      return undefined
    }
    if (resource === undefined && feed.reference.kind === 'extension-config') {
      this.#failed(feed)
      return 'Unexpected number of resources in ExtensionConfigDS response: 0'
    }
    if (resource === undefined && feed.reference.kind === 'secret' && update.removed.length === 0) {
      this.#failed(feed)
      const [other] = update.added
      const { name } = feed.reference
      return other === undefined
        ? `Missing SDS resources for ${name} in onConfigUpdate()`
        : `Unexpected SDS secret (expecting ${name}): ${other.name}`
    }
    if (resource === undefined && feed.reference.kind === 'route' && update.removed.length > 0) return undefined
    if (resource === undefined) {
      // Envoy keeps what it has when a resource of these kinds is removed or an answer is empty.
      this.#options.onEvent(feed.reference, { kind: 'update_empty' })
      this.#failed(feed)
      return undefined
    }
    const misnamed = misnaming(feed.reference, resource)
    if (misnamed !== undefined) return misnamed
    const { typeUrl, bytes, name } = resource
    const stored = { name, version: resource.version, typeUrl, bytes, updatedAt: this.#options.time() }
    if (feed.stored !== undefined && sameBytes(feed.stored.bytes, bytes)) {
      // What secrets say of themselves is of the last response; the others stay of the version that brought them.
      if (feed.reference.kind === 'secret') feed.stored = { ...stored, updatedAt: feed.stored.updatedAt }
      feed.error = undefined
      this.#awaitNext(feed)
      if (this.#settleRenewals(feed)) this.#renewed(feed, bytes, () => this.#options.messageOf(resource))
      else this.#options.onEvent(feed.reference, { kind: 'unchanged' })
      return undefined
    }
    const faults = this.#options.faultsOf(resource)
    if (faults !== undefined) {
      feed.error = { failed: stored, details: reasonOf(faults) }
      return reasonOf(faults)
    }
    const verdicts: Promise<Verdict>[] = []
    const isAnew = feed.stored !== undefined && this.#hasRenewals(feed)
    let message: Message | undefined
    const messageNow = (): Message => (message ??= this.#options.messageOf(resource))
    const changes = this.#memberChanges(feed, bytes, messageNow)
    for (const need of feed.needs.values()) {
      const plain = kinds[need.reference.kind]?.compilePlain?.(need.key, bytes, need.reference)
      const refused =
        plain === undefined
          ? this.#compile(need, messageNow(), verdicts, changes)
          : this.#warm(need, plain, verdicts, changes)
      if (refused === undefined) continue
      feed.error = { failed: stored, details: refused }
      // What secrets say of themselves is of the last response, even of one that was refused.
      if (feed.reference.kind === 'secret' && feed.stored !== undefined)
        feed.stored = { ...feed.stored, version: stored.version }
      return refused
    }
    feed.stored = stored
    this.#awaitNext(feed)
    if (isAnew) this.#renewed(feed, bytes, messageNow)
    else if (changes?.updated === 0) this.#options.onEvent(feed.reference, { kind: 'unchanged' })
    this.#options.onEvent(feed.reference, { kind: 'changed', at: this.#options.time() })
    const refused = (await Promise.all(verdicts)).find(verdict => verdict !== undefined)
    feed.error = refused === undefined ? undefined : { failed: stored, details: refused }
    return refused
  }

  /** For a need that is new, or means something else than before. */
  #fill(need: Need): void {
    const { stored } = need.feed
    if (stored === undefined) {
      if (need.feed.hasFailed || startsWithout(need.reference)) this.#goOnWithout(need)
      return
    }
    const message = this.#messageOf(stored)
    if (this.#compile(need, message, []) !== undefined) this.#goOnWithout(need)
  }

  /** Members whose time is limited go when no others come within it. */
  #awaitNext(feed: Feed): void {
    feed.cancelStale?.()
    feed.cancelStale = undefined
    if (feed.staleAfterMs === 0) return
    this.#options.onEvent(feed.reference, { kind: 'assignment_timeout_received' })
    feed.cancelStale = this.#options.clock.after(feed.staleAfterMs, () => {
      feed.stored = undefined
      this.#options.onEvent(feed.reference, { kind: 'assignment_stale' })
      for (const need of feed.needs.values()) {
        const missing = kinds[need.reference.kind]?.missing?.(need.key, need.reference, this.#options.environment())
        if (missing !== undefined) void this.#options.outbox.put(missing)
      }
    })
  }

  /** How an assignment differs from the one before it. */
  #memberChanges({ reference, stored }: Feed, now: Uint8Array, messageNow: () => Message): MemberChanges | undefined {
    if (reference.kind !== 'endpoint' || stored === undefined) return undefined
    const [plainBefore, plainNow] = [plainAssignment(stored.bytes), plainAssignment(now)]
    if (plainBefore !== undefined && plainNow !== undefined) return plainChanges(plainBefore, plainNow)
    const { types } = this.#options.environment().deps
    const before = this.#messageOf(stored) as ClusterLoadAssignment
    return assignmentChanges(before, messageNow() as ClusterLoadAssignment, types)
  }

  #messageOf(stored: StoredResource): Message {
    return this.#options.messageOf({ ...stored, aliases: [], isAbsent: false })
  }

  #compile(need: Need, message: Message, verdicts: Promise<Verdict>[], changes?: MemberChanges): Verdict {
    const kind = kinds[need.reference.kind]
    if (kind === undefined) return `${need.reference.kind} is not carried out yet`
    const { reference } = need
    const completed = reference.kind === 'route' ? this.#withDiscoveredHosts(message, reference.slot) : message
    const compiled = kind.compile(need.key, completed, reference, this.#options.environment(), locality =>
      this.#localities.of(reference.slot, locality),
    )
    return compiled.ok ? this.#warm(need, compiled.value, verdicts, changes) : reasonOf(compiled.error)
  }

  /** It takes effect when what it needs itself is there. */
  #warm(
    need: Need,
    compiled: CompiledNeed,
    verdicts: Promise<Verdict>[],
    changes: MemberChanges | undefined,
  ): undefined {
    const { references, staleAfterMs = 0 } = compiled
    need.feed.staleAfterMs = staleAfterMs
    const unit =
      changes === undefined
        ? compiled.unit
        : { ...compiled.unit, members: compiled.unit.members.map(members => ({ ...members, changes })) }
    const requirements = new Requirements(references, this, () => {
      verdicts.push(this.#activate(need, version))
    })
    const version: NeedVersion = { unit, requirements }
    // Only now: what both need is not to be let go between.
    const before = need.warming
    need.warming = version
    before?.requirements.release()
    requirements.start()
    return undefined
  }

  #activate(need: Need, version: NeedVersion): Promise<Verdict> {
    need.active?.requirements.release()
    need.active = version
    need.warming = undefined
    const { unit } = version
    version.unit = undefined
    const verdict = unit === undefined ? Promise.resolve(undefined) : this.#options.outbox.put(unit)
    this.#settle(need)
    return verdict
  }

  /** A table whose virtual hosts come by themselves has others now, or an assignment other members. */
  async #renew(kind: 'route' | 'endpoint', slot: number, version?: string): Promise<Verdict> {
    const verdicts: Promise<Verdict>[] = []
    for (const feed of this.#feeds.values()) {
      const { stored, needs } = feed
      for (const need of needs.values()) {
        if (stored === undefined || need.reference.kind !== kind || need.reference.slot !== slot) continue
        const message = this.#messageOf(stored)
        const refused = this.#compile(need, message, verdicts)
        if (refused !== undefined) return refused
        // As in Envoy, a table is of the version of what was said last about its virtual hosts.
        if (version !== undefined) feed.stored = { ...stored, version }
      }
    }
    return (await Promise.all(verdicts)).find(verdict => verdict !== undefined)
  }

  /** The route tables that came, each with the virtual hosts that came for it. */
  get tables(): readonly { readonly stored: StoredResource; readonly table: Message }[] {
    return [...this.#feeds.values()].flatMap(({ reference, stored, needs }) => {
      if (reference.kind !== 'route' || stored === undefined) return []
      const [need] = needs.values()
      const slot = need?.reference.kind === 'route' ? need.reference.slot : reference.slot
      return [{ stored, table: this.#withDiscoveredHosts(this.#messageOf(stored), slot) }]
    })
  }

  #withDiscoveredHosts(message: Message, slot: number): Message {
    const table = message as RouteConfiguration
    const hosts = table.vhds === undefined ? [] : this.#virtualHosts.of(slot)
    if (hosts.length === 0) return message
    const whole: RouteConfiguration = { ...table, virtualHosts: [...table.virtualHosts, ...hosts] }
    return whole
  }

  /** What was there is there no more: the default holds, or nothing. */
  #removed(feed: Feed): void {
    this.#options.onEvent(feed.reference, { kind: 'changed', at: this.#options.time() })
    feed.stored = undefined
    feed.hasFailed = true
    for (const need of feed.needs.values()) {
      need.active?.requirements.release()
      need.warming?.requirements.release()
      need.active = need.warming = undefined
      const missing = kinds[need.reference.kind]?.missing?.(need.key, need.reference, this.#options.environment())
      void (missing === undefined ? this.#options.outbox.remove(need.key) : this.#options.outbox.put(missing))
      this.#settle(need)
    }
  }

  #failed(feed: Feed): void {
    if (feed.stored !== undefined) {
      // As Envoy does on a shared stream: the version before had members, and they are as good as any.
      if (!this.#settleRenewals(feed)) return
      this.#options.onEvent(feed.reference, { kind: 'assignment_use_cached' })
      const { stored } = feed
      this.#renewed(feed, stored.bytes, () => this.#messageOf(stored))
      return
    }
    feed.hasFailed = true
    for (const need of feed.needs.values()) {
      if (need.isSettled) this.#settle(need)
      else this.#goOnWithout(need)
    }
  }

  #goOnWithout(need: Need): void {
    const missing = kinds[need.reference.kind]?.missing?.(need.key, need.reference, this.#options.environment())
    if (missing !== undefined && need.active === undefined) void this.#options.outbox.put(missing)
    this.#settle(need)
  }

  #settle(need: Need): void {
    const isFirst = !need.isSettled
    need.isSettled = true
    const answered = need.renewals.filter(({ isAnswered, isSettled }) => isAnswered && !isSettled)
    for (const renewal of answered) renewal.isSettled = true
    if (answered.length > 0) this.#closeEarlier(need)
    if (isFirst || answered.length > 0) for (const { onSettled } of [...need.holders]) onSettled()
  }

  /** The newest version that was answered hears for those before it, as in Envoy. */
  #closeEarlier({ renewals: all }: Need): void {
    const newest = all.findLastIndex(({ isSettled }) => isSettled)
    for (const earlier of all.slice(0, Math.max(newest, 0))) {
      earlier.subscription?.close()
      earlier.subscription = undefined
    }
  }

  #hasRenewals({ needs }: Feed): boolean {
    return [...needs.values()].some(({ renewals }) =>
      renewals.some(({ isAnswered, isSettled }) => isAnswered && !isSettled),
    )
  }

  #renewed(feed: Feed, bytes: Uint8Array, messageOf: () => Message): void {
    const all =
      plainAssignment(bytes)?.filter(({ hosts }) => hosts.length > 0) ??
      (messageOf() as ClusterLoadAssignment).endpoints.filter(({ lbEndpoints }) => lbEndpoints.length > 0)
    const priorities = new Set(all.map(({ priority }) => priority)).size
    this.#options.onEvent(feed.reference, { kind: 'renewed', priorities })
  }

  /** What later versions of a cluster waited for is what was there already. Were there such? */
  #settleRenewals(feed: Feed): boolean {
    let isRenewed = false
    for (const need of feed.needs.values()) {
      const renewed = need.renewals.filter(({ isAnswered, isSettled }) => isAnswered && !isSettled)
      if (renewed.length === 0) continue
      isRenewed = true
      const isStale = renewed.some(renewal => renewal.isStale)
      for (const renewal of renewed) renewal.isStale = false
      if (isStale) this.#fill(need)
      if (need.warming === undefined) this.#settle(need)
    }
    return isRenewed
  }

  readonly #release = (holder: Holder): void => {
    const { need } = holder
    need.holders.delete(holder)
    holder.renewal?.subscription?.close()
    // The newest came to nothing, and the one before it had left asking to that one.
    const last = holder.renewal === undefined ? undefined : need.renewals.at(-1)
    if (last?.isSettled === true) last.subscription ??= this.#subscribe(need.feed, last)
    if (need.holders.size > 0) return
    const { feed } = need
    feed.needs.delete(need.key)
    need.active?.requirements.release()
    need.warming?.requirements.release()
    void this.#options.outbox.remove(need.key)
    if (feed.needs.size > 0) return
    feed.cancelStale?.()
    this.#feeds.delete(feed.key)
    feed.subscription?.close()
    this.#options.onClosed(feed.reference)
  }
}

/** Those that Envoy takes only under the name in them, whatever they were wrapped in. */
const misnamings: Partial<Record<Reference['kind'], string>> = {
  route: 'Unexpected RDS configuration',
  endpoint: 'Unexpected EDS cluster',
  secret: 'Unexpected SDS secret',
}

function misnaming({ kind, name }: Reference, resource: Resource): string | undefined {
  const words = misnamings[kind]
  const own = words === undefined || isUrn(name) ? name : ownName(resource)
  return own === name ? undefined : `${words} (expecting ${name}): ${own}`
}

/** Of a need, and of its unit. */
const keyOf = (reference: Reference): string => `${reference.kind}/${referenceKey(reference)}`
