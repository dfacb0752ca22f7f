import { type CallBody, type CallOptions, ClusterError, type ReadonlyHeaders } from '../api/clusters.js'
import type { CallListener, CallTable } from './call-table.js'
import { type CallOwner, type Ending, running } from './current-stream.js'
import { CallBit } from './script-addon.js'

// More than this waits for a reader: the sender is held back.
const highWatermark = 64 * 1024
const defaultTimeoutMs = 15_000
// Native code is to be first: it counts.
const graceMs = 50

export class PlainHeaders implements ReadonlyHeaders {
  readonly #flat: readonly string[]

  constructor(flat: readonly string[]) {
    this.#flat = flat
  }

  get(name: string): string | undefined {
    const at = this.#flat.indexOf(name.toLowerCase())
    // Names stand at even places; a value that looks like one does not count.
    return at < 0 || at % 2 !== 0 ? this.getAll(name)[0] : this.#flat[at + 1]
  }

  getAll(name: string): string[] {
    const wanted = name.toLowerCase()
    return [...this].filter(([known]) => known === wanted).map(([, value]) => value)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.#flat.length; i += 2) yield [this.#flat[i] as string, this.#flat[i + 1] as string]
  }
}

export interface CallHead {
  readonly headers: ReadonlyHeaders
  readonly upstreamHost: string
}

class Deferred<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void
  reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // Who does not ask is not told: that is no unhandled rejection.
    this.promise.catch(() => undefined)
  }
}

/** One request to a cluster: what is written to it, and its answer as it comes. */
export class OutgoingCall implements CallListener, Ending, AsyncIterable<Uint8Array> {
  readonly head = new Deferred<CallHead>()
  readonly trailers = new Deferred<ReadonlyHeaders>()
  readonly #table: CallTable
  readonly #number: number
  readonly #owner: CallOwner | undefined
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => this.fail(new ClusterError('aborted', 'the call was aborted'))
  #chunks: Uint8Array[] = []
  #waiting = 0
  #isPaused = false
  #isOver = false
  #failure: ClusterError | undefined
  #wake: (() => void) | undefined
  #writable: (() => void) | undefined
  #isRead = false
  #timer: NodeJS.Timeout | undefined

  /** Throws a ClusterError; `headers`: pseudo-headers first, name, value, name, value … */
  static start(
    table: CallTable,
    cluster: string,
    headers: readonly string[],
    body: CallBody | undefined,
    options: CallOptions,
    fallbackTimeoutMs = defaultTimeoutMs,
    bits = 0,
  ): OutgoingCall {
    const { signal, timeoutMs = fallbackTimeoutMs } = options
    if (signal?.aborted === true) throw new ClusterError('aborted', 'the call was aborted')
    if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > 0x7fff_ffff)
      throw new RangeError(`timeoutMs: ${timeoutMs} is no number of milliseconds`)
    let call: OutgoingCall | undefined
    const isEmpty = body === undefined || body === '' || (body instanceof Uint8Array && body.length === 0)
    table.start(cluster, headers, timeoutMs, isEmpty ? bits | CallBit.whole : bits, number => {
      call = new OutgoingCall(table, number, signal)
      return call
    })
    const made = call as OutgoingCall
    if (!isEmpty) {
      // Native code reckons the time from the end of the body; one that never ends must not wait for ever.
      if (timeoutMs > 0 && typeof body !== 'string' && !(body instanceof Uint8Array))
        made.#endAfter(timeoutMs + graceMs)
      void made.#send(body)
    }
    return made
  }

  private constructor(table: CallTable, number: number, signal: AbortSignal | undefined) {
    this.#table = table
    this.#number = number
    this.#signal = signal
    this.#owner = running.stream
    this.#owner?.own(this)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  // ---- from native code

  onHeaders(): void {
    const facts = this.#table.facts(this.#number)
    if (facts.isOwnAnswer) {
      const isLate = facts.flags.split(',').includes('UT')
      const why = `${isLate ? 'no answer in time' : 'no answer'}: ${facts.details} (${facts.flags})`
      return this.fail(new ClusterError(isLate ? 'timeout' : 'unavailable', why, facts.flags, facts.details))
    }
    const headers = new PlainHeaders(this.#table.entries(this.#number, false))
    this.head.resolve({ headers, upstreamHost: facts.upstreamHost })
  }

  onData(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    if (this.#waiting > highWatermark) this.#pause(true)
    this.#wake?.()
  }

  onTrailers(): void {
    this.trailers.resolve(new PlainHeaders(this.#table.entries(this.#number, true)))
  }

  onEnd(isWhole: boolean): void {
    if (!isWhole) {
      const { flags, details } = this.#table.facts(this.#number)
      const isLate = flags.split(',').includes('UT')
      const failure = new ClusterError(isLate ? 'timeout' : 'reset', `the answer broke off: ${details}`, flags, details)
      return this.#over(failure)
    }
    this.trailers.resolve(new PlainHeaders([]))
    this.#over(undefined)
  }

  onWritable(): void {
    this.#writable?.()
  }

  // ---- ends

  /** The stream it belongs to is over. */
  end(): void {
    this.fail(new ClusterError('aborted', 'the stream that the call belongs to is over'))
  }

  fail(failure: ClusterError): void {
    if (this.#isOver) return
    this.#table.cancel(this.#number)
    this.#over(failure)
  }

  #endAfter(ms: number): void {
    const late = new ClusterError(
      'timeout',
      'no answer in time: the request was not sent whole',
      'UT',
      'response_timeout',
    )
    this.#timer = setTimeout(() => this.fail(late), ms)
  }

  #over(failure: ClusterError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#failure = failure
    this.#owner?.disown(this)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    if (failure !== undefined) {
      this.head.reject(failure)
      this.trailers.reject(failure)
    }
    this.#wake?.()
    this.#writable?.()
  }

  // ---- body

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.#isRead) throw new TypeError('this body was read already')
    this.#isRead = true
    try {
      for (;;) {
        const chunks = this.#chunks
        this.#chunks = []
        this.#waiting = 0
        this.#pause(false)
        yield* chunks
        if (this.#chunks.length > 0) continue
        if (this.#failure !== undefined) throw this.#failure
        if (this.#isOver) return
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      // Who stops reading wants no more of it.
      this.fail(new ClusterError('aborted', 'the body was not read to its end'))
    }
  }

  #pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused || this.#isOver) return
    this.#isPaused = isPaused
    this.#table.pause(this.#number, isPaused)
  }

  async #send(body: CallBody): Promise<void> {
    if (typeof body === 'string' || body instanceof Uint8Array) {
      this.#table.write(this.#number, body, true)
      return
    }
    try {
      for await (const chunk of body) {
        if (this.#isOver) return
        if (!this.#table.write(this.#number, chunk, false))
          await new Promise<void>(resolve => {
            this.#writable = resolve
          })
      }
      if (!this.#isOver) this.#table.write(this.#number, '', true)
    } catch (error) {
      this.fail(new ClusterError('aborted', `the body of the call failed: ${String(error)}`))
    }
  }
}
