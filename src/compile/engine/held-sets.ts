import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Reference } from '../../plan/reference.js'
import type { SubscribeOptions, Subscription, Update } from '../../xds/types.js'
import type { DiscoveriesOptions } from './discoveries.js'
import type { Needed } from './requirements.js'

/** Resources that one subscription brings, for all who refer to them the same way. */
export interface HeldSet<R extends Reference> extends Needed {
  readonly key: string
  readonly reference: R
  /** Those who hold it, and what to call when it is settled. */
  readonly waiting: Map<object, () => void>
  subscription: Subscription | undefined
  isSettled: boolean
}

type Asked = Pick<SubscribeOptions, 'type' | 'names' | 'collection'>

export interface HeldSetsOptions<R extends Reference, S extends HeldSet<R>>
  extends Pick<DiscoveriesOptions, 'client' | 'environment' | 'onEvent' | 'onOpened' | 'onClosed'> {
  readonly asked: (reference: R) => Asked
  readonly onUpdate: (set: S, update: Update) => Promise<string | undefined>
  /** Nobody holds it any more, and its subscription has ended. */
  readonly onReleased: (set: S) => void
}

/** Sets by key: each is asked for from the first holder on, until the last has let go. */
export class HeldSets<R extends Reference, S extends HeldSet<R>> {
  readonly #options: HeldSetsOptions<R, S>
  readonly #sets = new Map<string, S>()

  constructor(options: HeldSetsOptions<R, S>) {
    this.#options = options
  }

  /** In the order in which they came. */
  get all(): readonly S[] {
    return [...this.#sets.values()]
  }

  /** `rest`: what a set of this kind has besides, when it is new. */
  acquire(
    key: string,
    reference: R,
    rest: () => Omit<S, keyof HeldSet<R>>,
    onSettled: () => void,
  ): { needed: Needed; release(): void } {
    let set = this.#sets.get(key)
    if (set === undefined) {
      const held: HeldSet<R> = { key, reference, waiting: new Map(), subscription: undefined, isSettled: false }
      set = Object.assign(held, rest()) as S
      this.#sets.set(key, set)
      this.#options.onOpened(reference)
    }
    const held = set
    const holder = {}
    held.waiting.set(holder, onSettled)
    held.subscription ??= this.#subscribe(held)
    return { needed: held, release: () => this.#release(held, holder) }
  }

  /** What it brings is there, or will not come. */
  settle(set: S): void {
    if (set.isSettled) return
    set.isSettled = true
    for (const onSettled of [...set.waiting.values()]) onSettled()
  }

  close(): void {
    for (const { subscription } of this.#sets.values()) subscription?.close()
    this.#sets.clear()
  }

  #subscribe(set: S): Subscription {
    const { reference } = set
    const { client, environment, onEvent, onUpdate, asked } = this.#options
    const schema = environment().deps.types.message('envoy.config.core.v3.ConfigSource') as DescMessage
    return client.subscribe({
      ...asked(reference),
      source: fromBinary(schema, reference.source.bytes) as ConfigSource,
      watcher: {
        onUpdate: update => onUpdate(set, update),
        onFailure: reason => {
          if (reason !== 'connection') this.settle(set)
        },
      },
      onEvent: event => onEvent(reference, event),
    })
  }

  #release(set: S, holder: object): void {
    set.waiting.delete(holder)
    if (set.waiting.size > 0) return
    this.#sets.delete(set.key)
    set.subscription?.close()
    this.#options.onClosed(set.reference)
    this.#options.onReleased(set)
  }
}
