import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { VirtualHost } from '../../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { VirtualHostReference } from '../../plan/reference.js'
import type { Subscription, Update } from '../../xds/types.js'
import type { DiscoveriesOptions } from './discoveries.js'
import type { Verdict } from './outbox.js'
import type { Needed } from './requirements.js'

export interface VirtualHostsOptions extends DiscoveriesOptions {
  /** The table in this slot has other virtual hosts now. Resolves when it is in use, or with why it cannot be. */
  readonly onChange: (slot: number) => Promise<Verdict>
}

interface HostSet extends Needed {
  readonly key: string
  readonly reference: VirtualHostReference
  readonly waiting: Map<object, () => void>
  /** By the name of the resource. */
  hosts: ReadonlyMap<string, VirtualHost>
  /** Who waits for an alias, "<route table>/<host>". */
  readonly demanded: Map<string, (() => void)[]>
  subscription: Subscription | undefined
  isSettled: boolean
}

/** Virtual hosts that belong to route tables and come by themselves (VHDS), some as requests ask for them. */
export class VirtualHosts {
  readonly #options: VirtualHostsOptions
  readonly #sets = new Map<string, HostSet>()

  constructor(options: VirtualHostsOptions) {
    this.#options = options
  }

  acquire(reference: VirtualHostReference, onSettled: () => void): { needed: Needed; release(): void } {
    const key = `${reference.source.key} ${reference.slot} ${reference.name}`
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = {
        key,
        reference,
        waiting: new Map(),
        hosts: new Map(),
        demanded: new Map(),
        subscription: undefined,
        isSettled: false,
      }
      this.#sets.set(key, set)
    }
    const held = set
    const holder = {}
    held.waiting.set(holder, onSettled)
    held.subscription ??= this.#subscribe(held)
    return { needed: held, release: () => this.#release(held, holder) }
  }

  /** What the table in this slot has besides its own. */
  of(slot: number): readonly VirtualHost[] {
    return [...this.#sets.values()].flatMap(set => (set.reference.slot === slot ? [...set.hosts.values()] : []))
  }

  /** A request for this host waits. `onSettled`: its virtual host is there, or will not come. */
  demand(slot: number, host: string, onSettled: () => void): void {
    const set = [...this.#sets.values()].find(one => one.reference.slot === slot)
    if (set?.subscription === undefined) return onSettled()
    const alias = `${set.reference.name}/${host}`
    const waiting = set.demanded.get(alias)
    if (waiting !== undefined) return void waiting.push(onSettled)
    set.demanded.set(alias, [onSettled])
    set.subscription.requestOnDemand(new Set([alias]))
  }

  close(): void {
    for (const { subscription } of this.#sets.values()) subscription?.close()
    this.#sets.clear()
  }

  #subscribe(set: HostSet): Subscription {
    const { reference } = set
    const { client, environment, onEvent } = this.#options
    const schema = environment().deps.types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    return client.subscribe({
      type: 'virtual-host',
      source: fromBinary(schema, reference.source.bytes) as ConfigSource,
      names: new Set([reference.name]),
      watcher: {
        onUpdate: update => this.#onUpdate(set, update),
        onFailure: reason => {
          if (reason !== 'connection') this.#settle(set)
        },
      },
      onEvent: event => onEvent(reference, event),
    })
  }

  async #onUpdate(set: HostSet, update: Update): Promise<string | undefined> {
    const before = set.hosts
    const next = new Map(before)
    for (const name of update.removed) next.delete(name)
    for (const resource of update.added)
      if (!resource.isAbsent) next.set(resource.name, this.#options.messageOf(resource) as VirtualHost)
    set.hosts = next
    const { onChange, onEvent, time } = this.#options
    const refused = await onChange(set.reference.slot)
    if (refused === undefined) onEvent(set.reference, { kind: 'changed', at: time() })
    if (refused !== undefined) set.hosts = before
    for (const { name, aliases } of update.added) for (const alias of [name, ...aliases]) this.#answer(set, alias)
    for (const name of update.removed) this.#answer(set, name)
    this.#settle(set)
    return refused
  }

  #answer(set: HostSet, alias: string): void {
    const waiting = set.demanded.get(alias) ?? []
    set.demanded.delete(alias)
    for (const onSettled of waiting) onSettled()
  }

  #settle(set: HostSet): void {
    if (set.isSettled) return
    set.isSettled = true
    for (const onSettled of [...set.waiting.values()]) onSettled()
  }

  #release(set: HostSet, holder: object): void {
    set.waiting.delete(holder)
    if (set.waiting.size > 0) return
    this.#sets.delete(set.key)
    set.subscription?.close()
    this.#options.onClosed(set.reference)
    for (const alias of [...set.demanded.keys()]) this.#answer(set, alias)
  }
}
