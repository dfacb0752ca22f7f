import type { RateLimitSettings } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Clock } from '../support/clock.js'

const defaultTokens = 100
const defaultFillRate = 10

/** Bounds the requests of a stream; full at the start. */
export class RateLimit {
  readonly #clock: Clock
  readonly #max: number
  readonly #perMs: number
  #tokens: number
  #filledAt: number

  constructor(settings: RateLimitSettings, clock: Clock) {
    this.#clock = clock
    this.#max = settings.maxTokens ?? defaultTokens
    // Envoy takes a rate of at least one a year; what matters is that it is not zero.
    this.#perMs = Math.max(settings.fillRate ?? defaultFillRate, 1 / 31_536_000) / 1000
    this.#tokens = this.#max
    this.#filledAt = clock.now()
  }

  take(): boolean {
    this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Milliseconds until `take` succeeds. */
  waitMs(): number {
    this.#fill()
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs)
  }

  #fill(): void {
    const now = this.#clock.now()
    this.#tokens = Math.min(this.#max, this.#tokens + (now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
  }
}
