import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import type { Mux, Watch, WatchCallbacks } from './mux.js'
import { resourceTypes, type SubscribeOptions, type Subscription, type Update } from './types.js'

/** The time within which a first answer is to come. */
export class FirstAnswer {
  #cancel: (() => void) | undefined

  /** 0 milliseconds: no limit. */
  constructor(clock: Clock, ms: number, onTimeout: () => void) {
    if (ms === 0) return
    this.#cancel = clock.after(ms, () => {
      this.#cancel = undefined
      onTimeout()
    })
  }

  came(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

export interface GrpcSubscriptionOptions {
  readonly mux: Mux
  readonly clock: Clock
  readonly log: Logger
  readonly fetchTimeoutMs: number
  /** The stream is this subscription's own, and ends with it. */
  readonly ownsMux: boolean
  readonly onClosed: (subscription: Subscription) => void
}

/**
 * A party's interest in resources over a gRPC stream: counts, times the first answer, passes updates on. There may be ten thousand, so
 * that each keeps little; `options` are one object for many.
 */
export class GrpcSubscription implements Subscription, WatchCallbacks {
  readonly #asked: SubscribeOptions
  readonly #options: GrpcSubscriptionOptions
  readonly #watch: Watch
  #first: FirstAnswer | undefined
  #isClosed = false

  constructor(asked: SubscribeOptions, options: GrpcSubscriptionOptions) {
    this.#asked = asked
    this.#options = options
    const { clock, fetchTimeoutMs } = options
    if (fetchTimeoutMs > 0) this.#first = new FirstAnswer(clock, fetchTimeoutMs, () => this.#timedOut())
    this.#watch = options.mux.watch(asked.type, namesOf(asked), this)
    asked.onEvent({ kind: 'update_attempt' })
    if (options.ownsMux) options.mux.start()
  }

  setNames(names: ReadonlySet<string> | undefined): void {
    if (this.#isClosed) return
    this.#watch.setNames(names ?? new Set())
    this.#asked.onEvent({ kind: 'update_attempt' })
  }

  requestOnDemand(names: ReadonlySet<string>): void {
    if (this.#isClosed) return
    this.#watch.requestOnDemand(names)
    this.#asked.onEvent({ kind: 'update_attempt' })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#firstCame()
    if (this.#options.ownsMux) this.#options.mux.close()
    else this.#watch.close()
    this.#options.onClosed(this)
  }

  #firstCame(): void {
    this.#first?.came()
    this.#first = undefined
  }

  async onUpdate(update: Update): Promise<string | undefined> {
    if (this.#isClosed) return undefined
    this.#firstCame()
    const start = performance.now()
    // As in Envoy: in delta one that is refused is counted too.
    const { isDelta } = this.#options.mux
    if (isDelta) this.#asked.onEvent({ kind: 'update_attempt' })
    const wrong = await this.#asked.watcher.onUpdate(update)
    if (wrong !== undefined) return wrong
    const durationMs = Math.floor(performance.now() - start)
    if (!isDelta) this.#asked.onEvent({ kind: 'update_attempt' })
    this.#asked.onEvent({ kind: 'update_success', version: update.version, at: Date.now(), durationMs })
    return undefined
  }

  onRejected(detail: string): void {
    if (this.#isClosed) return
    const { watcher, type } = this.#asked
    this.#firstCame()
    this.#asked.onEvent({ kind: 'update_rejected', detail })
    this.#asked.onEvent({ kind: 'update_attempt' })
    this.#options.log.warning(`gRPC config for ${resourceTypes[type]} rejected: ${detail}`)
    watcher.onFailure('rejected', detail)
  }

  onConnectionFailure(): void {
    if (this.#isClosed) return
    const { watcher } = this.#asked
    this.#asked.onEvent({ kind: 'update_failure' })
    this.#asked.onEvent({ kind: 'update_attempt' })
    watcher.onFailure('connection', '')
  }

  #timedOut(): void {
    const { watcher, type } = this.#asked
    this.#asked.onEvent({ kind: 'init_fetch_timeout' })
    this.#asked.onEvent({ kind: 'update_attempt' })
    this.#options.log.warning(`gRPC config: initial fetch timed out for ${resourceTypes[type]}`)
    watcher.onFailure('timeout', '')
  }
}

export function namesOf({ names, collection }: SubscribeOptions): ReadonlySet<string> {
  return collection === undefined ? (names ?? new Set()) : new Set([collection])
}
