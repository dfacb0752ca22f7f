import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { ClusterReference } from '../../plan/reference.js'
import type { DemandEnd } from '../../snapshot/config-delta.js'
import type { Clock } from '../../support/clock.js'
import type { DiscoveryClient, Subscription, SubscriptionEvent, Update, Watcher } from '../../xds/types.js'
import type { Types } from '../../config/index.js'
import type { Needed } from './requirements.js'

export interface OnDemandClustersOptions {
  readonly client: DiscoveryClient
  readonly types: Types
  readonly clock: Clock
  readonly onEvent: (event: SubscriptionEvent) => void
  /** The first place to ask is named. */
  readonly onOpened: () => void
  /** Takes what comes, as CDS takes it. */
  readonly watcher: () => Pick<Watcher, 'onUpdate'>
  /** Whether requests can be sent to the cluster. */
  readonly isInUse: (name: string) => boolean
  /** Calls back when main has what was put before. */
  readonly whenIdle: () => Promise<void>
}

type OnSettled = (end: DemandEnd) => void

/** A place to ask, as long as filters name it. */
interface Source {
  readonly reference: ClusterReference
  holders: number
  /** Since the first request. */
  subscription: Subscription | undefined
  /** All that was asked for, which is followed from then on. */
  readonly names: Set<string>
  /** Who waits, by cluster. */
  readonly waiting: Map<string, { readonly settle: OnSettled[]; cancel(): void }>
}

/** Clusters that requests ask for (ODCDS): one that is not there is asked for, and its requests wait until it is warm, or for a time. */
export class OnDemandClusters {
  readonly #options: OnDemandClustersOptions
  readonly #sources = new Map<number, Source>()

  constructor(options: OnDemandClustersOptions) {
    this.#options = options
  }

  acquire(reference: ClusterReference): { needed: Needed; release(): void } {
    const source = this.#sources.get(reference.slot) ?? {
      reference,
      holders: 0,
      subscription: undefined,
      names: new Set<string>(),
      waiting: new Map(),
    }
    if (this.#sources.size === 0) this.#options.onOpened()
    source.holders += 1
    this.#sources.set(reference.slot, source)
    return { needed: { isSettled: true }, release: () => this.#release(source) }
  }

  /** A request waits for the cluster. */
  demand(slot: number, cluster: string, onSettled: OnSettled): void {
    const source = this.#sources.get(slot)
    if (source === undefined) return onSettled('missing')
    if (this.#options.isInUse(cluster)) return void this.#options.whenIdle().then(() => onSettled('came'))
    const known = source.waiting.get(cluster)
    if (known !== undefined) return void known.settle.push(onSettled)
    const { timeoutMs } = source.reference.use
    const cancel = this.#options.clock.after(timeoutMs, () => this.#settle(source, cluster, 'timeout'))
    source.waiting.set(cluster, { settle: [onSettled], cancel })
    source.names.add(cluster)
    if (source.subscription === undefined) source.subscription = this.#subscribe(source)
    else source.subscription.setNames(new Set(source.names))
  }

  /** Clusters may be in use that were not. */
  look(): void {
    for (const source of this.#sources.values())
      for (const cluster of [...source.waiting.keys()])
        if (this.#options.isInUse(cluster)) this.#settle(source, cluster, 'came')
  }

  close(): void {
    for (const source of this.#sources.values()) this.#end(source)
    this.#sources.clear()
  }

  #subscribe(source: Source): Subscription {
    const { client, types, onEvent, watcher } = this.#options
    const schema = types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    const inner = watcher()
    return client.subscribe({
      type: 'cluster',
      source: fromBinary(schema, source.reference.source.bytes) as ConfigSource,
      names: new Set(source.names),
      watcher: {
        onUpdate: async update => {
          const wrong = await inner.onUpdate(update)
          for (const name of missingIn(update)) this.#settle(source, name, 'missing')
          this.look()
          return wrong
        },
        onFailure: () => undefined,
      },
      onEvent,
    })
  }

  #settle({ waiting }: Source, cluster: string, end: DemandEnd): void {
    const known = waiting.get(cluster)
    if (known === undefined) return
    waiting.delete(cluster)
    known.cancel()
    void this.#options.whenIdle().then(() => {
      for (const onSettled of known.settle) onSettled(end)
    })
  }

  #release(source: Source): void {
    source.holders -= 1
    if (source.holders > 0) return
    this.#sources.delete(source.reference.slot)
    this.#end(source)
  }

  #end(source: Source): void {
    source.subscription?.close()
    for (const cluster of [...source.waiting.keys()]) this.#settle(source, cluster, 'missing')
  }
}

/** What the answer says there is not. */
const missingIn = ({ added, removed }: Update): string[] => [
  ...removed,
  ...added.flatMap(({ name, isAbsent }) => (isAbsent ? [name] : [])),
]
