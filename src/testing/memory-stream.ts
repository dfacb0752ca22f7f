import type { ScriptHttpFilter } from '../worker/http-filter-program.js'
import { Outcome, Stage } from '../worker/script-addon.js'
import type { StreamView } from '../worker/stream-view.js'

export type Fields = [name: string, value: string][]

interface Side {
  body: Buffer
  trailers: boolean
  replacement: Buffer | undefined
  /** The hook that runs sees the last of the body. */
  isComplete: boolean
}

/** One request and its response on their way through one filter, in memory. */
export class MemoryStream {
  readonly request: Fields
  readonly requestTrailers: Fields = []
  response: Fields = []
  readonly responseTrailers: Fields = []
  readonly metadata = new Map<string, string>()
  readonly facts: Record<string, string | number>
  readonly routeConfig: unknown
  leftChunk: Buffer = Buffer.alloc(0)
  routeRefreshes = 0
  reply: { status: number; headers: Fields; body: Buffer; details?: string } | undefined
  readonly #filter: ScriptHttpFilter
  readonly #view: StreamView
  readonly #sides: readonly [Side, Side] = [newSide(), newSide()]
  #settled: ((outcome: number) => void) | undefined

  constructor(
    filter: ScriptHttpFilter,
    view: StreamView,
    request: Fields,
    facts: Record<string, string | number>,
    routeConfig: unknown,
  ) {
    this.#filter = filter
    this.#view = view
    this.request = request
    this.facts = facts
    this.routeConfig = routeConfig
  }

  /** Gives one message to the filter's hooks. False: it answered or failed, and the message goes no further. */
  async pass(isResponse: boolean, chunks: readonly Buffer[], trailers: Fields): Promise<boolean> {
    const side = this.#sides[isResponse ? 1 : 0]
    const first = isResponse ? Stage.responseHeaders : Stage.requestHeaders
    side.trailers = trailers.length > 0
    side.body = Buffer.concat(chunks)
    side.isComplete = chunks.length === 0 && !side.trailers
    if (!(await this.#stage(first))) return false
    if (side.replacement !== undefined) side.body = side.replacement
    else if (!(await this.#data(first + 1, side, chunks))) return false
    if (!side.trailers) return true
    side.isComplete = true
    ;(isResponse ? this.responseTrailers : this.requestTrailers).push(...trailers)
    return this.#stage(first + 2)
  }

  bodyOf(isResponse: boolean): Buffer {
    return this.#sides[isResponse ? 1 : 0].body
  }

  complete(): void {
    if ((this.#filter.hookMask >> Stage.complete) & 1) this.#filter.run(Stage.complete, this.#view, undefined)
    this.#view.close()
  }

  // ---- from the filter

  leaveReply(status: number, headers: Fields, body: Buffer, details: string): void {
    this.reply = { status, headers, body, details }
  }

  settle(_stage: number, outcome: number): void {
    this.#settled?.(outcome)
  }

  buffer(isResponse: boolean, limit: number): Uint8Array | undefined {
    const side = this.#sides[isResponse ? 1 : 0]
    if (side.body.length <= limit) return side.body
    this.reply = isResponse
      ? { status: 500, headers: [], body: Buffer.from('Internal Server Error') }
      : { status: 413, headers: [], body: Buffer.from('Payload Too Large') }
    // As in the proxy, the promise is never settled.
    this.#settled?.(Outcome.replied)
    return undefined
  }

  append(isResponse: boolean, bytes: Buffer): void {
    const side = this.#sides[isResponse ? 1 : 0]
    side.body = Buffer.concat([side.body, bytes])
  }

  isComplete(isResponse: boolean): boolean {
    return this.#sides[isResponse ? 1 : 0].isComplete
  }

  replace(isResponse: boolean, bytes: Buffer): void {
    this.#sides[isResponse ? 1 : 0].replacement = bytes
  }

  async #data(stage: number, side: Side, chunks: readonly Buffer[]): Promise<boolean> {
    if (((this.#filter.hookMask >> stage) & 1) === 0 || chunks.length === 0) return true
    const passed: Buffer[] = []
    for (const [index, chunk] of chunks.entries()) {
      side.isComplete = index === chunks.length - 1 && !side.trailers
      const outcome = await this.#run(stage, chunk)
      if (outcome === Outcome.changed) passed.push(this.leftChunk)
      else if (outcome === Outcome.goOn) passed.push(chunk)
      else if (outcome !== Outcome.held) return this.#stopped(outcome)
    }
    side.body = Buffer.concat(passed)
    return true
  }

  async #stage(stage: number): Promise<boolean> {
    if (((this.#filter.hookMask >> stage) & 1) === 0) return true
    const outcome = await this.#run(stage, undefined)
    const passes: readonly number[] = [Outcome.goOn, Outcome.changed, Outcome.held]
    return passes.includes(outcome) || this.#stopped(outcome)
  }

  #stopped(outcome: number): false {
    if (outcome === Outcome.failed)
      this.reply = { status: 500, headers: [], body: Buffer.from('Internal Server Error') }
    return false
  }

  async #run(stage: number, chunk: Buffer | undefined): Promise<number> {
    const waiting = new Promise<number>(resolve => {
      this.#settled = resolve
    })
    const outcome = this.#filter.run(stage, this.#view, chunk && new Uint8Array(chunk))
    return outcome === Outcome.waiting ? await waiting : outcome
  }
}

function newSide(): Side {
  return { body: Buffer.alloc(0), trailers: false, replacement: undefined, isComplete: false }
}
