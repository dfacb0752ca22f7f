/**
 * Reads HTTP/1 responses of health checks (RFC 9112 §4, §6): status, headers, body by content-length, chunks or the end of the
 * connection. Interim responses are skipped.
 */
export interface ResponseEvents {
  /** Headers by lower-case name, the first of each. */
  onHead(status: number, headers: ReadonlyMap<string, string>): void
  onBody(bytes: Buffer): void
  /** `isReusable`: the connection may carry another request. */
  onEnd(isReusable: boolean): void
}

/** Envoy's limit of a response head. */
const mostHeadBytes = 80 * 1024
const mostChunkLine = 1024

type State =
  | { readonly in: 'head' }
  | { readonly in: 'length'; left: number }
  | { readonly in: 'chunk-line' }
  | { readonly in: 'chunk'; left: number }
  | { readonly in: 'trailers' }
  | { readonly in: 'rest' }
  | { readonly in: 'done' }

export class Http1Response {
  readonly #events: ResponseEvents
  readonly #hasBody: boolean
  #state: State = { in: 'head' }
  #kept: Buffer = Buffer.alloc(0)
  #isReusable = true

  /** `isHead`: of a HEAD request, whose response has no body whatever it says. */
  constructor(isHead: boolean, events: ResponseEvents) {
    this.#hasBody = !isHead
    this.#events = events
  }

  /** False: this is no HTTP/1. */
  push(bytes: Buffer): boolean {
    this.#kept = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes])
    for (;;) {
      const before = this.#state
      const length = this.#kept.length
      if (!this.#step()) return false
      if (this.#state === before && this.#kept.length === length) return true
    }
  }

  /** The connection ended. False: in the middle of a response. */
  end(): boolean {
    if (this.#state.in !== 'rest') return false
    this.#done(false)
    return true
  }

  #step(): boolean {
    const state = this.#state
    switch (state.in) {
      case 'head':
        return this.#head()
      case 'length':
      case 'chunk': {
        const part = this.#take(Math.min(state.left, this.#kept.length))
        state.left -= part.length
        if (part.length > 0) this.#events.onBody(part)
        if (state.left > 0) return true
        if (state.in === 'length') this.#done(this.#isReusable)
        else return this.#chunkEnd()
        return true
      }
      case 'chunk-line':
        return this.#chunkLine()
      case 'trailers':
        return this.#trailers()
      case 'rest':
        if (this.#kept.length > 0) this.#events.onBody(this.#take(this.#kept.length))
        return true
      case 'done':
        return this.#kept.length === 0
    }
  }

  #take(count: number): Buffer {
    const part = this.#kept.subarray(0, count)
    this.#kept = this.#kept.subarray(count)
    return part
  }

  #head(): boolean {
    const end = this.#kept.indexOf('\r\n\r\n')
    if (end < 0) return this.#kept.length <= mostHeadBytes
    const [start = '', ...lines] = this.#take(end + 4)
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
    const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(start)
    if (match === null) return false
    const status = Number(match[2])
    if (status >= 100 && status < 200 && status !== 101) return true
    const headers = new Map<string, string>()
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon <= 0) return false
      const name = line.slice(0, colon).toLowerCase()
      if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
    }
    const connection = (headers.get('connection') ?? headers.get('proxy-connection') ?? '').toLowerCase()
    this.#isReusable = match[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive')
    this.#events.onHead(status, headers)
    return this.#body(status, headers)
  }

  #body(status: number, headers: ReadonlyMap<string, string>): boolean {
    const length = headers.get('content-length')
    if (!this.#hasBody || status === 204 || status === 304) this.#done(this.#isReusable)
    else if (headers.get('transfer-encoding')?.toLowerCase().endsWith('chunked')) this.#state = { in: 'chunk-line' }
    else if (length === undefined) this.#state = { in: 'rest' }
    else if (!/^\d{1,15}$/.test(length)) return false
    else if (Number(length) === 0) this.#done(this.#isReusable)
    else this.#state = { in: 'length', left: Number(length) }
    return true
  }

  #line(): string | undefined {
    const end = this.#kept.indexOf('\r\n')
    return end < 0
      ? undefined
      : this.#take(end + 2)
          .subarray(0, end)
          .toString('latin1')
  }

  #chunkLine(): boolean {
    const line = this.#line()
    if (line === undefined) return this.#kept.length <= mostChunkLine
    const match = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line)
    if (match === null) return false
    const left = Number.parseInt(match[1] ?? '', 16)
    this.#state = left === 0 ? { in: 'trailers' } : { in: 'chunk', left }
    return true
  }

  #chunkEnd(): boolean {
    if (this.#kept.length < 2) return true
    if (this.#take(2).toString('latin1') !== '\r\n') return false
    this.#state = { in: 'chunk-line' }
    return true
  }

  #trailers(): boolean {
    const line = this.#line()
    if (line === undefined) return this.#kept.length <= mostHeadBytes
    if (line === '') this.#done(this.#isReusable)
    return true
  }

  #done(isReusable: boolean): void {
    this.#state = { in: 'done' }
    this.#events.onEnd(isReusable)
  }
}
