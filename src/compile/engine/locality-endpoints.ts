import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { LbEndpoint } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { LocalityEndpointsReference } from '../../plan/reference.js'
import type { Subscription, Update } from '../../xds/types.js'
import type { DiscoveriesOptions } from './discoveries.js'
import type { Verdict } from './outbox.js'
import type { Needed } from './requirements.js'

export interface LocalityEndpointsOptions extends DiscoveriesOptions {
  /** Localities of the cluster in this slot have other members now. Resolves with why they cannot be used. */
  readonly onChange: (slot: number) => Promise<Verdict>
}

interface MemberSet extends Needed {
  readonly key: string
  readonly reference: LocalityEndpointsReference
  readonly waiting: Map<object, () => void>
  /** By the name of the resource. */
  members: ReadonlyMap<string, LbEndpoint>
  subscription: Subscription | undefined
  isSettled: boolean
}

/** Members of localities that come by themselves (LEDS): each locality has a collection of its own. */
export class LocalityEndpoints {
  readonly #options: LocalityEndpointsOptions
  readonly #sets = new Map<string, MemberSet>()

  constructor(options: LocalityEndpointsOptions) {
    this.#options = options
  }

  acquire(reference: LocalityEndpointsReference, onSettled: () => void): { needed: Needed; release(): void } {
    const key = `${reference.source.key} ${reference.slot} ${reference.use.locality} ${reference.name}`
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = { key, reference, waiting: new Map(), members: new Map(), subscription: undefined, isSettled: false }
      this.#sets.set(key, set)
    }
    const held = set
    const holder = {}
    held.waiting.set(holder, onSettled)
    held.subscription ??= this.#subscribe(held)
    return { needed: held, release: () => this.#release(held, holder) }
  }

  /** Those of a locality of the cluster in a slot; undefined: they have not come. */
  of(slot: number, locality: number): readonly LbEndpoint[] | undefined {
    const set = [...this.#sets.values()].find(
      ({ reference }) => reference.slot === slot && reference.use.locality === locality,
    )
    return set === undefined || set.members.size === 0 ? undefined : [...set.members.values()]
  }

  close(): void {
    for (const { subscription } of this.#sets.values()) subscription?.close()
    this.#sets.clear()
  }

  #subscribe(set: MemberSet): Subscription {
    const { reference } = set
    const { client, environment, onEvent } = this.#options
    const schema = environment().deps.types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    return client.subscribe({
      type: 'locality-endpoints',
      source: fromBinary(schema, reference.source.bytes) as ConfigSource,
      names: undefined,
      collection: reference.name,
      watcher: {
        onUpdate: update => this.#onUpdate(set, update),
        onFailure: reason => {
          if (reason !== 'connection') this.#settle(set)
        },
      },
      onEvent: event => onEvent(reference, event),
    })
  }

  async #onUpdate(set: MemberSet, update: Update): Promise<string | undefined> {
    const before = set.members
    const next = new Map(update.isFullState ? [] : before)
    for (const name of update.removed) next.delete(name)
    for (const resource of update.added)
      if (!resource.isAbsent) next.set(resource.name, this.#options.messageOf(resource) as LbEndpoint)
    set.members = next
    const refused = await this.#options.onChange(set.reference.slot)
    if (refused !== undefined) set.members = before
    this.#settle(set)
    return refused
  }

  #settle(set: MemberSet): void {
    if (set.isSettled) return
    set.isSettled = true
    for (const onSettled of [...set.waiting.values()]) onSettled()
  }

  #release(set: MemberSet, holder: object): void {
    set.waiting.delete(holder)
    if (set.waiting.size > 0) return
    this.#sets.delete(set.key)
    set.subscription?.close()
    this.#options.onClosed(set.reference)
  }
}
