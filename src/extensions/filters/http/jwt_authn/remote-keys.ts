import type { FilterContext } from '../../../../api/context.js'
import type { RemoteKeySettings } from './settings.js'
import { KeySet } from './token.js'

const retried = '5xx,gateway-error,connect-failure,reset'
// As Envoy, keys are fetched again this long before they are too old.
const earlyMs = 5_000

/** What is told of fetches. */
export interface FetchCounters {
  fetched(): void
  failed(): void
}

/** The keys of one provider, where they are now. */
export interface KeySource {
  /** Undefined: they have to be fetched first. */
  current(): KeySet | undefined
  /** Fetches them; undefined: that came to nothing. All who ask meanwhile wait for the same answer. */
  fetch(): Promise<KeySet | undefined>
}

export class LocalKeys implements KeySource {
  readonly #keys: KeySet

  constructor(json: string) {
    this.#keys = new KeySet(json)
  }

  current(): KeySet {
    return this.#keys
  }

  fetch(): Promise<KeySet> {
    return Promise.resolve(this.#keys)
  }
}

/** Keys that a server has, kept for a while: fetched when a token wants them, or ahead of time. */
export class RemoteKeys implements KeySource {
  readonly #settings: RemoteKeySettings
  readonly #context: FilterContext
  readonly #counters: FetchCounters
  #keys: KeySet | undefined
  #fetchedMs = 0
  #fetching: Promise<KeySet | undefined> | undefined

  constructor(settings: RemoteKeySettings, context: FilterContext, counters: FetchCounters) {
    this.#settings = settings
    this.#context = context
    this.#counters = counters
    // The clusters of this configuration are there once it is in use, which is after `create`.
    if (settings.isAhead) this.#later(0)
  }

  current(): KeySet | undefined {
    const age = this.#context.clock.monotonicMs() - this.#fetchedMs
    return this.#keys !== undefined && age < this.#settings.keepMs ? this.#keys : undefined
  }

  fetch(): Promise<KeySet | undefined> {
    this.#fetching ??= this.#get().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #get(): Promise<KeySet | undefined> {
    const { cluster, path, host, timeoutMs, retries, tryMs } = this.#settings
    const again = {
      'x-envoy-retry-on': retried,
      'x-envoy-max-retries': String(retries),
      ...(tryMs > 0 && { 'x-envoy-upstream-rq-per-try-timeout-ms': String(tryMs) }),
    }
    // Out of the hook that wants them: the fetch is for all who wait, and must not end with one request.
    await undefined
    try {
      const response = await this.#context.clusters.fetch(cluster, {
        path,
        authority: host,
        timeoutMs,
        headers: { 'user-agent': 'Go-browser', ...(retries > 0 && again) },
        signal: this.#context.signal,
      })
      const text = await response.text()
      if (response.status !== 200) throw new Error(`status ${response.status}`)
      this.#keys = new KeySet(text)
      this.#fetchedMs = this.#context.clock.monotonicMs()
      this.#counters.fetched()
      return this.#keys
    } catch (error) {
      if (this.#context.signal.aborted) return undefined
      this.#counters.failed()
      this.#context.log.warning(
        `keys from cluster '${cluster}': ${error instanceof Error ? error.message : String(error)}`,
      )
      return undefined
    }
  }

  #later(ms: number): void {
    const { signal } = this.#context
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      if (!signal.aborted) void this.#ahead()
    }, ms)
    const stop = (): void => clearTimeout(timer)
    signal.addEventListener('abort', stop, { once: true })
    timer.unref()
  }

  async #ahead(): Promise<void> {
    const keys = await this.fetch()
    const { keepMs, failedMs } = this.#settings
    this.#later(keys === undefined ? failedMs : Math.max(keepMs - earlyMs, 1_000))
  }
}
