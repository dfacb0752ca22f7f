import type { VirtualHost } from '../../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { VirtualHostReference } from '../../plan/reference.js'
import type { Update } from '../../xds/types.js'
import type { DiscoveriesOptions } from './discoveries.js'
import { type HeldSet, HeldSets } from './held-sets.js'
import type { Verdict } from './outbox.js'
import type { Needed } from './requirements.js'

export interface VirtualHostsOptions extends DiscoveriesOptions {
  /** The table in this slot has other virtual hosts now. Resolves when it is in use, or with why it cannot be. */
  readonly onChange: (slot: number, version: string) => Promise<Verdict>
}

interface HostSet extends HeldSet<VirtualHostReference> {
  /** By their own names: as in Envoy, what a resource is called counts only when it is removed. */
  hosts: ReadonlyMap<string, VirtualHost>
  /** Who waits for an alias, "<route table>/<host>". */
  readonly demanded: Map<string, (() => void)[]>
}

/** Virtual hosts that belong to route tables and come by themselves (VHDS), some as requests ask for them. */
export class VirtualHosts {
  readonly #options: VirtualHostsOptions
  readonly #sets: HeldSets<VirtualHostReference, HostSet>

  constructor(options: VirtualHostsOptions) {
    this.#options = options
    this.#sets = new HeldSets({
      ...options,
      asked: ({ name }) => ({ type: 'virtual-host', names: new Set([name]) }),
      onUpdate: (set, update) => this.#onUpdate(set, update),
      onReleased: set => {
        for (const alias of [...set.demanded.keys()]) this.#answer(set, alias)
      },
    })
  }

  acquire(reference: VirtualHostReference, onSettled: () => void): { needed: Needed; release(): void } {
    const key = `${reference.source.key} ${reference.slot} ${reference.name}`
    return this.#sets.acquire(key, reference, () => ({ hosts: new Map(), demanded: new Map() }), onSettled)
  }

  /** What the table in this slot has besides its own. */
  of(slot: number): readonly VirtualHost[] {
    return this.#sets.all.flatMap(set => (set.reference.slot === slot ? [...set.hosts.values()] : []))
  }

  /** A request for this host waits. `onSettled`: its virtual host is there, or will not come. */
  demand(slot: number, host: string, onSettled: () => void): void {
    const set = this.#sets.all.find(one => one.reference.slot === slot)
    if (set?.subscription === undefined) return onSettled()
    const alias = `${set.reference.name}/${host}`
    const waiting = set.demanded.get(alias)
    if (waiting !== undefined) return void waiting.push(onSettled)
    set.demanded.set(alias, [onSettled])
    set.subscription.requestOnDemand(new Set([alias]))
  }

  close(): void {
    this.#sets.close()
  }

  async #onUpdate(set: HostSet, update: Update): Promise<string | undefined> {
    const before = set.hosts
    const next = new Map(before)
    let isOther = update.added.some(({ isAbsent }) => !isAbsent)
    for (const name of update.removed) if (next.delete(name)) isOther = true
    for (const resource of update.added)
      if (!resource.isAbsent) {
        const host = this.#options.messageOf(resource) as VirtualHost
        next.set(host.name, host)
      }
    set.hosts = next
    const { onChange, onEvent, time } = this.#options
    const refused = isOther ? await onChange(set.reference.slot, update.version) : undefined
    if (refused === undefined) onEvent(set.reference, { kind: 'changed', at: time() })
    if (refused !== undefined) set.hosts = before
    for (const { name, aliases } of update.added) for (const alias of [name, ...aliases]) this.#answer(set, alias)
    for (const name of update.removed) this.#answer(set, name)
    this.#sets.settle(set)
    return refused
  }

  #answer(set: HostSet, alias: string): void {
    const waiting = set.demanded.get(alias) ?? []
    set.demanded.delete(alias)
    for (const onSettled of waiting) onSettled()
  }
}
