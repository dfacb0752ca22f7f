import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import type { Mux, Watch } from './mux.js'
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
}

/** A party's interest in resources over a gRPC stream: counts, times the first answer, passes updates on. */
export class GrpcSubscription implements Subscription {
  readonly #asked: SubscribeOptions
  readonly #options: GrpcSubscriptionOptions
  readonly #watch: Watch
  readonly #first: FirstAnswer
  #isClosed = false

  constructor(asked: SubscribeOptions, options: GrpcSubscriptionOptions) {
    this.#asked = asked
    this.#options = options
    this.#first = new FirstAnswer(options.clock, options.fetchTimeoutMs, () => this.#timedOut())
    this.#watch = options.mux.watch(asked.type, namesOf(asked), {
      onUpdate: update => this.#updated(update),
      onRejected: detail => this.#rejected(detail),
      onConnectionFailure: () => this.#disconnected(),
    })
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
    this.#first.came()
    if (this.#options.ownsMux) this.#options.mux.close()
    else this.#watch.close()
  }

  async #updated(update: Update): Promise<string | undefined> {
    if (this.#isClosed) return undefined
    const { watcher, onEvent } = this.#asked
    this.#first.came()
    const start = performance.now()
    // As in Envoy: in delta one that is refused is counted too.
    const { isDelta } = this.#options.mux
    if (isDelta) onEvent({ kind: 'update_attempt' })
    const wrong = await watcher.onUpdate(update)
    if (wrong !== undefined) return wrong
    const durationMs = Math.floor(performance.now() - start)
    if (!isDelta) onEvent({ kind: 'update_attempt' })
    onEvent({ kind: 'update_success', version: update.version, at: Date.now(), durationMs })
    return undefined
  }

  #rejected(detail: string): void {
    if (this.#isClosed) return
    const { watcher, onEvent, type } = this.#asked
    this.#first.came()
    onEvent({ kind: 'update_rejected', detail })
    onEvent({ kind: 'update_attempt' })
    this.#options.log.warning(`gRPC config for ${resourceTypes[type]} rejected: ${detail}`)
    watcher.onFailure('rejected', detail)
  }

  #disconnected(): void {
    if (this.#isClosed) return
    const { watcher, onEvent } = this.#asked
    onEvent({ kind: 'update_failure' })
    onEvent({ kind: 'update_attempt' })
    watcher.onFailure('connection', '')
  }

  #timedOut(): void {
    const { watcher, onEvent, type } = this.#asked
    onEvent({ kind: 'init_fetch_timeout' })
    onEvent({ kind: 'update_attempt' })
    this.#options.log.warning(`gRPC config: initial fetch timed out for ${resourceTypes[type]}`)
    watcher.onFailure('timeout', '')
  }
}

export function namesOf({ names, collection }: SubscribeOptions): ReadonlySet<string> {
  return collection === undefined ? (names ?? new Set()) : new Set([collection])
}
