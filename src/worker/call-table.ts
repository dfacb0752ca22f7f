import { ClusterError } from '../api/clusters.js'
import { Stage, type StreamAddon } from './script-addon.js'

/** What a call hears from native code. */
export interface CallListener {
  /** `isLast`: nothing follows. */
  onHeaders(isLast: boolean): void
  onData(chunk: Uint8Array): void
  onTrailers(): void
  /** The last one. False: the answer broke off. */
  onEnd(isWhole: boolean): void
  /** The body may go on. */
  onWritable(): void
}

/** What native code knows of a call, while it is there. */
export interface CallFacts {
  readonly flags: string
  readonly details: string
  /** The proxy itself answered: no server did. */
  readonly isOwnAnswer: boolean
  readonly upstreamHost: string
}

const started = 0
const noCluster = 1

/** The calls under way in this worker, by the numbers that native code knows them by. */
export class CallTable {
  readonly #addon: StreamAddon
  readonly #calls = new Map<number, CallListener>()
  #last = 0

  constructor(addon: StreamAddon) {
    this.#addon = addon
  }

  /** The call's number. Its listener may hear of the answer before this returns. Throws a ClusterError. */
  start(
    cluster: string,
    headers: readonly string[],
    timeoutMs: number,
    bits: number,
    listener: (number: number) => CallListener,
  ): number {
    const number = this.#fresh()
    this.#calls.set(number, listener(number))
    let outcome: number | undefined
    try {
      outcome = this.#addon.callStart(number, cluster, headers, timeoutMs, bits)
    } finally {
      if (outcome !== started) this.#calls.delete(number)
    }
    if (outcome === noCluster) throw new ClusterError('no-cluster', `there is no cluster '${cluster}'`, 'NC')
    if (outcome !== started) throw new ClusterError('overflow', 'too many calls are under way in this worker')
    return number
  }

  /** False: wait for onWritable. */
  write(number: number, bytes: Uint8Array | string, isLast: boolean): boolean {
    return !this.#calls.has(number) || this.#addon.callWrite(number, bytes, isLast)
  }

  pause(number: number, isPaused: boolean): void {
    if (this.#calls.has(number)) this.#addon.callPause(number, isPaused)
  }

  /** The listener hears nothing more. */
  cancel(number: number): void {
    if (this.#calls.delete(number)) this.#addon.callCancel(number)
  }

  entries(number: number, areTrailers: boolean): string[] {
    return this.#addon.callEntries(number, areTrailers)
  }

  facts(number: number): CallFacts {
    const [flags = '', details = '', own = '', upstreamHost = ''] = this.#addon.callFacts(number)
    return { flags, details, isOwnAnswer: own !== '', upstreamHost }
  }

  /** What native code tells of a call; the stages are those of calls. */
  dispatch(stage: number, number: number, flag: boolean, chunk: Uint8Array | undefined): void {
    const listener = this.#calls.get(number)
    if (listener === undefined) return
    switch (stage) {
      case Stage.callHeaders:
        return listener.onHeaders(flag)
      case Stage.callData:
        return listener.onData(chunk ?? new Uint8Array())
      case Stage.callTrailers:
        return listener.onTrailers()
      case Stage.callWritable:
        return listener.onWritable()
      default:
        this.#calls.delete(number)
        return listener.onEnd(flag)
    }
  }

  #fresh(): number {
    do this.#last = this.#last >= 0xffff_ffff ? 1 : this.#last + 1
    while (this.#calls.has(this.#last))
    return this.#last
  }
}
