/** What the discoveries of an engine keep: subscriptions to resources, and the places where what comes is used. There may be ten thousand of each. */
import type { ConfigSource } from '../../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { DiscoverySource, Reference } from '../../plan/reference.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import type { FetchFailure, ResourceType, SubscribeOptions, Subscription, Update, Watcher } from '../../xds/types.js'
import type { Hold, Needed, Requirements } from './requirements.js'
import type { FeedEvent } from './statistics.js'
import type { ErrorState, StoredResource } from './stored.js'

export interface NeedVersion {
  /** Until it was sent. */
  unit: ConfigUnit | undefined
  readonly requirements: Requirements
}

/** One reference's plan: compiled from the feed's resource, for the place where it is used. */
export class Need implements Needed {
  readonly key: string
  readonly feed: Feed
  reference: Reference
  isSettled = false
  /** In the order in which they came. Of a cluster's versions each has an answer of its own to wait for. */
  readonly holders = new Set<Holder>()
  active: NeedVersion | undefined
  warming: NeedVersion | undefined

  constructor(key: string, feed: Feed, reference: Reference) {
    this.key = key
    this.feed = feed
    this.reference = reference
  }

  get renewals(): Renewal[] {
    return [...this.holders].flatMap(({ renewal }) => renewal ?? [])
  }
}

/** Somebody who waits for a need, or lives with what it brought. */
export class Holder implements Hold<Needed> {
  readonly need: Need
  readonly renewal: Renewal | undefined
  readonly onSettled: () => void
  readonly #release: (holder: Holder) => void

  constructor(need: Need, renewal: Renewal | undefined, onSettled: () => void, release: (holder: Holder) => void) {
    this.need = need
    this.renewal = renewal
    this.onSettled = onSettled
    this.#release = release
  }

  get needed(): Needed {
    return this.renewal ?? this.need
  }

  release(): void {
    this.#release(this)
  }
}

/** As in Envoy, a cluster that is another than before asks for its members anew, and warms until it is told of them. */
export interface Renewal extends Needed {
  isSettled: boolean
  /** An answer came, or none will. */
  isAnswered: boolean
  /** The plan is of an earlier version of the cluster. */
  isStale: boolean
  subscription: Subscription | undefined
}

/** One subscription to one resource, for all who refer to it. */
export interface Feed {
  readonly key: string
  readonly reference: Reference
  readonly needs: Map<string, Need>
  subscription: Subscription | undefined
  stored: StoredResource | undefined
  error: ErrorState | undefined
  /** Since when it is asked for, Unix milliseconds. */
  readonly askedAt: number
  /** endpoint_stale_after of the last assignment; 0: none. */
  staleAfterMs: number
  cancelStale: (() => void) | undefined
  /** Asking came to nothing so far, and nobody waits any more. */
  hasFailed: boolean
}

/** Who is told of a feed's answers. */
export interface FeedOwner {
  sourceOf(source: DiscoverySource): ConfigSource
  onUpdate(feed: Feed, update: Update): Promise<string | undefined>
  onFailed(feed: Feed): void
  onEvent(reference: Reference, event: FeedEvent): void
}

/** One asking for a feed's resource. */
export class Asking implements SubscribeOptions, Watcher {
  readonly #owner: FeedOwner
  readonly #feed: Feed
  readonly #renewal: Renewal | undefined

  constructor(owner: FeedOwner, feed: Feed, renewal: Renewal | undefined) {
    this.#owner = owner
    this.#feed = feed
    this.#renewal = renewal
  }

  get type(): ResourceType {
    return this.#feed.reference.kind
  }

  get source(): ConfigSource {
    return this.#owner.sourceOf(this.#feed.reference.source)
  }

  get names(): ReadonlySet<string> {
    return new Set([this.#feed.reference.name])
  }

  get watcher(): Watcher {
    return this
  }

  onUpdate(update: Update): Promise<string | undefined> {
    if (this.#renewal !== undefined) this.#renewal.isAnswered = true
    return this.#owner.onUpdate(this.#feed, update)
  }

  onFailure(reason: FetchFailure): void {
    if (reason === 'connection') return
    if (this.#renewal !== undefined) this.#renewal.isAnswered = true
    this.#owner.onFailed(this.#feed)
  }

  onEvent(event: FeedEvent): void {
    this.#owner.onEvent(this.#feed.reference, event)
  }
}
