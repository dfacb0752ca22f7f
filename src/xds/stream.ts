import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import type { BackOff } from './back-off.js'
import type { RateLimit } from './rate-limit.js'
import type { ControlPlaneEvent } from './types.js'

/** One gRPC stream of raw messages. */
export interface RawStream {
  /** False: the peer is slow, and `onDrain` will tell when there is room again. */
  send(bytes: Uint8Array): boolean
  /** No more messages are read from the peer until `resume`. */
  pause(): void
  resume(): void
  cancel(): void
}

export interface RawStreamHandlers {
  onMessage(bytes: Uint8Array): void
  onDrain?(): void
  /** Once, at the end, with a gRPC status. */
  onClose(code: number, detail: string): void
}

/** Opens streams to one gRPC service. */
export interface Transport {
  /** For messages: the cluster or the target. */
  readonly destination: string
  open(method: string, handlers: RawStreamHandlers): RawStream
  /** Called once, when no more streams will be opened. */
  close(): void
}

export interface StreamCallbacks {
  /** A new stream, on which nothing has been said. */
  onOpen(): void
  /** Resolves when the message is dealt with; the next one waits. */
  onMessage(bytes: Uint8Array): Promise<void>
  /** The stream ended, or could not be opened; another attempt will be made. */
  onFailure(): void
  /** The rate limit has room again. */
  onWritable(): void
}

export interface ManagedStreamOptions {
  readonly transport: Transport
  readonly method: string
  readonly clock: Clock
  readonly log: Logger
  readonly backOff: BackOff
  readonly rateLimit: RateLimit | undefined
  readonly onEvent: (event: ControlPlaneEvent) => void
  readonly callbacks: StreamCallbacks
}

const okStatus = 0
// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE: likely to pass by themselves.
const passingStatuses: ReadonlySet<number> = new Set([4, 8, 14])
const quietMs = 30_000

type Arrival = { readonly bytes: Uint8Array } | { readonly code: number; readonly detail: string }

/**
 * A stream that is opened again whenever it ends, after a delay. Messages are handed on one by one: while one is being dealt with, at most
 * one more waits here and the peer is held back.
 */
export class ManagedStream {
  readonly #options: ManagedStreamOptions
  #raw: RawStream | undefined
  #arrivals: Arrival[] = []
  #isBusy = false
  #isClosed = false
  #generation = 0
  #cancelRetry: (() => void) | undefined
  #cancelDrain: (() => void) | undefined
  #wasPending = false
  #lastClose: { readonly code: number; readonly at: number } | undefined

  constructor(options: ManagedStreamOptions) {
    this.#options = options
  }

  /** Differs from one opening to the next. */
  get generation(): number {
    return this.#generation
  }

  get isOpen(): boolean {
    return this.#raw !== undefined
  }

  open(): void {
    if (this.#isClosed || this.#raw !== undefined) return
    const { transport, method, callbacks } = this.#options
    const generation = ++this.#generation
    const arrive = (arrival: Arrival): void => {
      if (generation === this.#generation) this.#arrived(arrival)
    }
    this.#raw = transport.open(method, {
      onMessage: bytes => arrive({ bytes }),
      onClose: (code, detail) => arrive({ code, detail }),
    })
    this.#options.onEvent({ kind: 'control_plane.connected_state', value: 1 })
    callbacks.onOpen()
  }

  send(bytes: Uint8Array): void {
    this.#raw?.send(bytes)
  }

  /** Asked before each send. Says no when there are too many; onWritable comes later. */
  allowsSend(): boolean {
    const { rateLimit, clock, onEvent, callbacks } = this.#options
    if (rateLimit === undefined || rateLimit.take()) return true
    onEvent({ kind: 'control_plane.rate_limit_enforced' })
    this.#cancelDrain ??= clock.after(Math.max(1, rateLimit.waitMs()), () => {
      this.#cancelDrain = undefined
      if (this.#raw !== undefined) callbacks.onWritable()
    })
    return false
  }

  /** Requests that could not be sent yet. */
  tellPending(count: number): void {
    if (count === 0 && !this.#wasPending) return
    this.#wasPending = true
    this.#options.onEvent({ kind: 'control_plane.pending_requests', value: count })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#generation++
    this.#cancelRetry?.()
    this.#cancelDrain?.()
    this.#arrivals = []
    if (this.#raw !== undefined) {
      this.#raw.cancel()
      this.#raw = undefined
      this.#options.onEvent({ kind: 'control_plane.connected_state', value: 0 })
    }
    this.#options.transport.close()
  }

  #arrived(arrival: Arrival): void {
    this.#arrivals.push(arrival)
    if (this.#isBusy) this.#raw?.pause()
    else void this.#work()
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    for (let next = this.#arrivals.shift(); next !== undefined; next = this.#arrivals.shift()) {
      if ('code' in next) this.#ended(next.code, next.detail)
      else await this.#received(next.bytes)
      if (this.#arrivals.length === 0) this.#raw?.resume()
    }
    this.#isBusy = false
  }

  async #received(bytes: Uint8Array): Promise<void> {
    this.#options.backOff.reset()
    this.#lastClose = undefined
    await this.#options.callbacks.onMessage(bytes)
  }

  #ended(code: number, detail: string): void {
    const { backOff, clock, callbacks, onEvent } = this.#options
    this.#logEnd(code, detail)
    this.#raw = undefined
    this.#generation++
    onEvent({ kind: 'control_plane.connected_state', value: 0 })
    callbacks.onFailure()
    if (this.#isClosed) return
    this.#cancelRetry = clock.after(backOff.next(), () => this.open())
  }

  // A control plane that restarts is not worth a warning; one that stays away is.
  #logEnd(code: number, detail: string): void {
    const { method, transport, log, clock } = this.#options
    const said = `${method.slice(method.lastIndexOf('/') + 1)} gRPC config stream to ${transport.destination} closed`
    if (code === okStatus) return log.debug(`${said}: ${code}, ${detail}`)
    if (!passingStatuses.has(code)) return log.warning(`${said}: ${code}, ${detail}`)
    const first = this.#lastClose
    if (first === undefined || first.code !== code) {
      this.#lastClose = { code, at: clock.now() }
      return first === undefined
        ? log.debug(`${said}: ${code}, ${detail}`)
        : log.warning(`${said}: ${code}, ${detail} (previously ${first.code})`)
    }
    const ms = clock.now() - first.at
    if (ms <= quietMs) return log.debug(`${said}: ${code}, ${detail}`)
    return log.warning(`${said} since ${Math.floor(ms / 1000)}s ago: ${code}, ${detail}`)
  }
}
