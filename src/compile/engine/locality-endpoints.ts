import type { LbEndpoint } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { LocalityEndpointsReference } from '../../plan/reference.js'
import type { Update } from '../../xds/types.js'
import type { DiscoveriesOptions } from './discoveries.js'
import { type HeldSet, HeldSets } from './held-sets.js'
import type { Verdict } from './outbox.js'
import type { Needed } from './requirements.js'

export interface LocalityEndpointsOptions extends DiscoveriesOptions {
  /** Localities of the cluster in this slot have other members now. Resolves with why they cannot be used. */
  readonly onChange: (slot: number) => Promise<Verdict>
}

interface MemberSet extends HeldSet<LocalityEndpointsReference> {
  /** By the name of the resource. */
  members: ReadonlyMap<string, LbEndpoint>
}

/** Members of localities that come by themselves (LEDS): each locality has a collection of its own. */
export class LocalityEndpoints {
  readonly #options: LocalityEndpointsOptions
  readonly #sets: HeldSets<LocalityEndpointsReference, MemberSet>

  constructor(options: LocalityEndpointsOptions) {
    this.#options = options
    this.#sets = new HeldSets({
      ...options,
      asked: ({ name }) => ({ type: 'locality-endpoints', names: undefined, collection: name }),
      onUpdate: (set, update) => this.#onUpdate(set, update),
      onReleased: () => undefined,
    })
  }

  acquire(reference: LocalityEndpointsReference, onSettled: () => void): { needed: Needed; release(): void } {
    const key = `${reference.source.key} ${reference.slot} ${reference.use.locality} ${reference.name}`
    return this.#sets.acquire(key, reference, () => ({ members: new Map() }), onSettled)
  }

  /** Those of a locality of the cluster in a slot; undefined: they have not come. */
  of(slot: number, locality: number): readonly LbEndpoint[] | undefined {
    const set = this.#sets.all.find(({ reference }) => reference.slot === slot && reference.use.locality === locality)
    return set === undefined || set.members.size === 0 ? undefined : [...set.members.values()]
  }

  close(): void {
    this.#sets.close()
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
    this.#sets.settle(set)
    return refused
  }
}
